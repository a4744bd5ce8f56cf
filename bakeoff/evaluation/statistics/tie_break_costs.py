"""What candidates cost, as far as it may decide which of several tied ones is taken.

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
