"""Starting runs and waiting for them from a script or a notebook, in the project of the current folder."""

import time
from typing import TYPE_CHECKING

from bakeoff.domain.runs.run import RunState
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.evaluation.reports.leaderboard import rank
from bakeoff.operations.context import Context
from bakeoff.operations.doorbells import why_nothing_runs
from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
from bakeoff.operations.runs import start_run as runs
from bakeoff.store.bakeoffs import job_queries, run_rows
from tasks import celery

if TYPE_CHECKING:
    import pandas as pd


def start_run(request: RunRequest, *, context: Context | None = None) -> str:
    """Starts a run and returns its id. Its jobs start as soon as there are a worker and a broker.

    `context`: that of another project, if it is not the current one.
    """
    return runs.start_run(context or celery.process_context(), request)


def retry(run_id: str, *, context: Context | None = None) -> str:
    """Starts a new run of the same candidates on the same snapshot, which reuses results. Returns its id."""
    return runs.retry(context or celery.process_context(), run_id)


def wait(
    run_id: str, *, timeout_s: float | None = None, poll_s: float = 0.2, context: Context | None = None
) -> RunState:
    """Waits for the run and returns its final state. TimeoutError says why no job is running."""
    context = context or celery.process_context()
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while not (state := run_rows.get(context.engine, run_id).state).has_ended:
        if deadline is not None and time.monotonic() > deadline:
            why = why_nothing_runs(context, [run_id]) or "it has a job at work"
            raise TimeoutError(f"run {run_id} is still {state} after {timeout_s} s: {why}")
        time.sleep(poll_s)
    wait_for_verdict(context, run_id)
    return state


def results(run_id: str, *, context: Context | None = None) -> "pd.DataFrame":
    """One row per completed evaluation, best first; each metric is a column."""
    import pandas as pd

    engine = (context or celery.process_context()).engine
    run = run_rows.get(engine, run_id)
    standings = rank(
        job_queries.results_of_run(engine, run_id), metric=run.rules.metrics[0], baseline_id=run.baseline_id
    )
    rows = [{"rank": standing.rank, **standing.result.to_record()} for standing in standings]
    return pd.json_normalize([{**row, **row.pop("metrics")} for row in rows])
