"""When the main process of a worker asks the database whether there is something to do."""

import time
from collections.abc import Callable
from pathlib import Path

from bakeoff.store.bakeoffs.change_marks import WriteWatch

_AT_REST_S = 60.0


class SeldomAsked:
    """A question whose answer changes when somebody writes, or by time, as a lease runs out.

    It is asked after each write, and again and again while the answer may change by time. If nothing is there
    that could change it, it is asked once a minute. On PostgreSQL nobody sees that nothing was written.
    """

    def __init__(
        self, file: Path | None, *, pause_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`file`: of the database; None: it is on a server. `pause_s`: as long as it may change by time."""
        self._clock = clock
        self._writes = WriteWatch(file)
        self._pause_s = pause_s
        self._has_changed = True
        self._ask_at = 0.0

    def is_to_be_asked(self) -> bool:
        self._has_changed = self._writes.may_have_changed()
        if not self._has_changed and self._clock() < self._ask_at:
            return False
        self._ask_at = 0.0  # until there is an answer: what follows may fail
        return True

    def wait(self, may_change_by_time: Callable[[], bool]) -> None:
        """The answer was no. `may_change_by_time` is called only if nobody has written in between."""
        at_rest = not self._has_changed and not may_change_by_time()
        self._ask_at = self._clock() + (_AT_REST_S if at_rest else self._pause_s)
