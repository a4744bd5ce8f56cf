"""Cancelling runs and jobs: queued and waiting jobs end at once, running ones are stopped by their workers.

A worker sees within seconds that the cancellation of its job was requested.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, or_, select, update

from bakeoff.domain.event import EventType
from bakeoff.domain.runs.job import JobState
from bakeoff.store.bakeoffs import outbox
from bakeoff.store.bakeoffs.row_mapping import name_in_events
from bakeoff.store.bakeoffs.run_rows import close_if_over, lock_run
from bakeoff.store.database.all_tables import IS_RUNNING, jobs
from bakeoff.store.database.engine_and_transactions import now, writing


def cancel_run(engine: Engine, run_id: str) -> bool:
    """Cancels a run. False when nothing was left to cancel."""
    with writing(engine) as connection:
        return _cancel(connection, run_id, jobs.c.run_id == run_id)


def cancel_job(engine: Engine, job_id: str) -> bool:
    """Cancels a job with its folds. False when there is no such job, or it has ended.

    The job of a fold stands for its candidate: cancelled alone, it would be fitted by the job that joins it.
    """
    with writing(engine) as connection:
        job = connection.execute(select(jobs.c.run_id, jobs.c.part_of).where(jobs.c.id == job_id)).first()
        if job is None:
            return False
        whole = job.part_of or job_id
        return _cancel(connection, job.run_id, or_(jobs.c.id == whole, jobs.c.part_of == whole))


def _cancel(connection: Connection, run_id: str, which: ColumnElement[bool]) -> bool:
    lock_run(connection, run_id)
    at = now(connection)
    cancelled = _cancel_idle(connection, which, at)
    requested = connection.execute(
        update(jobs)
        .where(which, IS_RUNNING)
        .values(cancel_requested_at=func.coalesce(jobs.c.cancel_requested_at, at))
    )
    outbox.add(connection, EventType.EVALUATION_CANCELLED, run_id, cancelled, at)
    if cancelled:
        close_if_over(connection, run_id, at)
    return bool(cancelled or requested.rowcount)


def _cancel_idle(connection: Connection, which: ColumnElement[bool], at: datetime) -> list[dict[str, Any]]:
    # Compare-and-swap: a job that was claimed meanwhile is not idle any more, and its worker will stop it.
    ended = connection.execute(
        update(jobs)
        .where(which, jobs.c.state.in_([JobState.QUEUED, JobState.WAITING]))
        .values(state=JobState.CANCELLED, ended_at=at)
        .returning(
            *(jobs.c.id, jobs.c.model_id, jobs.c.model_version, jobs.c.attempt, jobs.c.position),
            jobs.c.part_of,
        )
    )
    whole = [row for row in ended if row.part_of is None]  # of a fold nothing was told, so nothing ends
    return [name_in_events(row) for row in sorted(whole, key=lambda row: row.position)]
