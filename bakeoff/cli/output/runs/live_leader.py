"""Who leads while a run goes on: judged in a thread, so that the display goes on meanwhile."""

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import RunVerdict

_PAUSE_S = 2.0
_FEWEST, _MOST = 2, 100  #: results: of fewer nobody leads, and more would take too long


class LiveLeader:
    """Judges anew when results have come, but not all the time."""

    def __init__(
        self, judge: Callable[[Run], RunVerdict], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`judge` says what would be known if the run ended now."""
        self._judge = judge
        self._clock = clock
        self._judged = 0  #: how many results there were then
        self._next_at = 0.0
        self._judging: Thread | None = None
        self._text: str | None = None

    def text(self, run: Run, results: int) -> str | None:
        """None as long as there is nothing to say. `results`: how many the run has."""
        is_busy = self._judging is not None and self._judging.is_alive()
        if not is_busy and results != self._judged and self._clock() >= self._next_at:
            self._judged = results
            self._next_at = self._clock() + _PAUSE_S
            if _FEWEST <= results <= _MOST:
                self._judging = Thread(target=self._judge_now, args=[run], daemon=True)
                self._judging.start()
        return self._text

    def _judge_now(self, run: Run) -> None:
        with suppress(BakeoffError):  # the display goes on without, and the verdict comes at the end
            self._text = leader_text(self._judge(run))


def leader_text(verdict: RunVerdict) -> str | None:
    if verdict.best is not None:
        return f"{verdict.best} leads: shown to be better than the others so far"
    if not verdict.tied:
        return None
    return f"{verdict.tied[0]} leads, tied with {len(verdict.tied) - 1}"
