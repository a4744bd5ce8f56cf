"""Find the results that words name: of a candidate, of what a run recommends, of a saved version."""

from collections import Counter
from collections.abc import Sequence

from bakeoff.domain.errors import ConflictError, InvalidInputError, NotFoundError
from bakeoff.domain.model_version import ModelVersion
from bakeoff.domain.runs.job import Job, JobKind, JobState
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.reports.leaderboard import rank
from bakeoff.operations.comparing.comparability import ComparedResult
from bakeoff.operations.comparing.resolve_result_names import ProjectPlaces, Reading, readings_of
from bakeoff.operations.context import Context
from bakeoff.operations.judging.judge_runs import wait_for_verdict
from bakeoff.store.bakeoffs import job_queries, run_rows


def find_results(context: Context, words: Sequence[str], *, run: str | None) -> tuple[ComparedResult, ...]:
    """What the words name, each with a name of its own for tables and sentences."""
    engine = context.engine
    chosen = None if run is None else run_rows.get(engine, run_rows.find(engine, run))
    readings = readings_of(words, ProjectPlaces(context), run=chosen)
    found = [_result_of(context, reading) for reading in readings]
    _refuse_doubles(words, [result for result, _ in found])
    names = _names(words, readings, [result for result, _ in found])
    return tuple(
        ComparedResult(
            name=name,
            run=run_rows.get(engine, result.run_id),
            job=job,
            result=result,
            version=reading.version,
        )
        for name, reading, (result, job) in zip(names, readings, found, strict=True)
    )


def _refuse_doubles(words: Sequence[str], results: Sequence[Result]) -> None:
    seen: dict[str, str] = {}
    for word, result in zip(words, results, strict=True):
        if result.evaluation_id in seen:
            raise InvalidInputError(
                f"{seen[result.evaluation_id]!r} and {word!r} name the same result, evaluation "
                f"{result.evaluation_id[:8]} of {result.model_id}: name two different ones"
            )
        seen[result.evaluation_id] = word


def _result_of(context: Context, reading: Reading) -> tuple[Result, Job]:
    job = reading.job
    if reading.version is not None:
        job = _origin_of(context, reading.version)
    elif job is None and reading.run is not None:
        job = _recommended(context, reading.run)
    assert job is not None  # noqa: S101 - a reading has a version, a job or a run
    if job.kind is JobKind.SIGNALS:
        raise InvalidInputError(
            f"{job.candidate.id} of run {job.run_id[:8]} is a signal model: it has no score to be compared"
        )
    if job.state is not JobState.COMPLETED:
        raise NotFoundError(
            f"{job.candidate.id} of run {job.run_id[:8]} is {job.state}: it has no result to be compared; "
            f"`bakeoff show {job.run_id[:8]}` says more"
        )
    return job_queries.result_of(context.engine, job.id), job


def _origin_of(context: Context, version: ModelVersion) -> Job:
    evaluation = version.origin.evaluation_id
    if evaluation is None:
        raise InvalidInputError(
            f"{version.uri} was not saved from a run: it was never scored on test rows of Bakeoff; take "
            "its class into the catalog, and run it"
        )
    try:
        return job_queries.get(context.engine, evaluation)
    except NotFoundError:
        raise NotFoundError(
            f"{version.uri} was saved from evaluation {evaluation[:8]}, which is not in this database any "
            "more: run its candidate again"
        ) from None


def _recommended(context: Context, run: Run) -> Job:
    """The candidate that the verdict says to take; if it names none, the one with the best score."""
    if run.signals is not None:
        raise InvalidInputError(f"run {run.title} asked signal models: there are no scores")
    if not run.state.has_ended:
        raise ConflictError(
            f"run {run.title} is {run.state}, so it recommends nobody yet: name one of its candidates, such "
            f"as {run.id[:8]}:CANDIDATE, or wait for its end with `bakeoff show {run.id[:8]} --follow`"
        )
    verdict = wait_for_verdict(context, run.id)
    board = rank(
        job_queries.results_of_run(context.engine, run.id),
        metric=run.rules.metrics[0],
        baseline_id=run.baseline_id,
        directions=run.rules.directions,
    )
    ids = [row.result.model_id for row in board if row.result.model_id != run.baseline_id]
    if not ids:
        raise NotFoundError(
            f"run {run.title} is {run.state} and has no candidate with a result: "
            f"`bakeoff show {run.id[:8]}` says why"
        )
    wanted = verdict.recommended if verdict and verdict.recommended in ids else ids[0]
    return next(job for job in job_queries.of_run(context.engine, run.id) if job.candidate.id == wanted)


def _names(words: Sequence[str], readings: Sequence[Reading], results: Sequence[Result]) -> list[str]:
    """The candidate, or the version in short; where that names two, the word; else how to write it."""
    plain = [
        f"{reading.version.name}/{reading.version.version}" if reading.version else result.model_id
        for reading, result in zip(readings, results, strict=True)
    ]
    often = Counter(plain)
    named = [word if often[name] > 1 else name for word, name in zip(words, plain, strict=True)]
    often = Counter(named)
    return [
        f"{result.run_id[:8]}:{result.model_id}" if often[name] > 1 else name
        for name, result in zip(named, results, strict=True)
    ]
