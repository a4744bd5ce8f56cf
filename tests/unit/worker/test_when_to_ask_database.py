"""A worker at rest asks the database seldom, and at once when somebody has written."""

import os
import time
from pathlib import Path

import pytest

from bakeoff.worker.when_to_ask_database import SeldomAsked


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Database:
    """The log of a database that was written to a while ago."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "some.db"
        self._log = folder / "some.db-wal"
        self._writes = 0
        self.write()

    def write(self) -> None:
        self._writes += 1
        self._log.write_bytes(b"x" * self._writes)
        at = time.time() - 60 + self._writes
        os.utime(self._log, (at, at))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def asked_in(seconds: int, asked: SeldomAsked, clock: Clock, *, by_time: bool) -> int:
    """How often, by somebody who looks once a second, and gets no for an answer."""
    times = 0
    for _ in range(seconds):
        clock.now_s += 1
        if asked.is_to_be_asked():
            times += 1
            asked.wait(lambda: by_time)
    return times


def test_what_may_change_by_time_is_asked_after_each_pause(database: Database, clock: Clock) -> None:
    asked = SeldomAsked(database.file, pause_s=10, clock=clock)

    assert asked_in(600, asked, clock, by_time=True) == 60


def test_what_cannot_change_by_time_is_asked_once_a_minute(database: Database, clock: Clock) -> None:
    asked = SeldomAsked(database.file, pause_s=10, clock=clock)
    asked_in(20, asked, clock, by_time=False)

    assert asked_in(600, asked, clock, by_time=False) == 10


def test_a_write_is_noticed_at_the_next_look_and_after_the_pause_it_is_asked_again(
    database: Database, clock: Clock
) -> None:
    asked = SeldomAsked(database.file, pause_s=10, clock=clock)
    asked_in(20, asked, clock, by_time=False)
    database.write()

    assert asked_in(1, asked, clock, by_time=False) == 1
    assert asked_in(9, asked, clock, by_time=False) == 0
    assert asked_in(1, asked, clock, by_time=False) == 1
    assert asked_in(59, asked, clock, by_time=False) == 0


def test_it_is_asked_at_each_look_until_the_answer_is_no(database: Database, clock: Clock) -> None:
    asked = SeldomAsked(database.file, pause_s=10, clock=clock)

    assert [asked.is_to_be_asked() for _ in range(3)] == [True, True, True]


def test_it_is_asked_again_at_once_after_a_write_if_there_was_no_answer(
    database: Database, clock: Clock
) -> None:
    asked = SeldomAsked(database.file, pause_s=10, clock=clock)
    asked_in(20, asked, clock, by_time=False)
    database.write()

    assert [asked.is_to_be_asked() for _ in range(3)] == [True, True, True]


def test_on_a_server_it_is_asked_at_each_look(clock: Clock) -> None:
    asked = SeldomAsked(None, pause_s=10, clock=clock)

    assert asked_in(30, asked, clock, by_time=False) == 30
