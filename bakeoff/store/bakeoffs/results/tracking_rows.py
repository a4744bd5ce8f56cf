"""Trackings: which runs are to be logged to a tracking server, and where they were logged.

    a run is judged, with the setting `tracking`       a row is written, and due
    somebody asks for an earlier run to be logged      the same; a row that is done is opened again

One process at a time works on a row. If it dies, or the server is away, the row becomes due again by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, exists, func, insert, select, update

from bakeoff.domain.runs.experiment_tracking import TrackedAddress, Tracking
from bakeoff.store.bakeoffs.row_lease import LeasedRows, RowLease, pause_after
from bakeoff.store.database.all_tables import runs, savings, trackings
from bakeoff.store.database.engine_and_transactions import now, reading, writing

_TRACKINGS = LeasedRows(trackings, is_open=trackings.c.done_at.is_(None))

_BEHIND = timedelta(milliseconds=1)

#: The versions that a run saves are logged with it, so it waits for them; not for ever, where the registry is
#: away.
_MOST_TRIES_OF_SAVING = 3
_IS_SAVED = ~exists().where(
    savings.c.run_id == trackings.c.run_id,
    savings.c.done_at.is_(None),
    savings.c.tries < _MOST_TRIES_OF_SAVING,
)


@dataclass(frozen=True, kw_only=True)
class WaitingTrackings:
    """The runs that are still to be logged."""

    runs: int
    failing: int  #: those whose last attempt failed
    error: str  #: of one of them; empty if none failed


def begin(connection: Connection, run_id: str, at: datetime) -> None:
    """Called in the transaction that writes the verdict of a run."""
    connection.execute(insert(trackings), {"run_id": run_id, "due_at": at, "tries": 0})


def ask(engine: Engine, run_id: str) -> None:
    """Makes a run due now, whether it was logged before or not. Who is working on it is not disturbed."""
    with writing(engine) as connection:
        # Without the lock, two processes could both find no row, and both write one.
        connection.execute(select(runs.c.id).where(runs.c.id == run_id).with_for_update())
        row = connection.execute(select(trackings).where(trackings.c.run_id == run_id)).first()
        at = now(connection)
        if row is None:
            begin(connection, run_id, at)
        elif row.done_at is not None or row.error or row.tries == 0:
            # Nobody works on it while it has an error, for taking the lease removes that; nor before the
            # first attempt, if it was put off since another run failed.
            again = {"done_at": None, "due_at": at, "error": ""}
            connection.execute(update(trackings).where(trackings.c.run_id == run_id).values(again))


def due(engine: Engine) -> Sequence[str]:
    """The ids of the runs that should be logged now; the one that is due longest comes first."""
    return [row.run_id for row in _TRACKINGS.due(engine, _IS_SAVED, order_by=trackings.c.due_at)]


def are_open(engine: Engine) -> bool:
    """Whether a run is still to be logged, now or later."""
    return _TRACKINGS.are_open(engine)


def take(engine: Engine, run_id: str, *, lease_s: float) -> RowLease | None:
    """The lease on a tracking; None when it is done, or another process is working on it."""
    return _TRACKINGS.take(engine, run_id, lease_s=lease_s, error="")


def postpone(lease: RowLease, error: str) -> float:
    """Ends this attempt, and returns the pause in seconds. All others that are due wait as long.

    The server may be away for all of them, so the pause grows with the attempts of all. But it may be this
    run alone that it does not take: it is the last one then, or it would keep the others from their turn.
    """
    with writing(lease.engine) as connection:
        at = now(connection)
        tries = select(func.sum(trackings.c.tries)).where(_TRACKINGS.is_open)
        pause_s = pause_after(connection.execute(tries).scalar_one() or 0)
        again = at + timedelta(seconds=pause_s)
        connection.execute(
            update(trackings).where(_TRACKINGS.is_open, trackings.c.due_at <= at).values(due_at=again)
        )
        lease.write(connection, due_at=again + _BEHIND, error=error)
    return pause_s


def finish(lease: RowLease, address: TrackedAddress) -> bool:
    """False when the lease was lost."""
    with writing(lease.engine) as connection:
        return lease.write(connection, done_at=now(connection), address=address.to_json(), error="")


def of_run(engine: Engine, run_id: str) -> Tracking | None:
    """The tracking of a run; None before it is judged, and for a run that nobody wants to log."""
    with reading(engine) as connection:
        row = connection.execute(select(trackings).where(trackings.c.run_id == run_id)).first()
    return None if row is None else _tracking(row)


def waiting(engine: Engine) -> WaitingTrackings:
    failing = func.count().filter(trackings.c.error != "")
    wanted = select(func.count(), failing, func.max(trackings.c.error)).where(_TRACKINGS.is_open)
    with reading(engine) as connection:
        number, failed, error = connection.execute(wanted).one()
    return WaitingTrackings(runs=number, failing=failed, error=error or "")


def waiting_runs(engine: Engine) -> set[str]:
    """The ids of the runs that are still to be logged."""
    with reading(engine) as connection:
        return set(connection.execute(select(trackings.c.run_id).where(_TRACKINGS.is_open)).scalars())


def _tracking(row: Row[Any]) -> Tracking:
    return Tracking(
        run_id=row.run_id,
        due_at=row.due_at,
        tries=row.tries,
        error=row.error,
        address=None if row.address is None else TrackedAddress.from_json(row.address),
        done_at=row.done_at,
    )
