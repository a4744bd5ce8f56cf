"""A schedule says when a run is due; each moment at which one is due is a slot.

(due) -> open       its run is to be started
(due) -> missed     nobody looked at its time, and it is not caught up
open -> started     its run is there
open -> missed      its run could not be started before the next slot was due
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo

from bakeoff.domain.cron import Cron
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.identity import iso

#: Slots that are written down at once, the latest ones: after a standstill nobody asks for each minute of it.
MOST = 100

#: A slot that is noticed later was missed.
ON_TIME = timedelta(minutes=1)

_EVERY = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS: Mapping[str, str] = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_UTC = ZoneInfo("UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Missed(StrEnum):
    """What becomes of slots at whose time nobody looked."""

    SKIP = "skip"  #: nothing
    LATEST = "latest"  #: the last one of them is caught up
    ALL = "all"  #: each of them is


class SlotState(StrEnum):
    OPEN = "open"
    STARTED = "started"
    MISSED = "missed"


@dataclass(frozen=True, kw_only=True)
class Every:
    """At the multiples of an interval, counted from 1970 in UTC: the same ones for whoever counts."""

    text: str
    interval: timedelta
    zone: ZoneInfo = _UTC

    @classmethod
    def parse(cls, text: str) -> Self:
        found = _EVERY.fullmatch(text)
        if found is None:
            raise InvalidInputError(
                "expected a number of seconds, minutes, hours or days, such as 30m, 6h or 1d"
            )
        return cls(text=text, interval=timedelta(**{_UNITS[found[2]]: int(found[1])}))

    def __str__(self) -> str:
        return f"every {self.text}"

    def between(self, after: datetime, until: datetime) -> list[datetime]:
        """Of very many the latest ones: nobody asks for more."""
        number = min((until - _EPOCH) // self.interval - (after - _EPOCH) // self.interval, MOST)
        last = self.next_after(until) - self.interval
        return [last - n * self.interval for n in reversed(range(number))]

    def next_after(self, moment: datetime) -> datetime:
        return _EPOCH + ((moment - _EPOCH) // self.interval + 1) * self.interval


@dataclass(frozen=True, kw_only=True)
class Schedule:
    name: str
    rule: Cron | Every
    missed: Missed

    def due(self, after: datetime, until: datetime) -> list[tuple[datetime, SlotState]]:
        """The slots after the one moment and not after the other, and what becomes of each of them."""
        moments = self.rule.between(after, until)[-MOST:]
        if self.missed is Missed.ALL:
            return [(moment, SlotState.OPEN) for moment in moments]
        return [
            *((moment, SlotState.MISSED) for moment in moments[:-1]),
            *((moment, self._last(moment, until)) for moment in moments[-1:]),
        ]

    def _last(self, moment: datetime, now: datetime) -> SlotState:
        is_caught_up = self.missed is Missed.LATEST or now - moment <= ON_TIME
        return SlotState.OPEN if is_caught_up else SlotState.MISSED


@dataclass(frozen=True, kw_only=True)
class Slot:
    schedule: str
    at: datetime
    state: SlotState
    run_id: str  #: that its run has, or would have
    tries: int = 0
    error: str = ""  #: why its run could not be started

    @property
    def run_name(self) -> str:
        return f"{self.schedule}-{self.at:{'%Y-%m-%dT%H:%M:%SZ' if self.at.second else '%Y-%m-%dT%H:%MZ'}}"

    def to_record(self) -> dict[str, Any]:
        """As it leaves the system, in `--json`."""
        has_run = self.state is SlotState.STARTED
        return {
            "slotAt": iso(self.at),
            "status": self.state,
            "runId": self.run_id if has_run else None,
            "tries": self.tries,
            "error": self.error,
        }
