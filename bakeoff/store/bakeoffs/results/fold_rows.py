"""Folds that jobs at work have done, by the place of the fold. They stay when the job has ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, Select, bindparam, delete, func, insert, select

from bakeoff.domain.event import EventType
from bakeoff.domain.runs.job import Job, JobError, JobState
from bakeoff.domain.runs.result import FoldResult, fold_record
from bakeoff.domain.runs.run import Run
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.store.bakeoffs import outbox
from bakeoff.store.bakeoffs.leased_jobs import held_job
from bakeoff.store.bakeoffs.queue.claims import Lease
from bakeoff.store.bakeoffs.row_mapping import name_in_events
from bakeoff.store.bakeoffs.run_rows import lock_run
from bakeoff.store.database.all_tables import fold_results, jobs, runs
from bakeoff.store.database.engine_and_transactions import now, reading, writing

_OF_JOB = (
    select(fold_results.c.place, fold_results.c.fold)
    .where(fold_results.c.evaluation_id == bindparam("job"))
    .order_by(fold_results.c.place)
)
_OF_RUN = (
    select(fold_results.c.evaluation_id, fold_results.c.place, fold_results.c.fold)
    .join(jobs, jobs.c.id == fold_results.c.evaluation_id)
    .where(jobs.c.run_id == bindparam("run"))
    .order_by(fold_results.c.place)
)
_FORGET = delete(fold_results).where(
    fold_results.c.evaluation_id == bindparam("whole"), fold_results.c.place == bindparam("at_place")
)
_INSERT = insert(fold_results)
_NUMBER = (
    select(fold_results.c.evaluation_id, func.count().label("folds"))
    .join(jobs, jobs.c.id == fold_results.c.evaluation_id)
    .where(jobs.c.run_id == bindparam("run"))
    .group_by(fold_results.c.evaluation_id)
)
#: By the split of the run, which has the folds in its address. Few runs are of one split, and each is asked
#: for one job by the unique index of its candidates.
_OF_CANDIDATE = (
    select(fold_results.c.fold, jobs.c.id, jobs.c.run_id)
    .join(jobs, jobs.c.id == fold_results.c.evaluation_id)
    .join(runs, runs.c.id == jobs.c.run_id)
    .where(
        fold_results.c.place == bindparam("place"),
        jobs.c.id != bindparam("job"),
        jobs.c.model_id == bindparam("model_id"),
        jobs.c.model_version == bindparam("model_version"),
        runs.c.split_id == bindparam("split_id"),
        runs.c.seed == bindparam("seed"),
    )
    .order_by(fold_results.c.made_at.desc())
    .limit(5)
)


_PART: Select[Any] = select(jobs.c.id, jobs.c.place, jobs.c.state, jobs.c.error).where(
    jobs.c.part_of == bindparam("whole"), jobs.c.place == bindparam("place")
)
_FAILED_PART: Select[Any] = (
    select(jobs.c.id, jobs.c.place, jobs.c.state, jobs.c.error)
    .where(jobs.c.part_of == bindparam("whole"), jobs.c.state.in_([JobState.FAILED, JobState.TIMED_OUT]))
    .order_by(jobs.c.place)
    .limit(1)
)
_WHOLE: Select[Any] = select(jobs.c.id, jobs.c.model_id, jobs.c.model_version, jobs.c.attempt).where(
    jobs.c.id == bindparam("whole")
)


@dataclass(frozen=True, kw_only=True)
class KeptElsewhere:
    job_id: str
    run_id: str
    fold: FoldResult


@dataclass(frozen=True, kw_only=True)
class FoldJob:
    """A fold that is a job of its own."""

    job_id: str
    place: int
    state: JobState
    error: JobError | None


def job_at(engine: Engine, whole_id: str, place: int) -> FoldJob | None:
    """None where the job that is the whole fits this fold itself."""
    with reading(engine) as connection:
        row = connection.execute(_PART, {"whole": whole_id, "place": place}).first()
    return None if row is None else _fold_job(row)


def failed_job(engine: Engine, whole_id: str) -> FoldJob | None:
    """One of the folds that have failed, of those that are jobs of their own; None if none has."""
    with reading(engine) as connection:
        row = connection.execute(_FAILED_PART, {"whole": whole_id}).first()
    return None if row is None else _fold_job(row)


def _fold_job(row: Row[Any]) -> FoldJob:
    error = None if row.error is None else JobError.from_json(row.error)
    return FoldJob(job_id=row.id, place=row.place, state=JobState(row.state), error=error)


def keep(
    engine: Engine,
    lease: Lease,
    design: Design,
    fold: FoldResult,
    sketch: bytes | None = None,
    *,
    of: str | None = None,
) -> bool:
    """Keeps a fold, and tells of it. False when the lease was lost: then nothing is written.

    `sketch`: of the metric that ranks, for the looks of a race. `of`: the job that is the whole, where the
    fold is a job of its own.

    A fold that was kept before and is fitted again, since its predictions are gone, is replaced.
    """
    with writing(engine) as connection:
        lock_run(connection, lease.run_id)
        job = held_job(connection, lease)
        if job is None:
            return False
        whole = lease.job_id if of is None else of
        if of is not None:
            job = connection.execute(_WHOLE, {"whole": of}).one()
        at = now(connection)
        connection.execute(_FORGET, {"whole": whole, "at_place": fold.place})
        row = {
            "evaluation_id": whole,
            "place": fold.place,
            "fold": fold.to_json(),
            "made_at": at,
            "sketch": sketch,
        }
        connection.execute(_INSERT, row)
        told = {
            **name_in_events(job),
            "attempt": lease.attempt,
            **fold_record(design, fold.place, fold.metrics),
            "folds": design.folds,
            "repeats": design.repeats,
            "seeds": design.seeds,
            "seconds": fold.duration_s,
        }
        outbox.add(connection, EventType.EVALUATION_FOLD_COMPLETED, lease.run_id, [told], at)
    return True


def of_job(engine: Engine, job_id: str) -> dict[int, FoldResult]:
    with reading(engine) as connection:
        rows = connection.execute(_OF_JOB, {"job": job_id})
        return {row.place: FoldResult.from_json(row.fold) for row in rows}


def of_candidate(engine: Engine, job: Job, run: Run, place: int) -> list[KeptElsewhere]:
    """One fold of the candidate of a job as other jobs have kept it, on the same split; the newest first."""
    wanted = {
        "job": job.id,
        "place": place,
        "model_id": job.candidate.id,
        "model_version": job.candidate.version,
        "split_id": run.dataset.split_id,
        "seed": run.seed,
    }
    with reading(engine) as connection:
        rows = connection.execute(_OF_CANDIDATE, wanted)
        return [
            KeptElsewhere(job_id=row.id, run_id=row.run_id, fold=FoldResult.from_json(row.fold))
            for row in rows
        ]


def of_run(engine: Engine, run_id: str) -> Mapping[str, list[FoldResult]]:
    """The folds of each job that has some."""
    found: dict[str, list[FoldResult]] = {}
    with reading(engine) as connection:
        for row in connection.execute(_OF_RUN, {"run": run_id}):
            found.setdefault(row.evaluation_id, []).append(FoldResult.from_json(row.fold))
    return found


def number_done(engine: Engine, run_id: str) -> Mapping[str, int]:
    """How many folds each job of a run has done; jobs without any are absent."""
    with reading(engine) as connection:
        return {row.evaluation_id: row.folds for row in connection.execute(_NUMBER, {"run": run_id})}
