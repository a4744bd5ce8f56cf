"""Axes: from values to places between 0 and 1, and where their ticks are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.web.charts.number_text import brief, fixed_text

_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class Axis:
    low: float
    high: float
    ticks: tuple[float, ...]
    is_logarithmic: bool = False

    def place(self, value: float) -> float:
        """0 at the low end, 1 at the high end, and beyond them outside."""
        if self.is_logarithmic:
            floor = math.log(self.low)
            return (math.log(max(value, self.low)) - floor) / (math.log(self.high) - floor)
        return (value - self.low) / (self.high - self.low)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def label(self, tick: float) -> str:
        if self.is_logarithmic:
            return brief(tick) if tick < 1 else f"{tick:,.0f}"
        step = self.ticks[1] - self.ticks[0] if len(self.ticks) > 1 else abs(tick) or 1.0
        places = max(0, -math.floor(math.log10(step) + 1e-9))
        places += not math.isclose(round(step, places), step, rel_tol=1e-6)
        return fixed_text(0.0 if abs(tick) < step * 1e-6 else tick, places)


def linear(values: Sequence[float], *, ticks: int = 4, margin: float = 0.06) -> Axis:
    """An axis that spans the values. Of none, it goes from 0 to 1; of equal ones, it is centred on them."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        around = abs(low) * 0.05 or 0.5
        low, high = low - around, high + around
    span = high - low
    low, high = low - margin * span, high + margin * span
    step = _step((high - low) / max(ticks, 1))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return Axis(low=low, high=high, ticks=tuple(step * place for place in range(first, last + 1)))


def logarithmic(values: Sequence[float], *, margin: float = 0.06) -> Axis:
    """An axis with ticks at powers of ten, and between them where these are few. Positive ones count."""
    positive = [value for value in values if value > 0]
    low, high = (min(positive), max(positive)) if positive else (1.0, 10.0)
    if high / low < 2:  # noqa: PLR2004 - else the ends are the same tick
        low, high = low / 2, high * 2
    grown = (high / low) ** margin
    low, high = low / grown, high * grown
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    many = len(exponents) > 4  # noqa: PLR2004 - more decades need no ticks between
    ticks = tuple(
        factor * 10.0**exponent
        for exponent in exponents
        for factor in ((1,) if many else (1, 2, 5))
        if low <= factor * 10.0**exponent <= high
    )
    return Axis(low=low, high=high, ticks=ticks, is_logarithmic=True)


def unit_axis() -> Axis:
    """From 0 to 1, for rates and probabilities."""
    return Axis(low=0.0, high=1.0, ticks=(0.0, 0.25, 0.5, 0.75, 1.0))


def _step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return min((step * power for step in _STEPS), key=lambda step: abs(math.log(step / rough)))
