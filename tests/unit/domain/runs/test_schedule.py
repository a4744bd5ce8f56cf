"""Which slots are due, and what becomes of those at whose time nobody looked."""

from datetime import UTC, datetime, timedelta

import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.schedule import Cron, Every, Missed, Schedule, Slot, SlotState

START = datetime(2026, 11, 25, 2, tzinfo=UTC)


def due(missed: str, rule: Cron | Every, hours: float) -> list[str]:
    schedule = Schedule(name="daily", rule=rule, missed=Missed(missed))
    return [
        f"{moment:%d %H:%M} {state}" for moment, state in schedule.due(START, START + timedelta(hours=hours))
    ]


@pytest.mark.parametrize(
    ("missed", "hours", "expected"),
    [
        ("skip", 0.5, []),
        ("skip", 1, ["25 03:00 open"]),
        ("skip", 1.01, ["25 03:00 open"]),
        ("skip", 1.02, ["25 03:00 missed"]),
        ("skip", 49, ["25 03:00 missed", "26 03:00 missed", "27 03:00 open"]),
        ("latest", 60, ["25 03:00 missed", "26 03:00 missed", "27 03:00 open"]),
        ("latest", 5, ["25 03:00 open"]),
        ("all", 60, ["25 03:00 open", "26 03:00 open", "27 03:00 open"]),
        ("all", -60, []),
    ],
)
def test_what_was_missed_is_caught_up_as_it_is_told(missed: str, hours: float, expected: list[str]) -> None:
    assert due(missed, Cron.parse("0 3 * * *"), hours) == expected


def test_after_a_year_the_latest_hundred_slots_count() -> None:
    for rule in (Cron.parse("*/30 * * * *"), Every.parse("30m")):
        found = due("all", rule, 24 * 365)

        assert (len(found), found[0], found[-1]) == (100, "23 00:30 open", "25 02:00 open")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6h", ["25 06:00 open", "25 12:00 open"]),
        ("7h", ["25 03:00 open", "25 10:00 open"]),
        ("1d", []),
        ("150m", ["25 04:30 open", "25 07:00 open", "25 09:30 open", "25 12:00 open"]),
    ],
)
def test_an_interval_is_counted_from_the_same_moment_by_all(text: str, expected: list[str]) -> None:
    assert due("all", Every.parse(text), 11) == expected


def test_the_next_one_of_an_interval_is_after_and_not_at_the_moment() -> None:
    every = Every.parse("90s")

    assert every.next_after(START) == START + timedelta(seconds=90)
    assert every.next_after(START + timedelta(seconds=89.9)) == START + timedelta(seconds=90)


@pytest.mark.parametrize("text", ["", "6", "h", "0h", "6 h", "-6h", "1.5h", "6w", "6h 30m", "٦h"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="expected a number of seconds, minutes, hours or days"):
        Every.parse(text)


@pytest.mark.parametrize(
    ("second", "name"), [(0, "daily-2026-11-25T02:00Z"), (30, "daily-2026-11-25T02:00:30Z")]
)
def test_a_run_is_called_after_its_slot(second: int, name: str) -> None:
    slot = Slot(schedule="daily", at=START.replace(second=second), state=SlotState.OPEN, run_id="r")

    assert slot.run_name == name
