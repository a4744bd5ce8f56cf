"""A probe whose result is cached and shared by all requests; at most one probe runs at a time.

What a request gets depends on the age of the last result:

fresh     the last result
stale     the last result, and the next probe begins in the background
too old   it waits for the next probe, but not for long: None means that there is no recent result
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bakeoff.domain.machine.work_in_thread import start_in_thread

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ProbeTimes:
    fresh_s: float  #: a result of this age is fresh
    stale_s: float  #: an older one is stale up to this age, then too old
    wait_s: float  #: how long a request waits for a probe at most


class CachedProbe(Generic[T]):
    def __init__(
        self, probe: Callable[[], T], times: ProbeTimes, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`probe` may be slow and may even hang: it runs in a thread of its own."""
        self._probe = probe
        self._times = times
        self._clock = clock
        self._running: asyncio.Future[T] | None = None
        self._last: T | None = None
        self._last_at = float("-inf")

    async def read(self) -> T | None:
        """The result, see above. Raises what a probe raised that the request waited for."""
        age = self._clock() - self._last_at
        if age <= self._times.fresh_s:
            return self._last
        running = self._begin()
        if age <= self._times.stale_s:
            return self._last
        await asyncio.wait([running], timeout=self._times.wait_s)
        return running.result() if running.done() else None

    def _begin(self) -> asyncio.Future[T]:
        if self._running is None or self._running.done():
            self._running = asyncio.wrap_future(start_in_thread(self._probe))
            self._running.add_done_callback(self._keep)
        return self._running

    def _keep(self, ended: asyncio.Future[T]) -> None:
        if not ended.cancelled() and ended.exception() is None:
            self._last, self._last_at = ended.result(), self._clock()
