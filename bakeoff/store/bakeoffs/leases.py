"""Leases: who may work on a job, how many at once, and what happens when the holder falls silent.

Each change is one compare-and-swap on (job, token): it tells whether the caller was still the holder.
A holder that lost its lease can write nothing any more, whatever it was doing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    ScalarSelect,
    Update,
    and_,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)

from bakeoff.domain.event import EventType
from bakeoff.domain.identity import new_id
from bakeoff.domain.job import Job, JobError, JobState, Phase
from bakeoff.domain.provenance import Provenance
from bakeoff.domain.result import FittedModel, NotKept, Result
from bakeoff.domain.run import Run, RunState
from bakeoff.store.bakeoffs import outbox
from bakeoff.store.bakeoffs.queue_order import IN_LINE, NEXT_BUT
from bakeoff.store.bakeoffs.row_mapping import (
    job_from_row,
    name_in_events,
    provenance_to_row,
    result_to_row,
    run_from_row,
)
from bakeoff.store.bakeoffs.run_rows import close_if_over, hold
from bakeoff.store.database.engine import now, one_at_a_time, reading, writing
from bakeoff.store.database.tables import (
    IS_QUEUED,
    IS_RUNNING,
    fitted_models,
    jobs,
    provenances,
    results,
    runs,
)

_EVENTS = {
    JobState.COMPLETED: EventType.EVALUATION_COMPLETED,
    JobState.FAILED: EventType.EVALUATION_FAILED,
    JobState.TIMED_OUT: EventType.EVALUATION_FAILED,
    JobState.CANCELLED: EventType.EVALUATION_CANCELLED,
}


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


#: What is written with the end of a job, at the time that it is given.
Keep = Callable[[Connection, datetime], None]


class ClaimRefusal(StrEnum):
    """Why a job could not be claimed; each is what the log and Flower say."""

    UNKNOWN = "there is no such job"
    ENDED = "it has ended already"
    RUNNING = "somebody alive is at it"
    FULL = "all slots are taken: it stays queued"
    OUT_OF_TURN = "another run goes first: it stays queued"


class LeaseStanding(StrEnum):
    """What the holder of a lease should do."""

    HELD = "held"  #: go on
    CANCELLED = "cancelled"  #: stop, and end the job as cancelled
    LOST = "lost"  #: stop, and write nothing


def _running_jobs(*, on_node: bool = False) -> ScalarSelect[int]:
    other = jobs.alias("running")
    count = select(func.count()).select_from(other).where(other.c.state == literal_column("'running'"))
    return (count.where(other.c.node == bindparam("on_node")) if on_node else count).scalar_subquery()


# Statements are built once: building one costs more than running it.
_AT = bindparam("at", type_=jobs.c.started_at.type)
_IS_HELD = (jobs.c.id == bindparam("job"), jobs.c.lease_token == bindparam("token"), IS_RUNNING)
_IS_SILENT = jobs.c.lease_expires_at < _AT

_HOLD_RUN_OF_JOB = (
    select(runs.c.id)
    .where(runs.c.id == select(jobs.c.run_id).where(jobs.c.id == bindparam("job")).scalar_subquery())
    .with_for_update()
)
_HAS_ROOM = and_(_running_jobs() < bindparam("overall"), _running_jobs(on_node=True) < bindparam("per_node"))
_TAKE = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"), IS_QUEUED, _HAS_ROOM, jobs.c.run_id == IN_LINE)
    .values(
        state=JobState.RUNNING,
        attempt=jobs.c.attempt + 1,
        started_at=func.coalesce(jobs.c.started_at, _AT),
    )
    .returning(jobs)
)
_WHY_NOT = select(jobs.c.state, _HAS_ROOM.label("has_room")).where(jobs.c.id == bindparam("job"))
_SERVE = (
    update(runs)
    .where(runs.c.id == bindparam("run"))
    .values(state=RunState.RUNNING, started_at=func.coalesce(runs.c.started_at, _AT), served_at=_AT)
    .returning(runs)
)
_RENEW = update(jobs).where(*_IS_HELD)
_STANDING = select(jobs.c.cancel_requested_at).where(*_IS_HELD)
_END = (
    update(jobs)
    .where(*_IS_HELD)
    .values(lease_token=None, lease_expires_at=None)
    .returning(jobs.c.id, jobs.c.model_id, jobs.c.model_version, jobs.c.attempt)
)
_ADD_RESULT = insert(results)
_ADD_FITTED = insert(fitted_models)
_ADD_PROVENANCE = insert(provenances)
_FIT = (
    update(jobs)
    .where(*_IS_HELD)
    .values(reuses=None)
    .returning(jobs.c.id, jobs.c.model_id, jobs.c.model_version, jobs.c.attempt)
)
_REQUEUE = (
    update(jobs)
    .where(*_IS_HELD, jobs.c.cancel_requested_at.is_(None))
    .values(state=JobState.QUEUED, lease_token=None, lease_expires_at=None)
)
_RELEASE = _REQUEUE.values(attempt=jobs.c.attempt - 1)
_TRY_AGAIN = _REQUEUE.where(jobs.c.attempt < jobs.c.max_attempts)
_SILENT = select(jobs).where(IS_RUNNING, _IS_SILENT).order_by(jobs.c.lease_expires_at)
_STILL_SILENT = select(jobs.c.id).where(*_IS_HELD, _IS_SILENT).with_for_update()


def claim(engine: Engine, job_id: str, *, holder: Holder, caps: Caps, lease_s: float) -> Claim | ClaimRefusal:
    with writing(engine) as connection:
        one_at_a_time(connection, "claim")
        return _claim(connection, job_id, holder, caps, lease_s)


def claim_next(
    engine: Engine, *, but: Sequence[str], holder: Holder, caps: Caps, lease_s: float
) -> Claim | None:
    """The job that goes next, if the run in line has one beside those, and if there is room for it."""
    with writing(engine) as connection:
        one_at_a_time(connection, "claim")
        job_id = connection.execute(NEXT_BUT, {"but": but}).scalar()
        claimed = job_id and _claim(connection, job_id, holder, caps, lease_s)
        return claimed if isinstance(claimed, Claim) else None


def _claim(
    connection: Connection, job_id: str, holder: Holder, caps: Caps, lease_s: float
) -> Claim | ClaimRefusal:
    if connection.execute(_HOLD_RUN_OF_JOB, {"job": job_id}).first() is None:
        return ClaimRefusal.UNKNOWN
    at = now(connection)
    wanted = {
        "job": job_id,
        "at": at,
        "overall": caps.overall,
        "per_node": caps.per_node,
        "on_node": holder.node,
        "node": holder.node,
        "worker": holder.worker,
        "lease_token": new_id(),
        "lease_expires_at": at + timedelta(seconds=lease_s),
    }
    job = connection.execute(_TAKE, wanted).first()
    return _why_not(connection, wanted) if job is None else _begin(connection, job, at)


def _why_not(connection: Connection, wanted: Mapping[str, Any]) -> ClaimRefusal:
    job = connection.execute(_WHY_NOT, wanted).one()
    if JobState(job.state).has_ended:
        return ClaimRefusal.ENDED
    if job.state == JobState.RUNNING:
        return ClaimRefusal.RUNNING
    return ClaimRefusal.OUT_OF_TURN if job.has_room else ClaimRefusal.FULL


def _begin(connection: Connection, job: Row[Any], at: datetime) -> Claim:
    run = connection.execute(_SERVE, {"run": job.run_id, "at": at}).one()
    if job.started_at == at and job.reuses is None:
        outbox.add(connection, EventType.EVALUATION_STARTED, run.id, [name_in_events(job)], at)
    lease = Lease(job_id=job.id, run_id=run.id, token=job.lease_token, attempt=job.attempt)
    return Claim(lease=lease, job=job_from_row(job), run=run_from_row(run))


def renew(engine: Engine, lease: Lease, *, lease_s: float) -> bool:
    """False when the lease was lost."""
    with writing(engine) as connection:
        expires_at = now(connection) + timedelta(seconds=lease_s)
        return _change(connection, _RENEW, lease, lease_expires_at=expires_at)


def standing(engine: Engine, lease: Lease) -> LeaseStanding:
    with reading(engine) as connection:
        return _standing(connection, lease)


def _standing(connection: Connection, lease: Lease) -> LeaseStanding:
    row = connection.execute(_STANDING, _key(lease)).first()
    if row is None:
        return LeaseStanding.LOST
    return LeaseStanding.HELD if row.cancel_requested_at is None else LeaseStanding.CANCELLED


def fit_instead(engine: Engine, lease: Lease) -> None:
    """The predictions that the job was to score are not there any more: it begins as any other one."""
    with writing(engine) as connection:
        hold(connection, lease.run_id)
        job = connection.execute(_FIT, _key(lease)).first()
        if job is not None:
            told = [name_in_events(job)]
            outbox.add(connection, EventType.EVALUATION_STARTED, lease.run_id, told, now(connection))


def complete(
    engine: Engine,
    lease: Lease,
    result: Result,
    fitted: FittedModel | NotKept | None = None,
    provenance: Provenance | None = None,
    *,
    keep: Keep = lambda _connection, _at: None,
) -> bool:
    """`fitted`: what the cell left of its model, if the run wants to save it. `keep` writes what else came of
    it: in the same transaction, and before the run is closed.
    """

    def write(connection: Connection, at: datetime) -> None:
        connection.execute(_ADD_RESULT, result_to_row(result))
        if fitted is not None:
            connection.execute(_ADD_FITTED, {"evaluation_id": lease.job_id, "fitted": fitted.to_json()})
        if provenance is not None:
            connection.execute(_ADD_PROVENANCE, provenance_to_row(result, provenance))
        keep(connection, at)

    with writing(engine) as connection:
        return _end(connection, lease, JobState.COMPLETED, result.to_record(), keep=write)


def fail(engine: Engine, lease: Lease, error: JobError, *, state: JobState = JobState.FAILED) -> bool:
    with writing(engine) as connection:
        return _fail(connection, lease, error, state)


def cancel(engine: Engine, lease: Lease) -> bool:
    with writing(engine) as connection:
        return _end(connection, lease, JobState.CANCELLED)


def release(engine: Engine, lease: Lease) -> bool:
    """Back into the queue as if it had never been taken: the holder stops, through no fault of the candidate.

    If somebody asked for the job to be cancelled, it ends as cancelled instead.
    """
    with writing(engine) as connection:
        hold(connection, lease.run_id)
        return _change(connection, _RELEASE, lease) or _end(connection, lease, JobState.CANCELLED)


def give_up(engine: Engine, lease: Lease, error: JobError) -> bool:
    """The cell was killed from outside: another attempt, or `error` when none is left."""
    with writing(engine) as connection:
        return _give_up(connection, lease, error)


def expire(engine: Engine) -> int:
    """Take the leases of holders that fell silent. Returns how many."""
    with reading(engine) as connection:
        silent = connection.execute(_SILENT, {"at": now(connection)}).all()
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
        hold(connection, lease.run_id)
        still = connection.execute(_STILL_SILENT, {**_key(lease), "at": now(connection)}).first()
        return still is not None and _give_up(connection, lease, error)


def _give_up(connection: Connection, lease: Lease, error: JobError) -> bool:
    hold(connection, lease.run_id)
    if _change(connection, _TRY_AGAIN, lease):
        return True
    if _standing(connection, lease) is LeaseStanding.CANCELLED:
        return _end(connection, lease, JobState.CANCELLED)
    return _fail(connection, lease, error, JobState.FAILED)


def _fail(connection: Connection, lease: Lease, error: JobError, state: JobState) -> bool:
    return _end(
        connection, lease, state, {"status": state, "error": error.to_record()}, error=error.to_json()
    )


def _end(
    connection: Connection,
    lease: Lease,
    state: JobState,
    told: Mapping[str, Any] | None = None,
    keep: Keep = lambda _connection, _at: None,
    **values: Any,
) -> bool:
    hold(connection, lease.run_id)
    at = now(connection)
    ended = connection.execute(_END, {**_key(lease), "state": state, "ended_at": at, **values}).first()
    if ended is None:
        return False
    outbox.add(connection, _EVENTS[state], lease.run_id, [name_in_events(ended) | dict(told or {})], at)
    keep(connection, at)
    close_if_over(connection, lease.run_id, at)
    return True


def _change(connection: Connection, change: Update, lease: Lease, **values: Any) -> bool:
    return bool(connection.execute(change, {**_key(lease), **values}).rowcount)


def _key(lease: Lease) -> dict[str, str]:
    return {"job": lease.job_id, "token": lease.token}
