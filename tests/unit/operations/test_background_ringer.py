"""A process that starts many runs rings in a thread: once for a burst of starts, and also after a failure."""

import time
from threading import Event
from typing import Any, cast

import pytest

from bakeoff.operations import doorbells
from bakeoff.operations.context import Context


class Rings:
    """Stands for `ring_next`, which asks database and broker; it waits until it may go on."""

    def __init__(self, fails: int = 0) -> None:
        self.begun, self.may_go_on = Event(), Event()
        self.number = 0
        self._fails = fails

    def __call__(self, _: Context) -> int:
        self.number += 1
        self.begun.set()
        assert self.may_go_on.wait(10)
        if self.number <= self._fails:
            raise OSError("the broker is away")
        return 1


@pytest.fixture
def ringer(monkeypatch: pytest.MonkeyPatch) -> tuple[doorbells.BackgroundRinger, Rings]:
    rings = Rings(fails=1)
    monkeypatch.setattr(doorbells, "ring_next", rings)
    return doorbells.BackgroundRinger(cast("Any", None)), rings


def test_starts_during_a_ring_have_one_ring_together_and_a_failure_stops_nothing(
    ringer: tuple[doorbells.BackgroundRinger, Rings],
) -> None:
    background, rings = ringer
    background.ask()
    assert rings.begun.wait(10)
    rings.begun.clear()
    for _ in range(5):
        background.ask()
    rings.may_go_on.set()  # the first one fails

    assert rings.begun.wait(10)
    time.sleep(0.2)
    assert rings.number == 2
