"""Queries on jobs and their results; nothing here changes a row."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, or_, select

from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.runs import result
from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.result import FittedModel, NotKept, Result
from bakeoff.store.bakeoffs.row_mapping import job_from_row, result_from_row
from bakeoff.store.database.all_tables import (
    IS_QUEUED,
    IS_RUNNING,
    IS_WHOLE,
    fitted_models,
    jobs,
    results,
    runs,
)
from bakeoff.store.database.engine_and_transactions import now, reading

_RUNNING = select(func.count()).select_from(jobs).where(IS_RUNNING)


@dataclass(frozen=True, kw_only=True)
class Backlog:
    queued: int
    running: int
    oldest_queued_at: datetime | None
    silent: int  #: running jobs whose lease has run out and was not taken away yet


def get(engine: Engine, job_id: str) -> Job:
    with reading(engine) as connection:
        row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise _no_job(job_id)
    return job_from_row(row)


def find(engine: Engine, prefix: str) -> str:
    """The id of the one job whose id begins with the given text."""
    wanted = select(jobs.c.id).where(jobs.c.id.startswith(prefix.lower(), autoescape=True)).limit(2)
    with reading(engine) as connection:
        found = connection.execute(wanted).scalars().all()
    if not found:
        raise _no_job(prefix)
    if len(found) > 1:
        raise NotFoundError(f"{prefix} is the beginning of more than one job id: give more of it")
    return str(found[0])


def _no_job(given: str) -> NotFoundError:
    return NotFoundError(f"there is no job {given}: `bakeoff show RUN` lists the jobs of a run")


def of_run(engine: Engine, run_id: str) -> list[Job]:
    """One for each candidate; folds that are jobs of their own are left out."""
    wanted = select(jobs).where(jobs.c.run_id == run_id, IS_WHOLE).order_by(jobs.c.position)
    with reading(engine) as connection:
        rows = connection.execute(wanted)
        return [job_from_row(row) for row in rows]


def result_of(engine: Engine, job_id: str) -> Result:
    """The result of a job that has completed."""
    with reading(engine) as connection:
        return result_from_row(
            connection.execute(select(results).where(results.c.evaluation_id == job_id)).one()
        )


def results_of_run(engine: Engine, run_id: str) -> list[Result]:
    with reading(engine) as connection:
        rows = connection.execute(
            select(results).where(results.c.run_id == run_id).order_by(results.c.model_id)
        )
        return [result_from_row(row) for row in rows]


def results_from(engine: Engine, evaluation_id: str, *, limit: int) -> list[Result]:
    """The result of an evaluation and those that were taken over from it; the newest first."""
    is_from_it = or_(results.c.evaluation_id == evaluation_id, results.c.reused_from == evaluation_id)
    with reading(engine) as connection:
        rows = connection.execute(
            select(results)
            .where(is_from_it)
            .order_by(results.c.timestamp.desc(), results.c.evaluation_id)
            .limit(limit)
        )
        return [result_from_row(row) for row in rows]


def fitted_in(engine: Engine, evaluation_id: str) -> FittedModel | NotKept | None:
    """The fitted model that the cell left; None when the run did not want to save it."""
    wanted = select(fitted_models.c.fitted).where(fitted_models.c.evaluation_id == evaluation_id)
    with reading(engine) as connection:
        found = connection.execute(wanted).scalar()
    return None if found is None else result.from_json(found)


def running(engine: Engine) -> int:
    """How many jobs are running, on all machines."""
    with reading(engine) as connection:
        return connection.execute(_RUNNING).scalar_one()


@dataclass(frozen=True, kw_only=True)
class RunningJob:
    """A job at work, and until when its worker has promised to be heard of again."""

    job_id: str
    model_id: str
    run_id: str
    run_name: str
    node: str
    worker: str | None
    attempt: int
    started_at: datetime
    lease_expires_at: datetime


_AT_WORK = (
    select(
        jobs.c.id.label("job_id"),
        jobs.c.model_id,
        jobs.c.run_id,
        runs.c.name.label("run_name"),
        jobs.c.node,
        jobs.c.worker,
        jobs.c.attempt,
        jobs.c.started_at,
        jobs.c.lease_expires_at,
    )
    .join(runs, runs.c.id == jobs.c.run_id)
    .where(IS_RUNNING)
    .order_by(jobs.c.started_at, jobs.c.id)
)


def running_jobs(engine: Engine) -> list[RunningJob]:
    """On all machines, the one that runs longest first."""
    with reading(engine) as connection:
        return [RunningJob(**row._mapping) for row in connection.execute(_AT_WORK)]  # noqa: SLF001 - its public name


def backlog(engine: Engine) -> Backlog:
    with reading(engine) as connection:
        at = now(connection)
        queued, oldest = connection.execute(
            select(func.count(), func.min(jobs.c.created_at)).where(IS_QUEUED)
        ).one()
        return Backlog(
            queued=queued,
            running=connection.execute(_RUNNING).scalar_one(),
            oldest_queued_at=oldest,
            silent=connection.execute(_RUNNING.where(jobs.c.lease_expires_at < at)).scalar_one(),
        )
