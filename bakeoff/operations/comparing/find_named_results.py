"""Find the results that the words of `bakeoff compare` name: of a candidate, a run, or a saved version.

A word is read in this order:

    models:/churn/Production    a saved version by its whole URI, also `runs:/RUN/CANDIDATE`
    forest                      a candidate of the run that `--run` names: nothing else is looked at
    forest                      a candidate of the newest run that evaluated candidates
    spring:forest               a candidate of another run, which is named in any of the ways below
    spring                      a run by its name, or `latest`: its recommended candidate
    churn/1.0.0                 a saved version in short, also `churn/Production` and `churn@champion`
    1f3a9c2e                    a run by the beginning of its id, if the word is nothing else

A word that is more than one of these is refused, with how to write each. The first two and the last one are
never in doubt.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bakeoff.domain.errors import ConflictError, InvalidInputError, NotFoundError
from bakeoff.domain.model_version import ModelVersion, VersionFilter, is_uri, parse_uri
from bakeoff.domain.runs.job import Job, JobKind, JobState
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.reports.leaderboard import rank
from bakeoff.operations.comparing.comparability import ComparedResult
from bakeoff.operations.context import Context
from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
from bakeoff.store.bakeoffs import job_queries, run_rows
from registry.models import registry_opening

if TYPE_CHECKING:
    from registry.models.registry_interface import BaseModelRegistry


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One thing that a word may mean: a candidate of a run, a run, or a saved version."""

    run: Run | None = None  #: None for a saved version
    job: Job | None = None  #: of a candidate; None for a run, whose candidate is chosen later
    version: ModelVersion | None = None

    @property
    def what(self) -> str:
        if self.version is not None:
            return f"the saved version {self.version.name}/{self.version.version}"
        assert self.run is not None  # noqa: S101 - one of the two is given
        if self.job is not None:
            return f"the candidate {self.job.candidate.id} of run {self.run.title}"
        return f"the run {self.run.title}"

    @property
    def address(self) -> str:
        """How it is written so that it means nothing else."""
        if self.version is not None:
            return self.version.uri
        assert self.run is not None  # noqa: S101 - one of the two is given
        return f"{self.run.id[:8]}:{self.job.candidate.id}" if self.job else self.run.id[:8]


class NamePlaces(Protocol):
    """Where the things are that a word may name. Each method answers None where there is none."""

    def newest_evaluation(self) -> Run | None:
        """The newest run that evaluated candidates."""

    def run_named(self, name: str) -> Run | None:
        """The newest one of this name, or of all for `latest`."""

    def run_beginning(self, text: str) -> Run | None:
        """By the beginning of its id. NotFoundError if several begin like this."""

    def jobs_of(self, run: Run) -> Sequence[Job]: ...

    def version(self, identifier: str) -> ModelVersion | None: ...

    def has_model(self, name: str) -> bool:
        """Whether any version was saved under the name."""


def readings_of(words: Sequence[str], places: NamePlaces, *, run: Run | None = None) -> list[Reading]:
    """What each word means. `run` is the one that was named with `--run`.

    InvalidInputError for a word that may mean several things, NotFoundError for one that means nothing.
    """
    here = run or places.newest_evaluation()
    return [_reading_of(word, places, here, is_chosen=run is not None) for word in words]


def _reading_of(word: str, places: NamePlaces, here: Run | None, *, is_chosen: bool) -> Reading:
    if is_uri(word):
        version = places.version(word)
        if version is None:
            raise NotFoundError(f"there is no saved version {word}: `bakeoff registry list` lists them")
        return Reading(version=version)
    candidate = _candidate(here, word, places)
    if candidate is not None and is_chosen:
        return candidate
    found = [
        reading
        for reading in (
            candidate,
            _candidate_elsewhere(word, places),
            _run_by_name(word, places),
            _version_in_short(word, places),
        )
        if reading is not None
    ]
    if not found and (begun := places.run_beginning(word)) is not None:
        return Reading(run=begun)
    if len(found) == 1:
        return found[0]
    raise _ambiguous(word, found) if found else _nothing(word, places, here)


