"""A schedule says when a run is due: by a cron expression, or at an interval. Each such moment is a slot.

    (due) -> open       its run is to be started
    (due) -> missed     no worker was running at its time, and it is not caught up
    open -> started     its run exists
    open -> missed      its run could not be started before the next slot was due

A cron expression has five fields:

    minute 0-59   hour 0-23   day of the month 1-31   month 1-12 or jan-dec   day of the week 0-7 or sun-sat

Each field is `*`, a number, a range `1-5`, either of them with a step, `*/15`, or several, `1,15`. Sunday is
0 and 7. As in cron, where both the number and the name of the day are given, a day is due when either fits.

    the clock is put forward    a slot in the skipped hour is due once, by as much later as the clock was put
    the clock is put back       a slot in the repeated hour is due once, the first time; if slots are due in
                                every hour of the day, they are due both times
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo, available_timezones

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.ids_and_times import iso
from bakeoff.domain.wording import nearest

_DAY = timedelta(days=1)
_ALL_HOURS = frozenset(range(24))
_SUNDAY = 7
_LONGEST = {month: 29 if month == 2 else 30 if month in {4, 6, 9, 11} else 31 for month in range(1, 13)}  # noqa: PLR2004
#: The 29th of February may be eight years away.
_HORIZON_DAYS = 8 * 366 + 1


@dataclass(frozen=True, kw_only=True)
class _Field:
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()  #: of the numbers from the least on


_FIELDS = (
    _Field(name="minute", least=0, most=59),
    _Field(name="hour", least=0, most=23),
    _Field(name="day of the month", least=1, most=31),
    _Field(
        name="month",
        least=1,
        most=12,
        names=("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    ),
    _Field(name="day of the week", least=0, most=7, names=("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


@dataclass(frozen=True, kw_only=True)
class Cron:
    expression: str
    zone: ZoneInfo
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  #: Monday is 1, Sunday 7
    either_day: bool  #: a day is due if its number or its name fits; otherwise both must

    @classmethod
    def parse(cls, expression: str, timezone: str = "UTC") -> Self:
        texts = expression.lower().split()
        if len(texts) != len(_FIELDS):
            raise InvalidInputError(
                f"a cron expression has five fields, {', '.join(field.name for field in _FIELDS)}, and this "
                f"one has {len(texts)}: `0 3 * * *` is every day at three"
            )
        minutes, hours, days, months, weekdays = map(_numbers, texts, _FIELDS)
        cron = cls(
            expression=" ".join(texts),
            zone=parse_zone(timezone),
            minutes=minutes,
            hours=hours,
            days=days,
            months=months,
            weekdays=frozenset(_SUNDAY if day == 0 else day for day in weekdays),
            either_day=not texts[2].startswith("*") and not texts[4].startswith("*"),
        )
        cron._refuse_impossible_date()
        return cron

    def __str__(self) -> str:
        return f"{self.expression} {self.zone.key}"

    def between(self, after: datetime, until: datetime) -> list[datetime]:
        """The due moments after `after` and not after `until`, in UTC."""
        first, last = (moment.astimezone(self.zone).date() for moment in (after, until))
        found = {moment for day in _days(first - _DAY, last) for moment in self._moments(day)}
        return sorted(moment for moment in found if after < moment <= until)

    def next_after(self, moment: datetime) -> datetime:
        first = moment.astimezone(self.zone).date() - _DAY
        for day in _days(first, first + _HORIZON_DAYS * _DAY):
            later = [found for found in self._moments(day) if found > moment]
            if later:
                return min(later)
        raise AssertionError(f"{self} never comes, and parse() did not refuse it")

    def _moments(self, day: date) -> Iterator[datetime]:
        if not self._is_due_on(day):
            return
        for hour in self.hours:
            for minute in self.minutes:
                yield from self._instants(datetime.combine(day, time(hour, minute), self.zone))

    def _instants(self, local: datetime) -> Iterator[datetime]:
        """In UTC. For the skipped hour Python uses the offset from before, so the moment comes later."""
        first = local.astimezone(UTC)
        yield first
        if self.hours == _ALL_HOURS and (second := local.replace(fold=1).astimezone(UTC)) > first:
            yield second

    def _is_due_on(self, day: date) -> bool:
        by_number, by_name = day.day in self.days, day.isoweekday() in self.weekdays
        is_day = by_number or by_name if self.either_day else by_number and by_name
        return day.month in self.months and is_day

    def _refuse_impossible_date(self) -> None:
        comes = any(min(self.days) <= _LONGEST[month] for month in self.months)
        if not comes and not self.either_day:
            raise InvalidInputError(
                f"it never comes: no month that is asked for has a day {min(self.days)}; "
                "change the third field or the fourth"
            )


def parse_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        cure = nearest(name, available_timezones()) or "; expected a name such as Europe/Berlin, or UTC"
        raise InvalidInputError(f"there is no time zone of that name{cure}") from None


def _days(first: date, last: date) -> Iterator[date]:
    return (first + n * _DAY for n in range((last - first).days + 1))


def _numbers(text: str, field: _Field) -> frozenset[int]:
    return frozenset(number for part in text.split(",") for number in _range(part, field))


def _range(part: str, field: _Field) -> range:
    span, slash, step = part.partition("/")
    if span == "*":
        first, last = field.least, field.most
    elif "-" in span:
        first, last = (_number(end, field) for end in span.split("-", 1))
    else:
        first = _number(span, field)
        last = field.most if slash else first
    if first > last:
        begin, end = span.split("-", 1)
        least, most = (field.names[0], field.names[-1]) if field.names else (field.least, field.most)
        raise InvalidInputError(
            f"the {field.name} {span!r} ends before it begins: write '{begin}-{most},{least}-{end}' if it "
            "goes on over the end, or else give the lower end first"
        )
    return range(first, last + 1, _step(step, field) if slash else 1)


def _number(text: str, field: _Field) -> int:
    if text in field.names:
        return field.least + field.names.index(text)
    number = _whole(text)
    if number is None or not field.least <= number <= field.most:
        raise InvalidInputError(
            f"the {field.name} {text!r} is none: expected a number from {field.least} to {field.most}"
            + (f", or {field.names[0]} to {field.names[-1]}" if field.names else "")
        )
    return number


def _step(text: str, field: _Field) -> int:
    step = _whole(text)
    if not step:
        raise InvalidInputError(
            f"the step {text!r} of the {field.name} is none: expected a number, such as */5"
        )
    return step


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


#: How many slots are noted at once, the latest ones: if no worker ran for long, there may be very many.
MOST = 100

#: A slot that is noticed later than this was missed.
ON_TIME = timedelta(minutes=1)

_EVERY = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS: Mapping[str, str] = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_UTC = ZoneInfo("UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Missed(StrEnum):
    """What becomes of slots at whose time no worker was running."""

    SKIP = "skip"  #: none of them is caught up
    LATEST = "latest"  #: the last one of them is caught up
    ALL = "all"  #: each of them is caught up


class SlotState(StrEnum):
    OPEN = "open"
    STARTED = "started"
    MISSED = "missed"


@dataclass(frozen=True, kw_only=True)
class Every:
    """Due at the multiples of an interval since 1970 in UTC, which are the same on all machines."""

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
        """The due moments after `after` and not after `until`; if there are more than MOST, the latest."""
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
class Pause:
    """Since when a schedule starts nothing, and who said so."""

    at: datetime
    by: str


@dataclass(frozen=True, kw_only=True)
class Slot:
    schedule: str
    at: datetime
    state: SlotState
    run_id: str  #: the id that its run has, or will have
    tries: int = 0
    error: str = ""  #: why its run could not be started

    @property
    def run_name(self) -> str:
        return f"{self.schedule}-{self.at:{'%Y-%m-%dT%H:%M:%SZ' if self.at.second else '%Y-%m-%dT%H:%MZ'}}"

    def to_record(self) -> dict[str, Any]:
        """The slot as JSON, in `--json`."""
        has_run = self.state is SlotState.STARTED
        return {
            "slotAt": iso(self.at),
            "status": self.state,
            "runId": self.run_id if has_run else None,
            "tries": self.tries,
            "error": self.error,
        }
