"""Slots of schedules, on SQLite and PostgreSQL: each is there once, and one at a time starts its run."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from fixtures.values.stored import a_stored_run
from sqlalchemy import Engine, text

from bakeoff.domain.runs.schedule import Cron, Every, Missed, Schedule, Slot, SlotState
from bakeoff.store.bakeoffs import schedule_slots
from bakeoff.store.bakeoffs.row_lease import RowLease
from bakeoff.store.database.engine_and_transactions import writing

HOURLY = Every.parse("1h")
OLD = datetime(2026, 3, 1, tzinfo=UTC)


def a_schedule(name: str = "often", rule: Cron | Every = HOURLY, missed: Missed = Missed.ALL) -> Schedule:
    return Schedule(name=name, rule=rule, missed=missed)


def set_back(engine: Engine, schedule: Schedule, by: timedelta) -> None:
    """As if nobody had looked for so long."""
    with writing(engine) as connection:
        noted = {"at": datetime.now(UTC) - by, "name": schedule.name}
        if engine.dialect.name == "sqlite":
            noted["at"] = noted["at"].replace(tzinfo=None).isoformat(" ")
        connection.execute(text("UPDATE schedules SET noted_until = :at WHERE name = :name"), noted)


def a_seen_schedule(engine: Engine, hours: float, missed: Missed = Missed.ALL) -> Schedule:
    """That nobody has looked at for so long."""
    schedule = a_schedule(missed=missed)
    assert schedule_slots.note(engine, schedule) == 0
    set_back(engine, schedule, timedelta(hours=hours))
    return schedule


def due(engine: Engine) -> Sequence[Slot]:
    return schedule_slots.due(engine, ["often"])


def taken(engine: Engine, slot: Slot, lease_s: float = 60) -> RowLease:
    found = schedule_slots.take(engine, slot, lease_s=lease_s)
    assert found is not None
    return found


def states(engine: Engine) -> list[str]:
    with writing(engine) as connection:
        rows = connection.execute(text("SELECT state FROM schedule_slots ORDER BY slot_at"))
        return list(rows.scalars())


def test_a_schedule_begins_when_it_is_first_seen(engine: Engine) -> None:
    schedule = a_schedule()
    assert schedule_slots.summary(engine, schedule).noted_until is None

    assert (schedule_slots.note(engine, schedule), due(engine)) == (0, [])

    standing = schedule_slots.summary(engine, schedule)
    assert standing.noted_until is not None
    assert standing.at - standing.noted_until < timedelta(minutes=1)
    assert (standing.last, standing.missed) == (None, 0)


def test_each_slot_is_written_once_however_often_somebody_looks(engine: Engine) -> None:
    schedule = a_seen_schedule(engine, 3.5)

    assert schedule_slots.note(engine, schedule) in {3, 4}
    assert [schedule_slots.note(engine, schedule) for _ in range(3)] == [0, 0, 0]
    found = due(engine)
    assert [slot.at.minute for slot in found] == [0] * len(found)
    assert len({slot.run_id for slot in found}) == len(found)


def test_a_schedule_with_another_rule_begins_anew(engine: Engine) -> None:
    a_seen_schedule(engine, 10)

    assert schedule_slots.note(engine, a_schedule(rule=Every.parse("5m"))) == 0
    assert due(engine) == []


def test_two_schedules_are_noted_apart(engine: Engine) -> None:
    a_seen_schedule(engine, 2)
    schedule_slots.note(engine, a_schedule())
    other = a_schedule("other")

    assert schedule_slots.note(engine, other) == 0
    assert {slot.schedule for slot in schedule_slots.due(engine, ["often", "other"])} == {"often"}
    assert schedule_slots.due(engine, ["other"]) == []


def test_what_is_not_caught_up_is_missed(engine: Engine) -> None:
    schedule_slots.note(engine, a_seen_schedule(engine, 3.9, Missed.LATEST))

    assert states(engine) in (["missed"] * 2 + ["open"], ["missed"] * 3 + ["open"])


def test_an_open_slot_is_given_up_when_the_next_one_has_come(engine: Engine) -> None:
    schedule = a_seen_schedule(engine, 1, Missed.LATEST)
    schedule_slots.note(engine, schedule)
    (before,) = due(engine)
    assert taken(engine, before).postpone(by_s=0, error="no such file")
    _move_slots_back(engine)
    set_back(engine, schedule, timedelta(hours=1))
    assert schedule_slots.note(engine, schedule) in {1, 2}

    assert (states(engine)[0], schedule_slots.summary(engine, schedule).missed >= 1) == ("missed", True)
    assert before.run_id not in {slot.run_id for slot in due(engine)}
    assert [slot.error for slot in due(engine)] == [""]


def test_a_given_up_slot_whose_run_is_there_was_started(engine: Engine) -> None:
    schedule = a_seen_schedule(engine, 1, Missed.LATEST)
    schedule_slots.note(engine, schedule)
    a_stored_run(engine, id=due(engine)[0].run_id)
    _move_slots_back(engine)
    set_back(engine, schedule, timedelta(hours=1))
    schedule_slots.note(engine, schedule)

    assert states(engine)[0] == "started"


def _move_slots_back(engine: Engine) -> None:
    """By weeks, so that the same hour can come again."""
    with writing(engine) as connection:
        connection.execute(text("UPDATE schedule_slots SET slot_at = :at"), {"at": "2026-03-01 00:00:00"})


def test_one_at_a_time_is_at_a_slot(engine: Engine) -> None:
    schedule_slots.note(engine, a_seen_schedule(engine, 1))
    slot = due(engine)[0]

    mine = taken(engine, slot)
    assert mine.attempt == 1
    assert schedule_slots.take(engine, slot, lease_s=60) is None
    assert slot.run_id not in {other.run_id for other in due(engine)}
    assert mine.renew(lease_s=60)


def test_whoever_dies_is_followed_by_another_one_and_can_write_nothing_any_more(engine: Engine) -> None:
    schedule_slots.note(engine, a_seen_schedule(engine, 1))
    slot = due(engine)[0]
    dead = taken(engine, slot, lease_s=0)
    assert due(engine)[0].run_id == slot.run_id

    assert taken(engine, slot).attempt == 2
    assert not dead.renew(lease_s=60)
    assert not dead.postpone(by_s=60, error="late")


def test_what_could_not_be_started_is_due_again_later_with_its_reason(engine: Engine) -> None:
    schedule = a_seen_schedule(engine, 1)
    schedule_slots.note(engine, schedule)
    for slot in due(engine):
        assert taken(engine, slot).postpone(by_s=60, error="no such file")

    assert due(engine) == []
    last = schedule_slots.summary(engine, schedule).last
    assert last is not None
    assert (last.state, last.error, last.tries) == (SlotState.OPEN, "no such file", 1)


def test_a_started_slot_is_never_due_again(engine: Engine) -> None:
    schedule = a_seen_schedule(engine, 1)
    schedule_slots.note(engine, schedule)
    mine = due(engine)[0]
    assert taken(engine, mine, lease_s=0).postpone(by_s=0, error="not yet")
    schedule_slots.finish(engine, mine)

    assert schedule_slots.take(engine, mine, lease_s=60) is None
    assert mine.run_id not in {slot.run_id for slot in due(engine)}
    assert states(engine)[0] == "started"


def test_a_run_knows_its_schedule(engine: Engine) -> None:
    schedule_slots.note(engine, a_seen_schedule(engine, 1))

    assert schedule_slots.schedule_of(engine, due(engine)[0].run_id) == "often"
    assert schedule_slots.schedule_of(engine, "r1") is None


def test_the_last_thousand_slots_are_kept(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert schedule_slots.KEPT == 1000
    monkeypatch.setattr(schedule_slots, "KEPT", 3)
    schedule_slots.note(engine, a_seen_schedule(engine, 9.5))

    assert states(engine) == ["open"] * 3


def test_ten_that_look_at_once_write_and_take_each_slot_once(engine: Engine) -> None:
    schedule = a_seen_schedule(engine, 20.5)
    ready = Barrier(10)

    def look(_: int) -> tuple[int, list[str]]:
        ready.wait()
        noted = schedule_slots.note(engine, schedule)
        found = [schedule_slots.take(engine, slot, lease_s=60) for slot in due(engine)]
        return noted, [str(lease.key) for lease in found if lease]

    with ThreadPoolExecutor(10) as crowd:
        seen = list(crowd.map(look, range(10)))

    assert sorted(noted for noted, _ in seen)[:-1] == [0] * 9
    slots = [slot for _, mine in seen for slot in mine]
    assert len(slots) == len(set(slots)) == len(states(engine)) >= 20
