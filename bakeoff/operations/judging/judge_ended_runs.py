"""Judge runs that have ended: what can be said about their candidates, and how surely.

The process that ends the last job of a run judges it at once. If that process dies before, the run stays due:
the saver process judges it, or a process that is to show it. The verdict follows from stored sketches by
fixed draws, so every process would compute the same one. It is computed once.

A run that saves its models is judged by the saver, and by nobody else: its candidates are compared with the
version in Production, which takes the registry and a cell. So is a run that asks for the shuffle check, whose
refits take cells, too.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.machine.work_in_thread import StoppedError
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.operations.context import Context
from bakeoff.operations.upkeep.work_under_lease import work_while_leased
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.bakeoffs.row_lease import RowLease

if TYPE_CHECKING:
    from bakeoff.operations.production.ask_production import ProductionAnswer

log = logging.getLogger(__name__)

_PAUSE_S = 0.05
#: The worker at which a run ends judges it at once, and has loaded what that takes; others let it go first.
_WORKER_FIRST = timedelta(seconds=0.3)

#: What Production predicts for the test rows of a run; None where there is nothing to compare with.
Ask = Callable[[Context, Run, RowLease], "ProductionAnswer | None"]


def judge_what_is_due(context: Context) -> int:
    """Judges due runs, except those that save models, which the saver judges. Returns how many."""
    return sum(judge_run(context, run_id) for run_id in verdict_rows.due(context.engine))


def judge_run(context: Context, run_id: str) -> bool:
    """False when it is judged already, has not ended, is left to the saver, or is being judged elsewhere."""
    run = run_rows.get(context.engine, run_id)
    if run.save is not None or run.wants_shuffle_check:
        return False
    try:
        return _judge_alone(context, run_id, lambda *_: None)
    except StoppedError:  # its thread goes on, and writes no verdict; a worker must not end for it
        log.warning("run %s is left to another process, which judges it", run_id)
        return False


def judge_beside_production(context: Context, run_id: str) -> bool:
    """The same for a run that is left to the saver, whose process must end on StoppedError."""
    from bakeoff.operations.production.ask_production import ask_production

    return _judge_alone(context, run_id, ask_production)


def wait_for_verdict(context: Context, run_id: str, *, patience_s: float = 10.0) -> RunVerdict | None:
    """The verdict of a run that has ended; judged here if nobody else does. None if there is none.

    `patience_s`: how long a run may be due before this stops waiting for the saver. While a process judges
    the run, it is not due.
    """
    patience = timedelta(seconds=patience_s)
    while (due_at := verdict_rows.pending_since(context.engine, run_id)) is not None:
        since = utc_now() - due_at
        if (since > _WORKER_FIRST and judge_run(context, run_id)) or since > patience:
            break
        time.sleep(_PAUSE_S)  # the process that judges it needs a fraction of a second, the saver a few
    return verdict_rows.of_run(context.engine, run_id) or judge_old_run(context, run_id)


def _judge_alone(context: Context, run_id: str, ask: Ask) -> bool:
    lease_s = context.configuration.settings.lease_seconds
    lease = verdict_rows.take(context.engine, run_id, lease_s=lease_s)
    if lease is None:
        return False
    with log_setup.with_ids(runId=run_id):
        return _judge(context, run_id, lease, ask)


def judge_old_run(context: Context, run_id: str) -> RunVerdict | None:
    """Judges a run that ended before there were verdicts. None if it has not ended, or has its verdict."""
    summary = run_rows.summary(context.engine, run_id)
    run = summary.run
    if not run.state.has_ended or run.signals is not None or verdict_rows.has_row(context.engine, run_id):
        return None
    from bakeoff.operations.judging.compute_run_verdict import densities_of, verdict_of

    verdict = verdict_of(context, run)
    densities = densities_of(context, run, verdict, None)
    return verdict if verdict_rows.write_later(context.engine, run_id, verdict, densities=densities) else None


def _judge(context: Context, run_id: str, lease: RowLease, ask: Ask) -> bool:
    from bakeoff.operations.judging.compute_run_verdict import densities_of, verdict_of

    summary = run_rows.summary(context.engine, run_id)
    counts = {state: summary.jobs.get(state, 0) for state in JobState if summary.jobs.get(state)}
    track = context.configuration.settings.tracking is not None
    try:
        production = ask(context, summary.run, lease)
        # Sealed rows may be opened in a cell, for a custom metric, which can take longer than a lease.
        verdict = work_while_leased(
            partial(verdict_of, context, summary.run, production, lease.attempt - 1),
            lease,
            lease_s=context.configuration.settings.lease_seconds,
            name=f"the verdict of run {run_id}",
        )
    except StoppedError:  # the lease was lost: somebody else judges the run
        raise
    except Exception as exc:  # a fault in the statistics must not leave a run without its end
        log.exception("run %s cannot be judged", run_id)
        if lease.attempt < verdict_rows.MOST_ATTEMPTS:
            verdict_rows.postpone(lease, f"{type(exc).__name__}: {exc}", by_s=lease.pause_s)
            return False
        return verdict_rows.finish(lease, summary.run, counts, None, track=track)
    densities = densities_of(context, summary.run, verdict, production)
    written = verdict_rows.finish(lease, summary.run, counts, verdict, densities=densities, track=track)
    if written:
        log.debug("%s: %s", summary.run.name, verdict.sentence)
    return written