def _candidate(run: Run | None, id_: str, places: NamePlaces) -> Reading | None:
    if run is None:
        return None
    job = next((job for job in places.jobs_of(run) if job.candidate.id == id_), None)
    return None if job is None else Reading(run=run, job=job)


def _candidate_elsewhere(word: str, places: NamePlaces) -> Reading | None:
    """The ids of candidates have no colon, but names of runs may have."""
    run_word, colon, id_ = word.rpartition(":")
    if not (colon and run_word and id_):
        return None
    return _candidate(places.run_named(run_word) or places.run_beginning(run_word), id_, places)


def _run_by_name(word: str, places: NamePlaces) -> Reading | None:
    run = places.run_named(word)
    return None if run is None else Reading(run=run)


def _version_in_short(word: str, places: NamePlaces) -> Reading | None:
    try:
        parse_uri(word)
    except InvalidInputError:
        return None
    version = places.version(word)
    return None if version is None else Reading(version=version)


def _ambiguous(word: str, found: Sequence[Reading]) -> InvalidInputError:
    meant = " and ".join(reading.what for reading in found)
    how = ", ".join(f"{reading.address} for {reading.what}" for reading in found)
    return InvalidInputError(f"{word!r} may mean {meant}: write {how}")


def _nothing(word: str, places: NamePlaces, here: Run | None) -> NotFoundError:
    run_word, colon, id_ = word.rpartition(":")
    run = (places.run_named(run_word) or places.run_beginning(run_word)) if colon and run_word else None
    if run is not None:
        return _no_candidate(id_, run, places)
    if places.has_model(word):
        return NotFoundError(
            f"{word!r} is the name of saved models, and none of them is meant by it: write "
            f"models:/{word}/Production, models:/{word}/latest or models:/{word}/VERSION"
        )
    of_run = ""
    if here is not None:
        known = [job.candidate.id for job in places.jobs_of(here)]
        of_run = f" of run {here.title}, which has {listed(known)}{nearest(word, known)}"
    return NotFoundError(
        f"{word!r} is no candidate{of_run}; and it is no run and no saved version: `bakeoff runs` and "
        "`bakeoff registry list` list them, and RUN:CANDIDATE is a candidate of another run"
    )


def _no_candidate(id_: str, run: Run, places: NamePlaces) -> NotFoundError:
    known = [job.candidate.id for job in places.jobs_of(run)]
    return NotFoundError(
        f"run {run.title} has no candidate {id_!r}{nearest(id_, known)}; it has {listed(known)}"
    )


class ProjectPlaces:
    """The database and the registry of a project. Each is asked only if a word may be in it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._jobs: dict[str, Sequence[Job]] = {}

    def newest_evaluation(self) -> Run | None:
        return self._run(run_rows.newest_evaluation(self._context.engine))

    def run_named(self, name: str) -> Run | None:
        return self._run(run_rows.find_named(self._context.engine, name))

    def run_beginning(self, text: str) -> Run | None:
        return self._run(run_rows.find_beginning(self._context.engine, text))

    def jobs_of(self, run: Run) -> Sequence[Job]:
        if run.id not in self._jobs:
            self._jobs[run.id] = job_queries.of_run(self._context.engine, run.id)
        return self._jobs[run.id]

    def version(self, identifier: str) -> ModelVersion | None:
        registry = self._registry()
        try:
            return None if registry is None else registry.get(identifier)
        except NotFoundError:
            return None

    def has_model(self, name: str) -> bool:
        registry = self._registry()
        return registry is not None and bool(registry.versions(VersionFilter(name=name), limit=1))

    def _run(self, run_id: str | None) -> Run | None:
        return None if run_id is None else run_rows.get(self._context.engine, run_id)

    def _registry(self) -> "BaseModelRegistry | None":
        configuration = self._context.configuration
        if configuration.settings.model_registry.backend == "none":
            return None
        if not registry_opening.has_registry(configuration):
            return None
        return registry_opening.open_registry(configuration)


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
