"""Splits: prices that can be compared over time, and jumps that look as if they could not."""

import numpy as np

from domain.errors import InvalidInputError
from evaluation.market.panel import Panel

_SHARES = np.array([2, 3, 4, 5, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100])
_LEAST_JUMP = 1.9
#: Beside the split, a price moves on that day as on any other.
_NEAR = 0.02

CLOSE, ADJUSTED, SPLIT = "close", "adj_close", "split_factor"


def adjusted(panel: Panel) -> Panel:
    """With `adj_close`, and without what it was made of."""
    if SPLIT not in panel.values:
        return panel
    if ADJUSTED in panel.values:
        return panel.without(SPLIT)
    whole = panel.with_values(adj_close=panel.values[CLOSE] / _shares_since(panel))
    return whole.without(SPLIT)


def _shares_since(panel: Panel) -> np.ndarray:
    """Of each row, how many shares one of that day has become by the end."""
    factors = panel.values[SPLIT]
    wrong = np.flatnonzero(factors < 0)
    if len(wrong):
        raise InvalidInputError(
            f"split_factor is {factors[wrong[0]]:g}: {panel.named(wrong)}; it says what one share became on "
            "that day, such as 4, and 1 on all others"
        )
    shares = np.ones(len(panel))
    for row in np.flatnonzero((factors > 0) & (factors != 1)):
        first = np.searchsorted(panel.codes, panel.codes[row])
        shares[first:row] *= factors[row]
    return shares


def looks_like_a_split(panel: Panel) -> tuple[str, ...]:
    close = panel.values[CLOSE]
    jump = close[1:] / close[:-1]
    jump = np.maximum(jump, 1 / jump)
    rows = np.flatnonzero(panel.same_symbol & (jump > _LEAST_JUMP))
    off = np.abs(jump[rows, None] / _SHARES - 1).min(axis=1) if len(rows) else np.empty(0)
    rows = rows[off < _NEAR] + 1
    if not len(rows):
        return ()
    return (
        f"the price jumps as at a split: {panel.named(rows)}; if it was one, give split_factor or adj_close",
    )
