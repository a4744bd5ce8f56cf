"""Savings: which runs have models to save, who is at it, and what came of it.

A turn is taken by compare-and-swap. While somebody is at it, the saving is due again only later: a saver that
dies is followed by another one, and one that was merely slow can write nothing any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from bakeoff.domain.saving import Saving, SavingOutcome
from bakeoff.store.database.engine import now, reading, writing
from bakeoff.store.database.tables import savings

_IS_OPEN = savings.c.done_at.is_(None)


@dataclass(frozen=True, kw_only=True)
class SavingTurn:
    run_id: str
    number: int  #: from 1


def begin(connection: Connection, run_id: str, at: datetime) -> None:
    """Part of the transaction that ends a run, if it wants to save anything."""
    connection.execute(insert(savings), {"run_id": run_id, "due_at": at, "tries": 0})


def due(engine: Engine) -> Sequence[str]:
    """The runs, longest due first."""
    with reading(engine) as connection:
        at = now(connection)
        return (
            connection.execute(
                select(savings.c.run_id).where(_IS_OPEN, savings.c.due_at <= at).order_by(savings.c.due_at)
            )
            .scalars()
            .all()
        )


def take(engine: Engine, run_id: str, *, lease_s: float) -> SavingTurn | None:
    """None when it is not due: it is done, or somebody is at it."""
    with writing(engine) as connection:
        at = now(connection)
        number = connection.execute(
            update(savings)
            .where(savings.c.run_id == run_id, _IS_OPEN, savings.c.due_at <= at)
            .values(tries=savings.c.tries + 1, due_at=at + timedelta(seconds=lease_s))
            .returning(savings.c.tries)
        ).scalar()
    return None if number is None else SavingTurn(run_id=run_id, number=number)


def hold(engine: Engine, turn: SavingTurn, *, lease_s: float) -> bool:
    """For so much longer. False when the turn was lost."""
    with writing(engine) as connection:
        return _change(connection, turn, due_at=now(connection) + timedelta(seconds=lease_s))


def put_off(engine: Engine, turn: SavingTurn, outcome: SavingOutcome, *, by_s: float) -> bool:
    with writing(engine) as connection:
        due_at = now(connection) + timedelta(seconds=by_s)
        return _change(connection, turn, due_at=due_at, outcome=outcome.to_json())


def finish(engine: Engine, turn: SavingTurn, outcome: SavingOutcome) -> bool:
    with writing(engine) as connection:
        return _change(connection, turn, done_at=now(connection), outcome=outcome.to_json())


def of_run(engine: Engine, run_id: str) -> Saving | None:
    """None before the run has ended, and for one that saves nothing."""
    with reading(engine) as connection:
        row = connection.execute(select(savings).where(savings.c.run_id == run_id)).first()
    if row is None:
        return None
    return Saving(
        run_id=row.run_id,
        due_at=row.due_at,
        tries=row.tries,
        outcome=None if row.outcome is None else SavingOutcome.from_json(row.outcome),
        done_at=row.done_at,
    )


def _change(connection: Connection, turn: SavingTurn, **values: Any) -> bool:
    mine = (savings.c.run_id == turn.run_id, savings.c.tries == turn.number, _IS_OPEN)
    return bool(connection.execute(update(savings).where(*mine).values(**values)).rowcount)
