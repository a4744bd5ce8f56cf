"""Many requests ask at once, and one probe runs."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from itertools import count

import pytest

from bakeoff.api.cached_probe import CachedProbe, ProbeTimes
from bakeoff.domain.errors import InfrastructureError

TIMES = ProbeTimes(fresh_s=1, stale_s=10, wait_s=5)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def numbered(numbers: Iterator[int]) -> Callable[[], int]:
    return lambda: next(numbers)


async def until(told: Callable[[], Awaitable[object]], expected: object) -> None:
    for _ in range(1000):
        if await told() == expected:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{expected} was never told")


def test_what_is_fresh_is_not_looked_at_again() -> None:
    async def ask() -> list[int | None]:
        probe = CachedProbe(numbered(count(1)), TIMES, clock=Clock())
        return [await probe.read(), await probe.read()]

    assert asyncio.run(ask()) == [1, 1]


def test_what_is_stale_is_answered_while_the_next_look_begins() -> None:
    async def ask() -> int | None:
        clock = Clock()
        probe = CachedProbe(numbered(count(1)), TIMES, clock=clock)
        await probe.read()
        clock.now += 5
        stale = await probe.read()
        await until(probe.read, 2)
        return stale

    assert asyncio.run(ask()) == 1


def test_what_is_too_old_is_waited_for() -> None:
    async def ask() -> list[int | None]:
        clock = Clock()
        probe = CachedProbe(numbered(count(1)), TIMES, clock=clock)
        first = await probe.read()
        clock.now += 11
        return [first, await probe.read()]

    assert asyncio.run(ask()) == [1, 2]


def test_a_look_that_hangs_is_not_waited_for_and_not_begun_twice() -> None:
    begun, go_on = count(), threading.Event()

    def hang() -> int:
        next(begun)
        go_on.wait()
        return 7

    async def ask() -> list[int | None]:
        probe = CachedProbe(hang, ProbeTimes(fresh_s=1, stale_s=1, wait_s=0.05))
        answers = [*(await asyncio.gather(*(probe.read() for _ in range(100)))), await probe.read()]
        go_on.set()
        await until(probe.read, 7)
        return answers

    assert asyncio.run(ask()) == [None] * 101
    assert next(begun) == 1


def test_what_a_look_raises_is_raised_and_the_next_one_is_made() -> None:
    numbers = count(1)

    def look_once() -> int:
        if next(numbers) == 1:
            raise InfrastructureError("away")
        return 5

    async def ask() -> int | None:
        probe = CachedProbe(look_once, TIMES)
        with pytest.raises(InfrastructureError, match="away"):
            await probe.read()
        return await probe.read()

    assert asyncio.run(ask()) == 5
