"""The slots of schedules: which were due, and which process starts the run of each.

A slot is written once, before its run, with the id that the run will have. If a process dies while it starts
the run, or two start it at once, the id is the same each time, and so there is one run.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, case, delete, exists, func, insert, select, update

from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.runs.schedule import Missed, Pause, Schedule, Slot, SlotState
from bakeoff.store.bakeoffs.row_lease import LeasedRows, RowLease
from bakeoff.store.database.all_tables import runs, schedule_pauses, schedule_slots, schedules
from bakeoff.store.database.engine_and_transactions import now, one_at_a_time, reading, writing

KEPT = 1000  #: slots of each schedule, the newest ones

_SLOTS = LeasedRows(schedule_slots, is_open=schedule_slots.c.state == SlotState.OPEN)


@dataclass(frozen=True, kw_only=True)
class SlotSummary:
    """What is known of the slots of a schedule."""

    noted_until: datetime | None  #: None when no worker has run since the schedule was made or changed
    last: Slot | None  #: the latest one that is not missed
    missed: int  #: of the slots that are kept
    last_missed: Slot | None
    at: datetime


def note(engine: Engine, schedule: Schedule) -> int:
    """Writes a row for each slot since the last call. Returns how many.

    A schedule that is new or was changed begins now.
    """
    with reading(engine) as connection:
        since = _noted_until(connection, schedule)
        if since is not None and schedule.rule.next_after(since) > now(connection):
            return 0  # the usual case, without a write lock
    with writing(engine) as connection:
        # Without the lock, two workers at once would write the same slots, and the second would fail.
        one_at_a_time(connection, f"schedule {schedule.name}")
        if _pause(connection, schedule.name) is not None:
            return 0
        at, since = now(connection), _noted_until(connection, schedule)
        due = schedule.due(since, at) if since else []
        if due:
            _add(connection, schedule, due, at)
        if due or since is None:
            _set_noted_until(connection, schedule, at)
        return len(due)


def _noted_until(connection: Connection, schedule: Schedule) -> datetime | None:
    mine = (schedules.c.name == schedule.name, schedules.c.rule == str(schedule.rule))
    return connection.execute(select(schedules.c.noted_until).where(*mine)).scalar()


def _set_noted_until(connection: Connection, schedule: Schedule, at: datetime) -> None:
    connection.execute(delete(schedules).where(schedules.c.name == schedule.name))
    connection.execute(
        insert(schedules), {"name": schedule.name, "rule": str(schedule.rule), "noted_until": at}
    )


def _add(
    connection: Connection, schedule: Schedule, due: Collection[tuple[datetime, SlotState]], at: datetime
) -> None:
    if schedule.missed is not Missed.ALL:
        _close_open_slots(connection, schedule.name)
    connection.execute(
        insert(schedule_slots),
        [
            {
                "schedule": schedule.name,
                "slot_at": slot_at,
                "state": state,
                "run_id": new_id(),
                "due_at": at,
                "tries": 0,
                "error": "",
            }
            for slot_at, state in due
        ],
    )
    _delete_the_oldest(connection, schedule.name)


def _close_open_slots(connection: Connection, name: str) -> None:
    """Closes open slots after which a later one has come.

    A slot whose run exists was started by a process that died before it could record that. Others are missed.
    """
    has_run = schedule_slots.c.run_id.in_(select(runs.c.id))
    connection.execute(
        update(schedule_slots)
        .where(schedule_slots.c.schedule == name, _SLOTS.is_open)
        .values(
            state=case((has_run, SlotState.STARTED), else_=SlotState.MISSED),
            error=case((has_run, ""), else_=schedule_slots.c.error),
        )
    )


def _delete_the_oldest(connection: Connection, name: str) -> None:
    """Deletes all slots of the schedule but the newest KEPT ones."""
    mine = schedule_slots.c.schedule == name
    newest = (
        select(schedule_slots.c.slot_at).where(mine).order_by(schedule_slots.c.slot_at.desc()).limit(KEPT)
    )
    oldest_kept = select(func.min(newest.subquery().c.slot_at)).scalar_subquery()
    connection.execute(delete(schedule_slots).where(mine, schedule_slots.c.slot_at < oldest_kept))


def pause(engine: Engine, name: str, *, by: str) -> bool:
    """Nothing is started from now on, also no slot that is open. False if it is paused already."""
    with writing(engine) as connection:
        one_at_a_time(connection, f"schedule {name}")
        if _pause(connection, name) is not None:
            return False
        connection.execute(
            insert(schedule_pauses), {"schedule": name, "paused_at": now(connection), "paused_by": by[:64]}
        )
        return True


def resume(engine: Engine, schedule: Schedule) -> bool:
    """The next slot is the first after now: those of the pause are not caught up. False if not paused."""
    with writing(engine) as connection:
        one_at_a_time(connection, f"schedule {schedule.name}")
        if _pause(connection, schedule.name) is None:
            return False
        connection.execute(delete(schedule_pauses).where(schedule_pauses.c.schedule == schedule.name))
        _close_open_slots(connection, schedule.name)
        _set_noted_until(connection, schedule, now(connection))
        return True


def paused(engine: Engine) -> dict[str, Pause]:
    """By the names of the schedules."""
    with reading(engine) as connection:
        return {row.schedule: _as_pause(row) for row in connection.execute(select(schedule_pauses))}


def _pause(connection: Connection, name: str) -> Pause | None:
    row = connection.execute(select(schedule_pauses).where(schedule_pauses.c.schedule == name)).first()
    return None if row is None else _as_pause(row)


def _as_pause(row: Row[Any]) -> Pause:
    return Pause(at=row.paused_at, by=row.paused_by)


def due(engine: Engine, names: Collection[str]) -> list[Slot]:
    """The slots of these schedules whose run should be started now, the oldest first."""
    rows = _SLOTS.due(engine, schedule_slots.c.schedule.in_(names), order_by=schedule_slots.c.slot_at)
    return [_slot(row) for row in rows]


def take(engine: Engine, slot: Slot, *, lease_s: float) -> RowLease | None:
    """The lease on a slot; None when its run exists, another process is starting it, or it is paused."""
    # Asked here and not before: the schedule may have been paused since the slot was found to be due.
    is_paused = exists().where(schedule_pauses.c.schedule == slot.schedule)
    return _SLOTS.take(engine, slot.schedule, slot.at, lease_s=lease_s, conditions=[~is_paused])


def finish(engine: Engine, slot: Slot) -> None:
    """Records that the run of the slot was started.

    This needs no lease, since the run exists, and its id is the same for all processes.
    """
    with writing(engine) as connection:
        connection.execute(
            update(schedule_slots)
            .where(*_SLOTS.is_row((slot.schedule, slot.at)))
            .values(state=SlotState.STARTED, error="")
        )


def summary(engine: Engine, schedule: Schedule) -> SlotSummary:
    newest = (
        select(schedule_slots)
        .where(schedule_slots.c.schedule == schedule.name)
        .order_by(schedule_slots.c.slot_at.desc())
    )
    with reading(engine) as connection:
        slots = [_slot(row) for row in connection.execute(newest)]
        noted_until, at = _noted_until(connection, schedule), now(connection)
    missed = [slot for slot in slots if slot.state is SlotState.MISSED]
    return SlotSummary(
        noted_until=noted_until,
        last=next((slot for slot in slots if slot.state is not SlotState.MISSED), None),
        missed=len(missed),
        last_missed=missed[0] if missed else None,
        at=at,
    )


def schedule_of(engine: Engine, run_id: str) -> str | None:
    """The name of the schedule that started the run; None when no schedule did."""
    with reading(engine) as connection:
        return connection.execute(
            select(schedule_slots.c.schedule).where(schedule_slots.c.run_id == run_id)
        ).scalar()


def _slot(row: Row[Any]) -> Slot:
    return Slot(
        schedule=row.schedule,
        at=row.slot_at,
        state=SlotState(row.state),
        run_id=row.run_id,
        tries=row.tries,
        error=row.error,
    )
