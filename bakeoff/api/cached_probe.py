"""A probe whose result is cached and shared by all requests; at most one probe runs at a time.

fresh     the last result is returned
stale     the last result is returned, and the next probe begins in the background
too old   the request waits for the next probe, but not for long: None means that there is no recent result
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bakeoff.domain.machine.background_work import start_in_thread

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    fresh_s: float
    stale_s: float
    patience_s: float


class Pulse(Generic[T]):
    def __init__(
        self, look: Callable[[], T], rhythm: Rhythm, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`look` may take its time, and even hang: nobody but its own thread waits for it to the end."""
        self._look = look
        self._rhythm = rhythm
        self._clock = clock
        self._looking: asyncio.Future[T] | None = None
        self._last: T | None = None
        self._last_at = float("-inf")

    async def feel(self) -> T | None:
        """What is known; what the look raises is raised."""
        age = self._clock() - self._last_at
        if age <= self._rhythm.fresh_s:
            return self._last
        looking = self._begin()
        if age <= self._rhythm.stale_s:
            return self._last
        await asyncio.wait([looking], timeout=self._rhythm.patience_s)
        return looking.result() if looking.done() else None

    def _begin(self) -> asyncio.Future[T]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.wrap_future(start_in_thread(self._look))
            self._looking.add_done_callback(self._keep)
        return self._looking

    def _keep(self, looking: asyncio.Future[T]) -> None:
        if not looking.cancelled() and looking.exception() is None:
            self._last, self._last_at = looking.result(), self._clock()
