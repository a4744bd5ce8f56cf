"""Stopping runs and jobs: what is queued is cancelled here and now, what is running by its worker within seconds."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, select, update

from domain.event import EventType
from domain.job import JobState
from store import outbox
from store.engine import now, writing
from store.runs import close_if_over, hold
from store.tables import jobs


def cancel_run(engine: Engine, run_id: str) -> bool:
    """False when nothing was left to cancel."""
    with writing(engine) as connection:
        return _cancel(connection, run_id, jobs.c.run_id == run_id)


def cancel_job(engine: Engine, job_id: str) -> bool:
    """False when there is no such job, or it had ended."""
    with writing(engine) as connection:
        run_id = connection.execute(select(jobs.c.run_id).where(jobs.c.id == job_id)).scalar()
        return run_id is not None and _cancel(connection, run_id, jobs.c.id == job_id)


def _cancel(connection: Connection, run_id: str, which: ColumnElement[bool]) -> bool:
    hold(connection, run_id)
    at = now(connection)
    told = _queued(connection, which)
    connection.execute(
        update(jobs)
        .where(which, jobs.c.state == JobState.QUEUED)
        .values(state=JobState.CANCELLED, ended_at=at)
    )
    asked = connection.execute(
        update(jobs).where(which, jobs.c.state == JobState.RUNNING).values(cancel_requested_at=at)
    )
    outbox.add(connection, EventType.EVALUATION_CANCELLED, run_id, told, at)
    if told:
        close_if_over(connection, run_id)
    return bool(told or asked.rowcount)


def _queued(connection: Connection, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(jobs.c.id, jobs.c.model_id, jobs.c.model_version, jobs.c.attempt)
        .where(which, jobs.c.state == JobState.QUEUED)
        .with_for_update()
    )
    return [
        {
            "evaluationId": row.id,
            "modelId": row.model_id,
            "modelVersion": row.model_version,
            "attempt": row.attempt,
        }
        for row in rows
    ]
