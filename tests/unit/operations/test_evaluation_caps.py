"""The caps follow the configuration file."""

import logging
import os
from itertools import count
from pathlib import Path

import pytest

from bakeoff.operations.concurrency_caps_and_job_resources import CapsFollower, SharedCaps
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs.queue.claims import Caps

_moments = count(1_000_000_000)


def write(file: Path, text: str) -> None:
    """Later than ever before, also for a clock of whole seconds."""
    file.write_text(text)
    os.utime(file, (moment := next(_moments), moment))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config" / "bakeoff.yaml"
    file.parent.mkdir()
    write(file, "evalWorkers: 2\nmaxRunning: 4\n")
    return file


def a_follower(file: Path, **flags: object) -> CapsFollower:
    return CapsFollower(load(file, overrides=flags))


def looks(follower: CapsFollower, number: int = 3) -> list[Caps | None]:
    return [follower.look() for _ in range(number)]


def test_a_file_that_stays_as_it_is_says_nothing(file: Path) -> None:
    assert looks(a_follower(file)) == [None, None, None]


def test_a_changed_file_is_read_once_when_it_has_come_to_rest(file: Path) -> None:
    follower = a_follower(file)
    looks(follower)

    write(file, "evalWorkers: 3\nmaxRunning: 9\nseed: 7\n")

    assert looks(follower) == [None, Caps(per_node=3, overall=9), None]


def test_a_change_before_the_first_look_is_seen(file: Path) -> None:
    follower = a_follower(file)
    write(file, "evalWorkers: 5\n")

    assert looks(follower) == [None, Caps(per_node=5, overall=5), None]


def test_a_file_that_is_being_written_is_left_alone(file: Path) -> None:
    """Emptied first, and for a moment all defaults."""
    follower = a_follower(file)
    looks(follower)

    write(file, "")
    said = [follower.look()]
    write(file, "evalWorkers: 10\n")
    said += looks(follower)

    assert said == [None, None, Caps(per_node=10, overall=10), None]


def test_what_the_command_line_and_the_environment_say_goes_before_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKEOFF_MAX_RUNNING", "6")
    follower = a_follower(file, evalWorkers=1)
    looks(follower)

    write(file, "evalWorkers: 9\nmaxRunning: 9\n")

    assert looks(follower) == [None, None, None]


def test_a_file_with_a_mistake_changes_nothing_and_is_complained_about_once(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    follower = a_follower(file)
    looks(follower)

    write(file, "evalWorkers: 11\n")
    with caplog.at_level(logging.WARNING):
        assert looks(follower, 5) == [None] * 5
    [record] = caplog.records
    assert record.getMessage() == (
        f"evalWorkers and maxRunning stay as they are: {file}, line 1: "
        "evalWorkers is 11: input should be less than or equal to 10"
    )

    write(file, "evalWorkers: 10\n")
    assert looks(follower) == [None, Caps(per_node=10, overall=10), None]


def test_a_file_that_is_away_for_a_moment_changes_nothing(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    follower = a_follower(file)
    looks(follower)
    elsewhere = file.rename(file.with_suffix(".old"))

    with caplog.at_level(logging.WARNING):
        assert looks(follower) == [None, None, None]
    elsewhere.rename(file)

    assert looks(follower) == [None, None, None]
    assert caplog.records == []


def test_without_a_file_there_is_nothing_to_follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert looks(CapsFollower(load())) == [None, None, None]


def test_what_was_announced_goes_before_what_this_process_began_with(file: Path) -> None:
    caps = SharedCaps(load(file).settings)
    assert caps.present() == Caps(per_node=2, overall=4)
    caps.announce(Caps(per_node=7, overall=8))
    assert caps.present() == Caps(per_node=7, overall=8)
