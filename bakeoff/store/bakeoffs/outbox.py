"""The outbox: events that are to be published. A row is written in the transaction of its change.

So an event is published if, and only if, its change was committed, and nothing is lost when Redis is away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, insert, select, update

from bakeoff.domain.event import Event, EventType
from bakeoff.domain.ids_and_times import new_id
from bakeoff.store.database.all_tables import outbox
from bakeoff.store.database.engine_and_transactions import now, reading, writing
from bakeoff.store.database.statements_in_one_round_trip import WAIT_FOR_DISK, send

_ADD = insert(outbox)
_ANY = select(outbox.c.position).where(outbox.c.published_at.is_(None)).limit(1)

_OF_RUN = (
    select(outbox)
    .where(outbox.c.run_id == bindparam("run"), outbox.c.position > bindparam("after"))
    .order_by(outbox.c.position)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, kw_only=True)
class Pending:
    position: int  #: rises in the order of what happened within a run
    event: Event


def add(
    connection: Connection,
    event_type: EventType,
    run_id: str,
    payloads: Sequence[Mapping[str, Any]],
    at: datetime,
) -> None:
    """Adds an event in the caller's transaction, which must have locked the run (`run_rows.lock_run`).

    Without the lock, an event could get a lower position than an earlier one of the same run.
    """
    if payloads:
        connection.execute(
            _ADD,
            [
                {
                    "event_id": new_id(),
                    "event_type": event_type,
                    "run_id": run_id,
                    "occurred_at": at,
                    "payload": dict(payload),
                }
                for payload in payloads
            ],
        )


def is_anything_pending(engine: Engine) -> bool:
    with reading(engine) as connection:
        return connection.execute(_ANY).first() is not None


def pending(engine: Engine, *, limit: int) -> list[Pending]:
    """The oldest events that are not marked as published.

    What they tell of is on the disk: no failure of the server's machine makes it undone.
    """
    with reading(engine) as connection:
        rows = connection.execute(
            select(outbox).where(outbox.c.published_at.is_(None)).order_by(outbox.c.position).limit(limit)
        )
        found = [_pending(row) for row in rows]
    if found and engine.dialect.name == "postgresql":  # where some transactions do not wait for the disk
        send(engine, [(WAIT_FOR_DISK, {})])
    return found


def of_run(engine: Engine, run_id: str, *, after: int, limit: int) -> list[Pending]:
    """The events of a run after that position, published or not."""
    with reading(engine) as connection:
        return [
            _pending(row)
            for row in connection.execute(_OF_RUN, {"run": run_id, "after": after, "limit": limit})
        ]


class OutboxTail:
    """Follows the events of one run or of all: first the latest ones, then those that are added.

    Each event comes once, and those of a run in their order. On PostgreSQL a position may become visible
    after greater ones, if its transaction took longer. So each call reads the last `_BACK` positions again.
    """

    _BACK = 200  #: events that other transactions may commit while one is still open

    def __init__(self, engine: Engine, *, run_id: str | None = None) -> None:
        self._engine = engine
        self._run = () if run_id is None else (outbox.c.run_id == run_id,)
        self._seen: set[int] = set()

    def latest(self, number: int) -> list[Event]:
        newest = (
            select(outbox).where(*self._run).order_by(outbox.c.position.desc()).limit(number + self._BACK)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(newest).all()[::-1]
        self._seen = {row.position for row in rows}
        return [_pending(row).event for row in rows[len(rows) - min(number, len(rows)) :]]

    def more(self) -> list[Event]:
        last = max(self._seen, default=0)
        later = outbox.c.position > last - self._BACK
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(outbox).where(*self._run, later).order_by(outbox.c.position)
            ).all()
        new = [row for row in rows if row.position not in self._seen]
        self._seen = {row.position for row in rows}
        return [_pending(row).event for row in new]


def _pending(row: Row[Any]) -> Pending:
    return Pending(
        position=row.position,
        event=Event(
            id=row.event_id,
            type=EventType(row.event_type),
            run_id=row.run_id,
            occurred_at=row.occurred_at,
            payload=row.payload,
        ),
    )


def mark_published(engine: Engine, positions: Sequence[int]) -> None:
    if not positions:
        return
    with writing(engine) as connection:
        connection.execute(
            update(outbox).where(outbox.c.position.in_(positions)).values(published_at=now(connection))
        )
