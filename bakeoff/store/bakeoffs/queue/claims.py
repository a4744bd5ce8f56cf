"""Claims: which worker may work on a job, and how many at once.

One statement checks that the job is queued, that its turn has come and that a slot is free, and makes it the
job of this worker; on PostgreSQL it does all else, too (`postgresql_jobs`). What the holder of the lease may
do then is in `leased_jobs`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    ScalarSelect,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    update,
)

from bakeoff.domain.event import EventType
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.store.bakeoffs import outbox
from bakeoff.store.bakeoffs.queue import postgresql_jobs
from bakeoff.store.bakeoffs.queue.queue_order import FOLDS_ARE_BEGUN, NEXT_JOB, NEXT_RUN
from bakeoff.store.bakeoffs.row_mapping import job_from_row, name_in_events, run_from_row
from bakeoff.store.database.all_tables import IS_QUEUED, jobs, runs
from bakeoff.store.database.engine_and_transactions import now, reading, writing

log = logging.getLogger(__name__)


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
    spreads: bool = False  #: the job may have folds that are jobs of their own, and end with it


@dataclass(frozen=True, kw_only=True)
class Claim:
    lease: Lease
    job: Job
    run: Run


@dataclass(kw_only=True)
class NextClaim:
    """A wish to claim the next job in the transaction that ends one."""

    excluded: Sequence[str]  #: jobs that others have a doorbell for
    holder: Holder
    caps: Caps
    lease_s: float
    claimed: Claim | None = None  #: set after the commit; None: there is no job, or no free slot


class ClaimRefusal(StrEnum):
    """Why a job could not be claimed, in the words of the log and of Flower."""

    UNKNOWN = "there is no such job"
    ENDED = "it has ended already"
    RUNNING = "another worker holds its lease"
    FULL = "all slots are taken: it stays queued"
    OUT_OF_TURN = "another run goes first: it stays queued"
    FOLDS_WAIT = "its folds go first: it stays queued"


def _running_jobs(*, on_node: bool = False) -> ScalarSelect[int]:
    # An alias, because the statement around this updates the same table. The state is written out and not
    # bound: with a bound value the database would not use the partial index of running jobs.
    other = jobs.alias("running")
    count = select(func.count()).select_from(other).where(other.c.state == literal_column("'running'"))
    return (count.where(other.c.node == bindparam("on_node")) if on_node else count).scalar_subquery()


# Statements are built once: building one costs more than running it.
_AT = bindparam("at", type_=jobs.c.started_at.type)
_HAS_ROOM = and_(_running_jobs() < bindparam("overall"), _running_jobs(on_node=True) < bindparam("per_node"))
# On SQLite, which has one writer at a time; on PostgreSQL see `postgresql_jobs`.
# Compare-and-swap: of all that claim the job, one finds it queued. The caps and the order of runs are checked
# in the same transaction, so no two workers see the last free slot. Node,
# worker, token and expiry are set, too: SQLAlchemy adds each execution parameter that is a column to the SET.
_CLAIM = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"), IS_QUEUED, _HAS_ROOM, FOLDS_ARE_BEGUN, jobs.c.run_id == NEXT_RUN)
    .values(
        state=JobState.RUNNING,
        attempt=jobs.c.attempt + 1,
        started_at=func.coalesce(jobs.c.started_at, _AT),
    )
    .returning(jobs)
)
_GIVE_BACK = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"), jobs.c.lease_token == bindparam("token"))
    .values(state=JobState.QUEUED, attempt=jobs.c.attempt - 1, lease_token=None, lease_expires_at=None)
)
_REFUSED_JOB = select(
    jobs.c.state, _HAS_ROOM.label("has_room"), FOLDS_ARE_BEGUN.label("folds_are_begun")
).where(jobs.c.id == bindparam("job"))
# `served_at` is what the order of runs goes by: the run that was served longest ago comes first.
_SERVE_RUN = (
    update(runs)
    .where(runs.c.id == bindparam("run"))
    .values(state=RunState.RUNNING, started_at=func.coalesce(runs.c.started_at, _AT), served_at=_AT)
    .returning(runs)
)
# The first fold that is begun begins the job.
_BEGIN_WHOLE = (
    update(jobs)
    .where(jobs.c.id == bindparam("whole"), jobs.c.started_at.is_(None), IS_QUEUED)
    .values(started_at=_AT)
    .returning(jobs.c.id, jobs.c.model_id, jobs.c.model_version, jobs.c.attempt)
)


def claim(engine: Engine, job_id: str, *, holder: Holder, caps: Caps, lease_s: float) -> Claim | ClaimRefusal:
    if engine.dialect.name == "postgresql":
        rows = postgresql_jobs.claim(engine, wanted_on_postgresql(holder, caps, lease_s), job_id=job_id)
        claimed = claimed_on_postgresql(engine, rows)
        return claimed or _refusal_on_postgresql(engine, job_id, holder, caps)
    with writing(engine) as connection:
        return _claim(connection, job_id, holder, caps, lease_s)


def claim_next(
    engine: Engine, *, excluded: Sequence[str], holder: Holder, caps: Caps, lease_s: float
) -> Claim | None:
    """Claim the next job, if the next run has one that is not excluded, and if a slot is free."""
    if engine.dialect.name == "postgresql":
        wanted = wanted_on_postgresql(holder, caps, lease_s)
        rows = postgresql_jobs.claim(engine, wanted, excluded=excluded)
        return claimed_on_postgresql(engine, rows)
    with writing(engine) as connection:
        return _claim_next(connection, excluded, holder, caps, lease_s)


def wanted_on_postgresql(holder: Holder, caps: Caps, lease_s: float) -> dict[str, Any]:
    """What `postgresql_jobs` asks to know of a claim."""
    return {
        "node": holder.node,
        "worker": holder.worker,
        "token": new_id(),
        "lease_s": lease_s,
        "per_node": caps.per_node,
        "overall": caps.overall,
    }


def claimed_on_postgresql(engine: Engine, rows: tuple[Any, Any] | None) -> Claim | None:
    """The claim was committed before its rows could be read. One that cannot be read is given back."""
    if rows is None:
        return None
    try:
        return _claimed(*rows)
    except Exception:
        with writing(engine) as connection:
            connection.execute(_GIVE_BACK, {"job": rows[0].id, "token": rows[0].lease_token})
        raise


def _refusal_on_postgresql(engine: Engine, job_id: str, holder: Holder, caps: Caps) -> ClaimRefusal:
    """For the log: it is read after the claim, and by then the reason may be another."""
    asked = {"job": job_id, "overall": caps.overall, "per_node": caps.per_node, "on_node": holder.node}
    with reading(engine) as connection:
        return _refusal(connection, asked)


def _claim_next(
    connection: Connection, excluded: Sequence[str], holder: Holder, caps: Caps, lease_s: float
) -> Claim | None:
    job_id = connection.execute(NEXT_JOB, {"excluded": excluded}).scalar()
    claimed = job_id and _claim(connection, job_id, holder, caps, lease_s)
    return claimed if isinstance(claimed, Claim) else None


def _claim(
    connection: Connection, job_id: str, holder: Holder, caps: Caps, lease_s: float
) -> Claim | ClaimRefusal:
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
    job = connection.execute(_CLAIM, wanted).first()
    return _refusal(connection, wanted) if job is None else _begin(connection, job, at)


def _refusal(connection: Connection, wanted: Mapping[str, Any]) -> ClaimRefusal:
    job = connection.execute(_REFUSED_JOB, wanted).first()
    if job is None:
        return ClaimRefusal.UNKNOWN
    if JobState(job.state).has_ended:
        return ClaimRefusal.ENDED
    if job.state == JobState.RUNNING:
        return ClaimRefusal.RUNNING
    if not job.has_room:
        return ClaimRefusal.FULL
    return ClaimRefusal.OUT_OF_TURN if job.folds_are_begun else ClaimRefusal.FOLDS_WAIT


def _begin(connection: Connection, job: Row[Any], at: datetime) -> Claim:
    run = connection.execute(_SERVE_RUN, {"run": job.run_id, "at": at}).one()
    if job.part_of is not None:
        begun = connection.execute(_BEGIN_WHOLE, {"whole": job.part_of, "at": at}).first()
        if begun is not None:
            payloads = [name_in_events(begun) | {"attempt": 1}]
            outbox.add(connection, EventType.EVALUATION_STARTED, run.id, payloads, at)
    elif job.started_at == at and job.reuses is None:
        outbox.add(connection, EventType.EVALUATION_STARTED, run.id, [name_in_events(job)], at)
    return _claimed(job, run)


def _claimed(job: Any, run: Any) -> Claim:
    claimed, its_run = job_from_row(job), run_from_row(run)
    lease = Lease(
        job_id=job.id,
        run_id=run.id,
        token=job.lease_token,
        attempt=job.attempt,
        spreads=its_run.spreads and claimed.part_of is None,
    )
    return Claim(lease=lease, job=claimed, run=its_run)


def claim_after_end(connection: Connection, then: NextClaim) -> Claim | None:
    """Claims the next job in the transaction that ends one.

    In a savepoint: the job that ends keeps its end when the next one cannot be claimed.
    """
    try:
        with connection.begin_nested():
            return _claim_next(connection, then.excluded, then.holder, then.caps, then.lease_s)
    except Exception:  # whatever is wrong with the next one, such as a row that cannot be read
        log.exception("no job is claimed with the end of the one before")
        return None


def claim_separately(engine: Engine, then: NextClaim) -> Claim | None:
    """Claims the next job after the transaction that ended one, whose success it leaves alone."""
    try:
        return claim_next(
            engine, excluded=then.excluded, holder=then.holder, caps=then.caps, lease_s=then.lease_s
        )
    except Exception:  # as above, or the database is gone since
        log.exception("no job is claimed after the end of the one before")
        return None
