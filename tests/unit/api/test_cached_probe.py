"""Many ask, one looks."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from itertools import count

import pytest

from bakeoff.api.cached_probe import Pulse, Rhythm
from bakeoff.domain.errors import InfrastructureError

RHYTHM = Rhythm(fresh_s=1, stale_s=10, patience_s=5)


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
        pulse = Pulse(numbered(count(1)), RHYTHM, clock=Clock())
        return [await pulse.feel(), await pulse.feel()]

    assert asyncio.run(ask()) == [1, 1]


def test_what_is_stale_is_answered_while_the_next_look_begins() -> None:
    async def ask() -> int | None:
        clock = Clock()
        pulse = Pulse(numbered(count(1)), RHYTHM, clock=clock)
        await pulse.feel()
        clock.now += 5
        stale = await pulse.feel()
        await until(pulse.feel, 2)
        return stale

    assert asyncio.run(ask()) == 1


def test_what_is_too_old_is_waited_for() -> None:
    async def ask() -> list[int | None]:
        clock = Clock()
        pulse = Pulse(numbered(count(1)), RHYTHM, clock=clock)
        first = await pulse.feel()
        clock.now += 11
        return [first, await pulse.feel()]

    assert asyncio.run(ask()) == [1, 2]


def test_a_look_that_hangs_is_not_waited_for_and_not_begun_twice() -> None:
    begun, go_on = count(), threading.Event()

    def hang() -> int:
        next(begun)
        go_on.wait()
        return 7

    async def ask() -> list[int | None]:
        pulse = Pulse(hang, Rhythm(fresh_s=1, stale_s=1, patience_s=0.05))
        answers = [*(await asyncio.gather(*(pulse.feel() for _ in range(100)))), await pulse.feel()]
        go_on.set()
        await until(pulse.feel, 7)
        return answers

    assert asyncio.run(ask()) == [None] * 101
    assert next(begun) == 1


def test_what_a_look_raises_is_raised_and_the_next_one_is_made() -> None:
    numbers = count(1)

    def look() -> int:
        if next(numbers) == 1:
            raise InfrastructureError("away")
        return 5

    async def ask() -> int | None:
        pulse = Pulse(look, RHYTHM)
        with pytest.raises(InfrastructureError, match="away"):
            await pulse.feel()
        return await pulse.feel()

    assert asyncio.run(ask()) == 5
