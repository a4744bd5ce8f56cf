"""The slots of schedules: which were due, and whose turn it is to start the run of one.

A slot is written once, before its run, with the id that the run will have. So whoever starts the run, again
after whatever death or beside whomever, starts the same one. Turns are taken as those of savings are.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, case, delete, func, insert, select, update

from bakeoff.domain.identity import new_id
from bakeoff.domain.schedule import Missed, Schedule, Slot, SlotState
from bakeoff.store.database.engine import now, one_at_a_time, reading, writing
from bakeoff.store.database.tables import runs, schedule_slots, schedules

KEPT = 1000

_IS_OPEN = schedule_slots.c.state == SlotState.OPEN


@dataclass(frozen=True, kw_only=True)
class SlotStanding:
    """How a schedule stands."""

    noted_until: datetime | None  #: None when nobody has looked since it was made or changed
    last: Slot | None  #: the latest one that is not missed
    missed: int  #: of the slots that are kept
    last_missed: Slot | None
    at: datetime


def note(engine: Engine, schedule: Schedule) -> int:
    """Write down which slots have come since somebody noted last. Returns how many.

    A schedule that is new, or has another rule, begins now.
    """
    with reading(engine) as connection:
        if _is_up_to_date(connection, schedule):
            return 0
    with writing(engine) as connection:
        one_at_a_time(connection, f"schedule {schedule.name}")
        at, since = now(connection), _noted_until(connection, schedule)
        due = schedule.due(since, at) if since else []
        if due or since is None:
            _move_on(connection, schedule, due, at)
        return len(due)


def _is_up_to_date(connection: Connection, schedule: Schedule) -> bool:
    since = _noted_until(connection, schedule)
    return since is not None and schedule.rule.next_after(since) > now(connection)


def _noted_until(connection: Connection, schedule: Schedule) -> datetime | None:
    mine = (schedules.c.name == schedule.name, schedules.c.rule == str(schedule.rule))
    return connection.execute(select(schedules.c.noted_until).where(*mine)).scalar()


def _move_on(
    connection: Connection, schedule: Schedule, due: Collection[tuple[datetime, SlotState]], at: datetime
) -> None:
    if due and schedule.missed is not Missed.ALL:
        _give_up(connection, schedule.name)
    if due:
        connection.execute(
            insert(schedule_slots), [_new_row(schedule.name, slot_at, state, at) for slot_at, state in due]
        )
        _forget_the_oldest(connection, schedule.name)
    connection.execute(delete(schedules).where(schedules.c.name == schedule.name))
    connection.execute(
        insert(schedules), {"name": schedule.name, "rule": str(schedule.rule), "noted_until": at}
    )


def _give_up(connection: Connection, name: str) -> None:
    """The open slots, since a later one has come; those whose run is there were started."""
    has_run = schedule_slots.c.run_id.in_(select(runs.c.id))
    connection.execute(
        update(schedule_slots)
        .where(schedule_slots.c.schedule == name, _IS_OPEN)
        .values(
            state=case((has_run, SlotState.STARTED), else_=SlotState.MISSED),
            error=case((has_run, ""), else_=schedule_slots.c.error),
        )
    )


def _new_row(name: str, slot_at: datetime, state: SlotState, at: datetime) -> dict[str, Any]:
    return {
        "schedule": name,
        "slot_at": slot_at,
        "state": state,
        "run_id": new_id(),
        "due_at": at,
        "tries": 0,
        "error": "",
    }


def _forget_the_oldest(connection: Connection, name: str) -> None:
    mine = schedule_slots.c.schedule == name
    newest = (
        select(schedule_slots.c.slot_at).where(mine).order_by(schedule_slots.c.slot_at.desc()).limit(KEPT)
    )
    oldest_kept = select(func.min(newest.subquery().c.slot_at)).scalar_subquery()
    connection.execute(delete(schedule_slots).where(mine, schedule_slots.c.slot_at < oldest_kept))


def due(engine: Engine, names: Collection[str]) -> list[Slot]:
    """Whose run is to be started now, the oldest first."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(schedule_slots)
            .where(_IS_OPEN, schedule_slots.c.schedule.in_(names), schedule_slots.c.due_at <= now(connection))
            .order_by(schedule_slots.c.slot_at)
        )
        return [_slot(row) for row in rows]


def take(engine: Engine, slot: Slot, *, lease_s: float) -> Slot | None:
    """As it is then. None when it is not due: its run is there, or somebody is at it."""
    with writing(engine) as connection:
        at = now(connection)
        tries = connection.execute(
            update(schedule_slots)
            .where(*_is(slot), _IS_OPEN, schedule_slots.c.due_at <= at)
            .values(tries=schedule_slots.c.tries + 1, due_at=at + timedelta(seconds=lease_s))
            .returning(schedule_slots.c.tries)
        ).scalar()
    return None if tries is None else replace(slot, tries=tries)


def hold(engine: Engine, slot: Slot, *, lease_s: float) -> bool:
    """For so much longer. False when the turn was lost."""
    with writing(engine) as connection:
        return _change(connection, slot, due_at=now(connection) + timedelta(seconds=lease_s))


def put_off(engine: Engine, slot: Slot, error: str, *, by_s: float) -> bool:
    with writing(engine) as connection:
        return _change(connection, slot, due_at=now(connection) + timedelta(seconds=by_s), error=error)


def finish(engine: Engine, slot: Slot) -> None:
    """Its run is there, whoever's turn it is."""
    with writing(engine) as connection:
        connection.execute(update(schedule_slots).where(*_is(slot)).values(state=SlotState.STARTED, error=""))


def standing(engine: Engine, schedule: Schedule) -> SlotStanding:
    newest = (
        select(schedule_slots)
        .where(schedule_slots.c.schedule == schedule.name)
        .order_by(schedule_slots.c.slot_at.desc())
    )
    with reading(engine) as connection:
        slots = [_slot(row) for row in connection.execute(newest)]
        noted_until, at = _noted_until(connection, schedule), now(connection)
    missed = [slot for slot in slots if slot.state is SlotState.MISSED]
    return SlotStanding(
        noted_until=noted_until,
        last=next((slot for slot in slots if slot.state is not SlotState.MISSED), None),
        missed=len(missed),
        last_missed=missed[0] if missed else None,
        at=at,
    )


def schedule_of(engine: Engine, run_id: str) -> str | None:
    """None for a run that somebody asked for."""
    with reading(engine) as connection:
        return connection.execute(
            select(schedule_slots.c.schedule).where(schedule_slots.c.run_id == run_id)
        ).scalar()


def _is(slot: Slot) -> tuple[Any, Any]:
    return (schedule_slots.c.schedule == slot.schedule, schedule_slots.c.slot_at == slot.at)


def _change(connection: Connection, slot: Slot, **values: Any) -> bool:
    mine = (*_is(slot), schedule_slots.c.tries == slot.tries, _IS_OPEN)
    return bool(connection.execute(update(schedule_slots).where(*mine).values(**values)).rowcount)


def _slot(row: Row[Any]) -> Slot:
    return Slot(
        schedule=row.schedule,
        at=row.slot_at,
        state=SlotState(row.state),
        run_id=row.run_id,
        tries=row.tries,
        error=row.error,
    )
