"""How one learns that something has changed without reading all of it.

A page that is open asks for a mark several times a second, so each is a few index look-ups: how far the
events have come, and what changes without an event (the priority of a run, a job that is put back into the
queue). A worker that has nothing to do looks at a file, and asks nothing.
"""

import time
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Engine, func, select

from bakeoff.store.database.all_tables import IS_RUNNING, jobs, outbox, runs, verdicts
from bakeoff.store.database.engine_and_transactions import reading


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


class WriteWatch:
    """Whether anybody may have written to the database since the last look. On PostgreSQL it is always yes.

    SQLite writes what is committed to the log beside its file, which changes the time of that log. The
    kernel counts this time in steps. So a log that has changed just now is looked at again: a second write
    within the same step would not show.
    """

    _STEP_NS = 100_000_000  #: longer than any kernel's

    def __init__(self, file: Path | None) -> None:
        """`file`: of the database; None: it is on a server."""
        self._log = file and file.with_name(f"{file.name}-wal")
        self._seen: tuple[int, int, int] | None = None  #: the log at the last look, if it was at rest

    def may_have_changed(self) -> bool:
        if self._log is None:
            return True
        try:
            found = self._log.stat()
        except OSError:  # without a log: nobody has the database open, or it is on a full disk
            return True
        before, mark = self._seen, (found.st_ino, found.st_size, found.st_mtime_ns)
        self._seen = mark if time.time_ns() - found.st_mtime_ns > self._STEP_NS else None
        return self._seen is None or self._seen != before
