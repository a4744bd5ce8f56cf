"""Reproducing a result: a run of one candidate, as it was, on the same snapshot, compared with the first."""

from dataclasses import replace
from pathlib import Path

from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.ids_and_times import new_id, utc_now
from bakeoff.domain.runs.job import Job, JobKind, JobState
from bakeoff.domain.runs.result import Fit
from bakeoff.domain.runs.run import RunState
from bakeoff.evaluation.reuse.reproduction import ReproductionComparison, compare_fits
from bakeoff.operations.context import Context
from bakeoff.operations.runs import start_run
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.bakeoffs.results import earlier_fits


def first_fit(context: Context, job: Job) -> Fit:
    """The fit behind the result of this job, which may have been taken over from another one."""
    if job.kind is JobKind.SIGNALS:
        raise InvalidInputError(
            f"job {job.id} asked a signal model, and fitted nothing: `bakeoff signals generate --models "
            f"{job.candidate.id} --fresh` asks it again"
        )
    if job.state is not JobState.COMPLETED:
        raise NotFoundError(
            f"job {job.id} ({job.candidate.id}) is {job.state}: it has no result to reproduce"
        )
    result = job_queries.result_of(context.engine, job.id)
    origin = result.reused_from or result.evaluation_id
    fit = earlier_fits.of_evaluation(context.engine, origin)
    if fit is None:
        raise NotFoundError(
            f"evaluation {origin} ({job.candidate.id}) was made before it was kept what results are made of: "
            "a new run of it can be reproduced"
        )
    return fit


def start_reproduction(context: Context, fit: Fit) -> str:
    """The id of the run."""
    before = run_rows.get(context.engine, fit.result.run_id)
    job = job_queries.get(context.engine, fit.result.evaluation_id)
    run = replace(
        before,
        id=new_id(),
        name=f"{job.candidate.id} again",
        state=RunState.QUEUED,
        baseline_id=None,
        repeat_check=False,
        save=None,
        retry_of=None,
        request_digest=None,
        created_at=utc_now(),
        started_at=None,
        ended_at=None,
    )
    start_run.write_and_ring(context, run, [job.candidate], fresh=True)
    return run.id


def compare_with_first(context: Context, fit: Fit, run_id: str) -> ReproductionComparison:
    """Compares the result of a completed run with the first one."""
    [job] = job_queries.of_run(context.engine, run_id)
    again = earlier_fits.of_evaluation(context.engine, job.id)
    assert again is not None  # noqa: S101 - it was fitted
    return compare_fits(
        fit, again, predictions=(_predictions_of(context, fit), _predictions_of(context, again))
    )


def _predictions_of(context: Context, fit: Fit) -> Path:
    return context.configuration.predictions_of(fit.result.run_id, fit.result.evaluation_id)
