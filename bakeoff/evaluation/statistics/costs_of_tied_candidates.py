"""What tied candidates cost (time to predict or fit, memory), as far as it decides which of them is taken.

Measured times differ from run to run. So small costs count as equal, and so do costs that are not twice as
high: the same candidates, run again, lead to the same choice.
"""

import math
from typing import Protocol

from bakeoff.domain.runs.verdict import PreferAmongTied

#: Costs below these count as these: seconds for all test rows, seconds, MB.
_NEGLIGIBLE = {
    PreferAmongTied.PREDICT_TIME: 0.1,
    PreferAmongTied.FIT_TIME: 0.1,
    PreferAmongTied.MEMORY: 16.0,
}


class HasCosts(Protocol):
    @property
    def fit_seconds(self) -> float | None: ...
    @property
    def predict_seconds(self) -> float | None:
        """Per row."""

    @property
    def peak_memory_mb(self) -> float | None: ...


def measured_cost(one: HasCosts, by: PreferAmongTied) -> float:
    """Infinite where it is not known."""
    cost = {
        PreferAmongTied.PREDICT_TIME: one.predict_seconds,
        PreferAmongTied.FIT_TIME: one.fit_seconds,
        PreferAmongTied.MEMORY: one.peak_memory_mb,
    }[by]
    return math.inf if cost is None else cost


def cost_of(one: HasCosts, by: PreferAmongTied, *, rows: int) -> float:
    """The cost as it counts for a choice. `rows`: how many were predicted; of few, a clock tells little."""
    per = max(1, rows) if by is PreferAmongTied.PREDICT_TIME else 1
    return max(measured_cost(one, by), _NEGLIGIBLE[by] / per)


def costs_in_words(one: HasCosts, prefer: str) -> str:
    known = []
    if one.predict_seconds is not None:
        known.append(f"{_duration(one.predict_seconds)} a prediction")
    if one.fit_seconds is not None:
        known.append(f"{_duration(one.fit_seconds)} to fit")
    if one.peak_memory_mb is not None and prefer == "memory":
        known.append(_memory(one.peak_memory_mb))
    return ", ".join(known)


def _duration(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:  # 90 s rather than 1.5 min
            return f"{_three_digits(seconds / size)} {unit}"
    return f"{_three_digits(seconds)} s" if seconds >= 1 else f"{_three_digits(seconds * 1000)} ms"


def _memory(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"  # noqa: PLR2004


def _three_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - never 1e+02
