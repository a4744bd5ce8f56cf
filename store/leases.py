"""Leases: who may work on a job, how many at once, and what happens when the holder falls silent.

Each change is one compare-and-swap on (job, token): the row count says whether the caller was still the holder.
A holder that lost its lease can write nothing any more, whatever it was doing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from domain.event import EventType
from domain.identity import new_id
from domain.job import Job, JobError, JobState, Phase
from domain.result import Result
from domain.run import Run, RunState
from store import outbox
from store.engine import now, one_at_a_time, reading, writing
from store.rows import job_from_row, result_to_row, run_from_row
from store.runs import close_if_over, hold
from store.tables import jobs, results, runs


@dataclass(frozen=True, kw_only=True)
class Caps:
    per_node: int  #: most leases on one machine
    overall: int  #: most leases on all machines together


@dataclass(frozen=True, kw_only=True)
class Holder:
    node: str  #: the machine
    worker: str  #: the worker on it, for people to read


@dataclass(frozen=True, kw_only=True)
class Lease:
    job_id: str
    run_id: str
    token: str  #: new with each claim
    attempt: int


@dataclass(frozen=True, kw_only=True)
class Claim:
    lease: Lease
    job: Job
    run: Run


class Refusal(StrEnum):
    """Why a job could not be claimed; each is what the log and Flower say."""

    UNKNOWN = "there is no such job"
    ENDED = "it has ended already"
    RUNNING = "somebody alive is at it"
    FULL = "all slots are taken: it stays queued"


class Standing(StrEnum):
    """What the holder of a lease should do."""

    HELD = "held"  #: go on
    CANCELLED = "cancelled"  #: stop, and end the job as cancelled
    LOST = "lost"  #: stop, and write nothing


def claim(engine: Engine, job_id: str, *, holder: Holder, caps: Caps, lease_s: float) -> Claim | Refusal:
    with writing(engine) as connection:
        one_at_a_time(connection, "claim")
        row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
        if row is None:
            return Refusal.UNKNOWN
        hold(connection, row.run_id)
        token, at = new_id(), now(connection)
        taken = connection.execute(
            update(jobs)
            .where(
                jobs.c.id == job_id,
                jobs.c.state == JobState.QUEUED,
                _running_jobs() < caps.overall,
                _running_jobs(holder.node) < caps.per_node,
            )
            .values(
                state=JobState.RUNNING,
                attempt=jobs.c.attempt + 1,
                node=holder.node,
                worker=holder.worker,
                lease_token=token,
                lease_expires_at=at + timedelta(seconds=lease_s),
                started_at=func.coalesce(jobs.c.started_at, at),
            )
        )
        if not taken.rowcount:
            return _why_not(JobState(row.state))
        return _begin(connection, job_id, token, first=row.started_at is None)


def _running_jobs(node: str | None = None) -> Any:
    other = jobs.alias("running")
    count = select(func.count()).select_from(other).where(other.c.state == JobState.RUNNING)
    return (count if node is None else count.where(other.c.node == node)).scalar_subquery()


def _why_not(state: JobState) -> Refusal:
    if state.has_ended:
        return Refusal.ENDED
    return Refusal.RUNNING if state is JobState.RUNNING else Refusal.FULL


def _begin(connection: Connection, job_id: str, token: str, *, first: bool) -> Claim:
    job = job_from_row(connection.execute(select(jobs).where(jobs.c.id == job_id)).one())
    at = now(connection)
    connection.execute(
        update(runs)
        .where(runs.c.id == job.run_id, runs.c.state == RunState.QUEUED)
        .values(state=RunState.RUNNING, started_at=at)
    )
    if first:
        outbox.add(connection, EventType.EVALUATION_STARTED, job.run_id, [_named(job)], at)
    run = run_from_row(connection.execute(select(runs).where(runs.c.id == job.run_id)).one())
    lease = Lease(job_id=job.id, run_id=job.run_id, token=token, attempt=job.attempt)
    return Claim(lease=lease, job=job, run=run)


def _named(job: Job) -> dict[str, Any]:
    return {
        "evaluationId": job.id,
        "modelId": job.candidate.id,
        "modelVersion": job.candidate.version,
        "attempt": job.attempt,
    }


def renew(engine: Engine, lease: Lease, *, lease_s: float) -> bool:
    """False when the lease was lost."""
    with writing(engine) as connection:
        expires_at = now(connection) + timedelta(seconds=lease_s)
        renewed = connection.execute(update(jobs).where(*_held(lease)).values(lease_expires_at=expires_at))
        return bool(renewed.rowcount)


def standing(engine: Engine, lease: Lease) -> Standing:
    with reading(engine) as connection:
        row = connection.execute(select(jobs.c.cancel_requested_at).where(*_held(lease))).first()
    if row is None:
        return Standing.LOST
    return Standing.HELD if row.cancel_requested_at is None else Standing.CANCELLED


def _held(lease: Lease) -> tuple[Any, ...]:
    return jobs.c.id == lease.job_id, jobs.c.lease_token == lease.token, jobs.c.state == JobState.RUNNING


def complete(engine: Engine, lease: Lease, result: Result) -> bool:
    with writing(engine) as connection:
        if not _end(connection, lease, JobState.COMPLETED):
            return False
        connection.execute(insert(results), result_to_row(result))
        _tell_end(connection, lease, EventType.EVALUATION_COMPLETED, result.to_record())
        return True


def fail(engine: Engine, lease: Lease, error: JobError, *, state: JobState = JobState.FAILED) -> bool:
    with writing(engine) as connection:
        return _fail(connection, lease, error, state)


def cancel(engine: Engine, lease: Lease) -> bool:
    with writing(engine) as connection:
        return _cancel(connection, lease)


def release(engine: Engine, lease: Lease) -> bool:
    """Back into the queue as if it had never been taken: the holder stops, through no fault of the candidate."""
    with writing(engine) as connection:
        return _requeue(connection, lease, attempt=lease.attempt - 1)


def give_up(engine: Engine, lease: Lease, error: JobError) -> bool:
    """The cell was killed from outside: another attempt, or `error` when none is left."""
    with writing(engine) as connection:
        row = connection.execute(select(jobs).where(*_held(lease))).first()
        return row is not None and _give_up(connection, lease, row, error)


def expire(engine: Engine) -> int:
    """Take the leases of holders that fell silent. Returns how many."""
    with reading(engine) as connection:
        silent = connection.execute(
            select(jobs).where(jobs.c.state == JobState.RUNNING, jobs.c.lease_expires_at < now(connection))
        ).all()
    return sum(_expire_one(engine, row) for row in silent)


def _expire_one(engine: Engine, row: Row[Any]) -> bool:
    lease = Lease(job_id=row.id, run_id=row.run_id, token=row.lease_token, attempt=row.attempt)
    error = JobError(
        type="WorkerLost",
        message=f"its worker {row.worker} died or fell silent {row.attempt} times in a row",
        phase=Phase.START,
        hint="`bakeoff doctor` on that machine tells whether it runs out of memory",
    )
    with writing(engine) as connection:
        still = connection.execute(
            select(jobs).where(*_held(lease), jobs.c.lease_expires_at < now(connection))
        ).first()
        return still is not None and _give_up(connection, lease, still, error)


def _give_up(connection: Connection, lease: Lease, row: Row[Any], error: JobError) -> bool:
    if row.attempt >= row.max_attempts and row.cancel_requested_at is None:
        return _fail(connection, lease, error, JobState.FAILED)
    return _requeue(connection, lease, attempt=lease.attempt)


def _requeue(connection: Connection, lease: Lease, *, attempt: int) -> bool:
    back = (
        update(jobs)
        .where(*_held(lease), jobs.c.cancel_requested_at.is_(None))
        .values(state=JobState.QUEUED, lease_token=None, lease_expires_at=None, attempt=attempt)
    )
    return bool(connection.execute(back).rowcount) or _cancel(connection, lease)


def _cancel(connection: Connection, lease: Lease) -> bool:
    if not _end(connection, lease, JobState.CANCELLED):
        return False
    _tell_end(connection, lease, EventType.EVALUATION_CANCELLED, {})
    return True


def _fail(connection: Connection, lease: Lease, error: JobError, state: JobState) -> bool:
    if not _end(connection, lease, state, error=error.to_json()):
        return False
    told = {"status": state, "error": error.to_json()}
    _tell_end(connection, lease, EventType.EVALUATION_FAILED, told)
    return True


def _end(connection: Connection, lease: Lease, state: JobState, **values: Any) -> bool:
    hold(connection, lease.run_id)
    ended = connection.execute(
        update(jobs)
        .where(*_held(lease))
        .values(state=state, ended_at=now(connection), lease_token=None, lease_expires_at=None, **values)
    )
    return bool(ended.rowcount)


def _tell_end(connection: Connection, lease: Lease, event: EventType, more: Mapping[str, Any]) -> None:
    job = job_from_row(connection.execute(select(jobs).where(jobs.c.id == lease.job_id)).one())
    outbox.add(connection, event, lease.run_id, [{**_named(job), **more}], now(connection))
    close_if_over(connection, lease.run_id)
