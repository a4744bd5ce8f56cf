"""Marks by which a page that is open learns that something has changed, without reading what it shows.

They are asked for several times a second, so each is a few index look-ups: how far the events have come, and
what changes without an event (the priority of a run, a job that is put back into the queue).
"""

from collections.abc import Iterable

from sqlalchemy import Engine, func, select

from bakeoff.store.database.all_tables import IS_RUNNING, jobs, outbox, runs, verdicts
from bakeoff.store.database.engine import reading


def of_run(engine: Engine, run_id: str) -> str:
    events = select(func.max(outbox.c.position)).where(outbox.c.run_id == run_id).scalar_subquery()
    running = select(func.count()).select_from(jobs).where(jobs.c.run_id == run_id, IS_RUNNING)
    tries = select(verdicts.c.tries).where(verdicts.c.run_id == run_id).scalar_subquery()
    wanted = select(events, running.scalar_subquery(), tries, runs.c.priority).where(runs.c.id == run_id)
    with reading(engine) as connection:
        row = connection.execute(wanted).first()
    return _mark(row or ())


def of_all(engine: Engine) -> str:
    events = select(func.max(outbox.c.position)).scalar_subquery()
    running = select(func.count()).select_from(jobs).where(IS_RUNNING).scalar_subquery()
    with reading(engine) as connection:
        row = connection.execute(select(events, running)).one()
    return _mark(row)


def _mark(values: Iterable[int | None]) -> str:
    return "-".join(str(value or 0) for value in values)
