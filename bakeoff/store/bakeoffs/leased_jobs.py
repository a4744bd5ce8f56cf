"""Leased jobs: what the holder of a lease may write, how its work ends, and how leases expire.

Each claim gives the job a new token. Each later change by the holder is one compare-and-swap on (job, token):
its UPDATE matches no row when the lease was lost, and the functions here then return False. So a holder that
lost its lease can write nothing any more.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Insert,
    Row,
    Select,
    Update,
    bindparam,
    func,
    insert,
    select,
    update,
)

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.event import EventType
from bakeoff.domain.runs.job import JobError, JobState, Phase
from bakeoff.domain.runs.result import FittedModel, NotKept, Provenance, Result
from bakeoff.store.bakeoffs import outbox
from bakeoff.store.bakeoffs.queue import postgresql_jobs
from bakeoff.store.bakeoffs.queue.claims import (
    Claim,
    Lease,
    NextClaim,
    claim_after_end,
    claim_separately,
    claimed_on_postgresql,
    wanted_on_postgresql,
)
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.bakeoffs.row_mapping import name_in_events, provenance_to_row, result_to_row
from bakeoff.store.bakeoffs.run_rows import close_if_over, lock_run
from bakeoff.store.database.all_tables import (
    IS_QUEUED,
    IS_RUNNING,
    fitted_models,
    jobs,
    provenances,
    results,
)
from bakeoff.store.database.all_tables import (
    curves as curve_rows,
)
from bakeoff.store.database.all_tables import (
    sketches as sketch_rows,
)
from bakeoff.store.database.engine_and_transactions import now, reading, writing

log = logging.getLogger(__name__)

_EVENTS = {
    JobState.COMPLETED: EventType.EVALUATION_COMPLETED,
    JobState.FAILED: EventType.EVALUATION_FAILED,
    JobState.TIMED_OUT: EventType.EVALUATION_FAILED,
    JobState.CANCELLED: EventType.EVALUATION_CANCELLED,
}

#: Writes more in the transaction that ends a job. Called with the time of the end.
WriteWithEnd = Callable[[Connection, datetime], None]


def _nothing_else(_connection: Connection, _at: datetime) -> None:
    """For a job with nothing else to write."""


class LeaseStanding(StrEnum):
    """What the holder of a lease should do."""

    HELD = "held"  #: go on
    CANCELLED = "cancelled"  #: stop, and end the job as cancelled
    LOST = "lost"  #: stop, and write nothing


# Statements are built once: building one costs more than running it.
_AT = bindparam("at", type_=jobs.c.started_at.type)
# The fence: no row matches when the lease was taken away, because the token is then another one or NULL.
_IS_HELD = (jobs.c.id == bindparam("job"), jobs.c.lease_token == bindparam("token"), IS_RUNNING)
_IS_SILENT = jobs.c.lease_expires_at < _AT

# No `values`: the SET comes from the execution parameters, which are `lease_expires_at` alone.
_RENEW = update(jobs).where(*_IS_HELD)
_STANDING = select(jobs.c.cancel_requested_at).where(*_IS_HELD)
_HELD_JOB: Select[Any] = select(jobs.c.id, jobs.c.model_id, jobs.c.model_version, jobs.c.attempt).where(
    *_IS_HELD
)
# `state`, `ended_at` and, for a failed job, `error` come from the execution parameters, as above.
_END = (
    update(jobs)
    .where(*_IS_HELD)
    .values(lease_token=None, lease_expires_at=None)
    .returning(jobs.c.id, jobs.c.model_id, jobs.c.model_version, jobs.c.attempt, jobs.c.part_of)
)
# A job that has ended needs no more folds: those that are queued end with it, those at work are stopped.
_PARTS = jobs.c.part_of == bindparam("whole")
_END_QUEUED_PARTS = update(jobs).where(_PARTS, IS_QUEUED).values(state=JobState.CANCELLED, ended_at=_AT)
_STOP_PARTS_AT_WORK = (
    update(jobs)
    .where(_PARTS, IS_RUNNING)
    .values(cancel_requested_at=func.coalesce(jobs.c.cancel_requested_at, _AT))
)
_TAKE_PART = (
    update(jobs)
    .where(jobs.c.id == bindparam("part"), IS_QUEUED)
    .values(state=JobState.CANCELLED, ended_at=_AT)
)
_ADD_RESULT = insert(results)
_ADD_FITTED = insert(fitted_models)
_ADD_PROVENANCE = insert(provenances)
_ADD_SKETCHES = insert(sketch_rows)
_ADD_CURVES = insert(curve_rows)
_FIT_INSTEAD = (
    update(jobs)
    .where(*_IS_HELD)
    .values(reuses=None)
    .returning(jobs.c.id, jobs.c.model_id, jobs.c.model_version, jobs.c.attempt)
)
# A job whose cancellation was requested is not requeued: it would run again although it is to stop.
_REQUEUE = (
    update(jobs)
    .where(*_IS_HELD, jobs.c.cancel_requested_at.is_(None))
    .values(state=JobState.QUEUED, lease_token=None, lease_expires_at=None)
)
_RELEASE = _REQUEUE.values(attempt=jobs.c.attempt - 1)
_WAIT = _RELEASE.values(state=JobState.WAITING)
_RETRY = _REQUEUE.where(jobs.c.attempt < jobs.c.max_attempts)
_SILENT = select(jobs).where(IS_RUNNING, _IS_SILENT).order_by(jobs.c.lease_expires_at)
# Checked again under the lock of the run: the holder may have renewed its lease since `_SILENT` was read.
_STILL_SILENT = select(jobs.c.id).where(*_IS_HELD, _IS_SILENT).with_for_update()


def renew(engine: Engine, lease: Lease, *, lease_s: float) -> bool:
    """Extend the lease, from now on. False when it was lost."""
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


def held_job(connection: Connection, lease: Lease) -> Row[Any] | None:
    """The job, for what its events say of it; None when the lease was lost."""
    return connection.execute(_HELD_JOB, _key(lease)).first()


def fit_instead(engine: Engine, lease: Lease) -> None:
    """Fit the candidate of a job that was to reuse predictions, because these are gone.

    From here on it is a job like any other, so the event of its start is written now.
    """
    with writing(engine) as connection:
        lock_run(connection, lease.run_id)
        job = connection.execute(_FIT_INSTEAD, _key(lease)).first()
        if job is not None:
            payloads = [name_in_events(job)]
            outbox.add(connection, EventType.EVALUATION_STARTED, lease.run_id, payloads, now(connection))


def complete(
    engine: Engine,
    lease: Lease,
    result: Result,
    fitted: FittedModel | NotKept | None = None,
    provenance: Provenance | None = None,
    *,
    sketches: Mapping[str, bytes] | None = None,
    curves: Mapping[str, Any] | None = None,
    also_write: WriteWithEnd = _nothing_else,
    then: NextClaim | None = None,
) -> bool:
    """End a job of either kind with its result. False when the lease was lost: then nothing is written.

    `fitted` is the model that the cell left, if the run saves models. `also_write` writes what only this kind
    of job has, in the same transaction and before the run is closed, so that closing the run can read it.
    `then`: the next job is claimed in the same transaction, after the end.
    """
    id_ = lease.job_id
    rows: Mapping[Insert, Sequence[Mapping[str, Any]]] = {
        _ADD_RESULT: [result_to_row(result)],
        _ADD_FITTED: [] if fitted is None else [{"evaluation_id": id_, "fitted": fitted.to_json()}],
        _ADD_PROVENANCE: [] if provenance is None else [provenance_to_row(result, provenance)],
        _ADD_SKETCHES: verdict_rows.rows_of_sketches(id_, sketches or {}),
        _ADD_CURVES: [{"evaluation_id": id_, "curves": dict(curves)}] if curves else [],
    }
    record = result.to_record()
    if also_write is _nothing_else and _complete_in_one_trip(engine, lease, rows, [record], then):
        return True

    def write(connection: Connection, at: datetime) -> None:
        for statement, written in rows.items():
            if written:
                connection.execute(statement, written)
        also_write(connection, at)

    return _complete(engine, lease, record, write, then)


def complete_part(engine: Engine, lease: Lease, then: NextClaim | None = None) -> bool:
    """End a job that fits one fold of another, which has kept it. `then`: as in `complete`."""
    return _complete_in_one_trip(engine, lease, {}, [], then) or _complete(
        engine, lease, {}, _nothing_else, then
    )


def _complete(
    engine: Engine, lease: Lease, record: Mapping[str, Any], write: WriteWithEnd, then: NextClaim | None
) -> bool:
    claimed: Claim | None = None
    with writing(engine) as connection:
        has_ended = _end(connection, lease, JobState.COMPLETED, record, also_write=write)
        if has_ended and then is not None and engine.dialect.name == "sqlite":
            claimed = claim_after_end(connection, then)
    if has_ended and then is not None and engine.dialect.name == "postgresql":
        # Not in that transaction: others wait for the lock of claims, and it takes several round trips.
        claimed = claim_separately(engine, then)
    if then is not None:
        then.claimed = claimed  # not before: of a transaction that was rolled back nothing is left
    return has_ended


def _complete_in_one_trip(
    engine: Engine,
    lease: Lease,
    rows: Mapping[Insert, Sequence[Mapping[str, Any]]],
    records: Sequence[Mapping[str, Any]],
    then: NextClaim | None,
) -> bool:
    """On PostgreSQL. False if nothing was done: then `_complete` does it, or finds out why it cannot."""
    if engine.dialect.name != "postgresql" or lease.spreads:
        return False
    names = {_ADD_RESULT: "result", _ADD_FITTED: "fitted", _ADD_PROVENANCE: "provenance"}
    names |= {_ADD_SKETCHES: "sketches", _ADD_CURVES: "curves"}
    try:
        has_ended, claimed = postgresql_jobs.complete(
            engine,
            job_id=lease.job_id,
            run_id=lease.run_id,
            token=lease.token,
            rows={name: rows.get(statement, ()) for statement, name in names.items()},
            payloads=records,
            then=None
            if then is None
            else (wanted_on_postgresql(then.holder, then.caps, then.lease_s), then.excluded),
        )
    except InfrastructureError:  # whatever it is, such as a value that is refused, the end must be written
        log.exception("the end of job %s takes several round trips", lease.job_id)
        return False
    if then is not None:
        try:
            then.claimed = claimed_on_postgresql(engine, claimed)
        except Exception:  # whatever is wrong with the next one: the end of this one is written
            log.exception("no job is claimed with the end of the one before")
    return has_ended


def take_part(engine: Engine, lease: Lease, part_id: str) -> bool:
    """Take a fold that is queued again back from its own job. False when somebody has begun it meanwhile."""
    with writing(engine) as connection:
        lock_run(connection, lease.run_id)
        if held_job(connection, lease) is None:
            return False
        return bool(connection.execute(_TAKE_PART, {"part": part_id, "at": now(connection)}).rowcount)


def fail(engine: Engine, lease: Lease, error: JobError, *, state: JobState = JobState.FAILED) -> bool:
    with writing(engine) as connection:
        return _fail(connection, lease, error, state)


def cancel(engine: Engine, lease: Lease) -> bool:
    with writing(engine) as connection:
        return _end(connection, lease, JobState.CANCELLED)


def release(engine: Engine, lease: Lease) -> bool:
    """Put the job back into the queue without counting the attempt, because its worker is stopping.

    If the cancellation of the job was requested, it ends as cancelled instead.
    """
    with writing(engine) as connection:
        lock_run(connection, lease.run_id)
        return _change(connection, _RELEASE, lease) or _end(connection, lease, JobState.CANCELLED)


def wait(engine: Engine, lease: Lease) -> bool:
    """Let the job wait for the others of its race, without a lease and without counting the attempt.

    If the cancellation of the job was requested, it ends as cancelled instead.
    """
    with writing(engine) as connection:
        lock_run(connection, lease.run_id)
        return _change(connection, _WAIT, lease) or _end(connection, lease, JobState.CANCELLED)


def retry_or_fail(engine: Engine, lease: Lease, error: JobError) -> bool:
    """Queue the job for another attempt, or end it with `error` when no attempt is left.

    Called when a cell was killed from outside, or the worker itself failed.
    """
    with writing(engine) as connection:
        return _retry_or_fail(connection, lease, error)


def expire(engine: Engine) -> int:
    """Take the leases from holders that did not renew them in time. Returns how many."""
    with reading(engine) as connection:
        silent = connection.execute(_SILENT, {"at": now(connection)}).all()
    return sum(_expire_one(engine, row) for row in silent)


def _expire_one(engine: Engine, row: Row[Any]) -> bool:
    lease = Lease(job_id=row.id, run_id=row.run_id, token=row.lease_token, attempt=row.attempt, spreads=True)
    error = JobError(
        type="WorkerLost",
        message=f"its worker {row.worker} died or fell silent {row.attempt} times in a row",
        phase=Phase.START,
        hint="`bakeoff doctor` on that machine says whether it runs out of memory",
    )
    with writing(engine) as connection:
        lock_run(connection, lease.run_id)
        still = connection.execute(_STILL_SILENT, {**_key(lease), "at": now(connection)}).first()
        return still is not None and _retry_or_fail(connection, lease, error)


def _retry_or_fail(connection: Connection, lease: Lease, error: JobError) -> bool:
    lock_run(connection, lease.run_id)
    if _change(connection, _RETRY, lease):
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
    payload: Mapping[str, Any] | None = None,
    also_write: WriteWithEnd = _nothing_else,
    **values: Any,
) -> bool:
    lock_run(connection, lease.run_id)  # two that end the last jobs of a run at once: the later one closes it
    at = now(connection)
    ended = connection.execute(_END, {**_key(lease), "state": state, "ended_at": at, **values}).first()
    if ended is None:
        return False
    if ended.part_of is None:
        payloads = [name_in_events(ended) | dict(payload or {})]
        outbox.add(connection, _EVENTS[state], lease.run_id, payloads, at)
    if lease.spreads:
        connection.execute(_END_QUEUED_PARTS, {"whole": ended.id, "at": at})
        connection.execute(_STOP_PARTS_AT_WORK, {"whole": ended.id, "at": at})
    also_write(connection, at)
    close_if_over(connection, lease.run_id, at)
    return True


def _change(connection: Connection, change: Update, lease: Lease, **values: Any) -> bool:
    return bool(connection.execute(change, {**_key(lease), **values}).rowcount)


def _key(lease: Lease) -> dict[str, str]:
    return {"job": lease.job_id, "token": lease.token}
