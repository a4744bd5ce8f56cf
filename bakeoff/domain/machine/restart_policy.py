"""How often a process that dies is started again, and when to give up.

Used for the oven of a worker, for the processes of `bakeoff up` and `bakeoff worker`, and for the embedded
Redis, whose keeper imports nothing but this and the standard library.
"""

import time
from collections import deque
from collections.abc import Callable


class RestartPolicy:
    """Counts the deaths of one process."""

    def __init__(
        self,
        *,
        most: int,
        within_s: float,
        pause_s: Callable[[int], float] = lambda _recent: 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """After `most` deaths within `within_s` there is no point in another start.

        `pause_s`: how long to wait before the next start, by the number of recent deaths.
        """
        self.most = most
        self._within_s = within_s
        self._pause_s = pause_s
        self._clock = clock
        self._deaths: deque[float] = deque(maxlen=most)
        self._total = 0

    @property
    def never_died(self) -> bool:
        return self._total == 0

    def note_death(self) -> None:
        self._total += 1
        self._deaths.append(self._clock())

    def forget_deaths(self) -> None:
        """Forgets earlier deaths, because the process has run for long enough."""
        self._deaths.clear()

    @property
    def recent_deaths(self) -> int:
        now = self._clock()
        return sum(now - death < self._within_s for death in self._deaths)

    @property
    def is_hopeless(self) -> bool:
        return self.recent_deaths >= self.most

    @property
    def pause_s(self) -> float:
        """How long to wait before the next start."""
        return self._pause_s(self.recent_deaths)
