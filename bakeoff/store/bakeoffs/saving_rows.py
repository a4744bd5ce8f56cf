"""Savings: which runs have models to save, and the outcome. One process at a time works on a saving."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select

from bakeoff.domain.runs.model_saving import Saving, SavingOutcome
from bakeoff.store.bakeoffs.row_lease import LeasedRows, RowLease
from bakeoff.store.database.all_tables import savings
from bakeoff.store.database.engine_and_transactions import now, reading, writing

_SAVINGS = LeasedRows(savings, is_open=savings.c.done_at.is_(None))


def begin(connection: Connection, run_id: str, at: datetime) -> None:
    """Called in the transaction that ends a run whose models are to be saved."""
    connection.execute(insert(savings), {"run_id": run_id, "due_at": at, "tries": 0})


def due(engine: Engine) -> Sequence[str]:
    """The ids of the runs whose models should be saved now; the one that is due longest comes first."""
    return [row.run_id for row in _SAVINGS.due(engine, order_by=savings.c.due_at)]


def are_open(engine: Engine) -> bool:
    """Whether models of a run are still to be saved, now or later."""
    return _SAVINGS.are_open(engine)


def take(engine: Engine, run_id: str, *, lease_s: float) -> RowLease | None:
    """The lease on a saving; None when it is done, or another process is working on it."""
    return _SAVINGS.take(engine, run_id, lease_s=lease_s)


def postpone(lease: RowLease, outcome: SavingOutcome, *, by_s: float) -> bool:
    """False when the lease was lost."""
    return lease.postpone(by_s=by_s, outcome=outcome.to_json())


def finish(lease: RowLease, outcome: SavingOutcome) -> bool:
    """False when the lease was lost."""
    with writing(lease.engine) as connection:
        return lease.write(connection, done_at=now(connection), outcome=outcome.to_json())


def of_run(engine: Engine, run_id: str) -> Saving | None:
    """The saving of a run; None before the run has ended, and for a run that saves nothing."""
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
