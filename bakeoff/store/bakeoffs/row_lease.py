"""Leases on rows that several processes could work on: savings, verdicts, trackings, slots, suite members.

A row of such a table is due while it is open and its `due_at` has passed. Taking it counts an attempt and
moves `due_at` to the end of the lease: no other process takes it before then, and if the holder dies, the row
becomes due again by itself. The number of the attempt (`tries`) is the fence: each write of a holder names
it, and matches no row once another process has taken the row since.

Jobs have leases of another kind (`leased_jobs`): they are claimed in order, with caps, and can be cancelled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Table, select, update

from bakeoff.store.database.engine_and_transactions import now, reading, writing

_LONGEST_PAUSE_S = 600
_MOST_DOUBLINGS = 10  #: beyond the longest pause; two to the power of a week of attempts is no float


def pause_after(attempts: int) -> float:
    """How long to wait, in seconds, after so many attempts that failed: twice as long each time."""
    return min(_LONGEST_PAUSE_S, 2.0 ** min(attempts, _MOST_DOUBLINGS))


class LeasedRows:
    """A table with the columns `due_at` and `tries`, and the condition under which its rows are open."""

    def __init__(self, table: Table, *, is_open: ColumnElement[bool]) -> None:
        self.table = table
        self.is_open = is_open

    def due(
        self, engine: Engine, *conditions: ColumnElement[bool], order_by: ColumnElement[Any]
    ) -> Sequence[Row[Any]]:
        """The rows that are open and that no process is working on."""
        with reading(engine) as connection:
            is_due = self.table.c.due_at <= now(connection)
            return connection.execute(
                select(self.table).where(self.is_open, is_due, *conditions).order_by(order_by)
            ).all()

    def are_open(self, engine: Engine) -> bool:
        """Whether any row is open, be it due now or later, or another process's."""
        with reading(engine) as connection:
            found = connection.execute(select(self.table.c.due_at).where(self.is_open).limit(1))
            return found.first() is not None

    def take(
        self,
        engine: Engine,
        *key: Any,
        lease_s: float,
        conditions: Sequence[ColumnElement[bool]] = (),
        **values: Any,
    ) -> "RowLease | None":
        """Takes the lease on the row with this key. None if it is closed, or a process is working on it.

        `conditions`: what must hold besides, at the moment at which the lease is taken. `values` are written
        with it.
        """
        with writing(engine) as connection:
            at = now(connection)
            # Compare-and-swap: of several processes that saw the row due, only the first still finds it due.
            attempt = connection.execute(
                update(self.table)
                .where(*self.is_row(key), self.is_open, self.table.c.due_at <= at, *conditions)
                .values(tries=self.table.c.tries + 1, due_at=at + timedelta(seconds=lease_s), **values)
                .returning(self.table.c.tries)
            ).scalar()
        return None if attempt is None else RowLease(engine=engine, rows=self, key=key, attempt=attempt)

    def is_row(self, key: Sequence[Any]) -> list[ColumnElement[bool]]:
        return [column == value for column, value in zip(self.table.primary_key, key, strict=True)]


@dataclass(frozen=True, kw_only=True)
class RowLease:
    """The right of one process to work on one row, until the lease runs out."""

    engine: Engine
    rows: LeasedRows
    key: tuple[Any, ...]
    attempt: int  #: from 1

    @property
    def pause_s(self) -> float:
        """How long to wait before the next attempt when this one fails."""
        return pause_after(self.attempt)

    def renew(self, *, lease_s: float) -> bool:
        """Extend the lease, from now on. False when it was lost."""
        return self._make_due(in_s=lease_s)

    def postpone(self, *, by_s: float, **values: Any) -> bool:
        """Ends this attempt and stores why it failed. The row is due again after this time."""
        return self._make_due(in_s=by_s, **values)

    def write(self, connection: Connection, **values: Any) -> bool:
        """Change the row. False, and nothing is changed, when the lease was lost."""
        # Fence: a holder that stood still until its lease ran out must not overwrite what its successor
        # wrote.
        is_mine = (*self.rows.is_row(self.key), self.rows.table.c.tries == self.attempt, self.rows.is_open)
        return bool(connection.execute(update(self.rows.table).where(*is_mine).values(**values)).rowcount)

    def _make_due(self, *, in_s: float, **values: Any) -> bool:
        with writing(self.engine) as connection:
            return self.write(connection, due_at=now(connection) + timedelta(seconds=in_s), **values)
