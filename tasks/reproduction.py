"""Fitting once more what was fitted before: a run of one candidate, as it was, on the same snapshot."""

from dataclasses import replace
from pathlib import Path

from domain.errors import InvalidInputError, NotFoundError
from domain.identity import new_id, utc_now
from domain.job import Job, JobKind, JobState
from domain.provenance import Fit
from domain.run import RunState
from evaluation.reproduction import Comparison, compare
from store import jobs, provenances, runs
from tasks import enqueue, wiring


def first_fit(job: Job) -> Fit:
    """Of the result of this job, which may have been taken over from another one."""
    if job.kind is JobKind.SIGNALS:
        raise InvalidInputError(
            f"job {job.id} asked a signal model, and fitted nothing: `bakeoff signals generate --models "
            f"{job.candidate.id} --fresh` asks it again"
        )
    if job.state is not JobState.COMPLETED:
        raise NotFoundError(
            f"job {job.id} ({job.candidate.id}) is {job.state}: it has no result to reproduce"
        )
    result = jobs.result_of(wiring.engine(), job.id)
    origin = result.reused_from or result.evaluation_id
    fit = provenances.of_evaluation(wiring.engine(), origin)
    if fit is None:
        raise NotFoundError(
            f"evaluation {origin} ({job.candidate.id}) was made before it was kept what results are made of: "
            "a new run of it can be reproduced"
        )
    return fit


def begin(fit: Fit) -> str:
    """The id of the run."""
    before = runs.get(wiring.engine(), fit.result.run_id)
    job = jobs.get(wiring.engine(), fit.result.evaluation_id)
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
    enqueue.begin(run, [job.candidate], fresh=True)
    return run.id


def outcome(fit: Fit, run_id: str) -> Comparison:
    """Of a run that has completed."""
    [job] = jobs.of_run(wiring.engine(), run_id)
    again = provenances.of_evaluation(wiring.engine(), job.id)
    assert again is not None  # noqa: S101 - it was fitted
    return compare(fit, again, predictions=(_predictions_of(fit), _predictions_of(again)))


def _predictions_of(fit: Fit) -> Path:
    return wiring.configuration().predictions_of(fit.result.run_id, fit.result.evaluation_id)
