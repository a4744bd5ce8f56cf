"""Fundamentals: figures of companies, each row with the day on which it was known to everybody.

`symbol` and `known_on` must be there; every other column of numbers is kept under its own name. A later row
of a symbol takes the place of an earlier one: that is how a figure is corrected.

Splits: prices that can be compared over time, and jumps that look as if they could not.

Prices: a row for each symbol and each day on which it was traded.

symbol, date, close, volume     must be there; as they were traded on that day
open, high, low                 are kept where there are any
adj_close                       as it can be compared over time; else `split_factor` says what one share
                                became on that day, and else it is the close
"""

from datetime import date
from pathlib import Path

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import counted
from bakeoff.evaluation.market.market_table import about, read_panel
from bakeoff.evaluation.market.panel import Panel
from bakeoff.settings.market_settings import TableSettings

FUNDAMENTALS_TABLE = "fundamentals"
KNOWN_ON = "known_on"


def read_fundamentals(settings: TableSettings, root: Path, as_of: date) -> tuple[Panel, tuple[str, ...]]:
    """What was known by that day, in order; and what was odd."""
    with about(FUNDAMENTALS_TABLE):
        panel = read_panel(FUNDAMENTALS_TABLE, settings, root, day=KNOWN_ON, needed=(), others=None).until(
            as_of
        )
        return panel.ordered().without_doubles()


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


PRICES_TABLE = "prices"
CLOSE, VOLUME, ADJUSTED, SPLIT = "close", "volume", "adj_close", "split_factor"
_OTHERS = ("open", "high", "low", ADJUSTED, SPLIT)


def read_prices(settings: TableSettings, root: Path, as_of: date | None) -> tuple[Panel, tuple[str, ...]]:
    """Up to a day, in order; and what was odd. What is later is cut off before anything else is looked at."""
    with about(PRICES_TABLE):
        panel = read_panel(
            PRICES_TABLE, settings, root, day="date", needed=(CLOSE, VOLUME), others=_OTHERS
        ).until(as_of)
        panel, unpriced = _priced(panel)
        if not len(panel):
            until = "" if as_of is None else f" up to {as_of}"
            raise InvalidInputError(f"there is no price{until}: name a later day, or another source")
        panel, doubles = panel.ordered().without_doubles()
        panel, uncounted = _counted(panel)
        odd = (*unpriced, *doubles, *uncounted)
        if ADJUSTED in panel.values or SPLIT in panel.values:
            return adjusted(panel), odd
        return panel, (*odd, *looks_like_a_split(panel))


def _priced(panel: Panel) -> tuple[Panel, tuple[str, ...]]:
    """Rows with a price. What has none, or none above 0, was not traded on that day."""
    priced = np.logical_and.reduce(
        [panel.values[name] > 0 for name in (CLOSE, ADJUSTED) if name in panel.values]
    )
    without = np.flatnonzero(~priced)
    if not len(without):
        return panel, ()
    said = f"{counted(len(without), 'row')} left out, without a price above 0: {panel.named(without)}"
    return panel.rows(priced), (said,)


def _counted(panel: Panel) -> tuple[Panel, tuple[str, ...]]:
    """With a volume in each row: where it is not known, nobody may rely on any."""
    volume = panel.values[VOLUME]
    unknown = np.flatnonzero(~(volume >= 0))
    if not len(unknown):
        return panel, ()
    said = f"{counted(len(unknown), 'row')} without a volume, taken as not traded: {panel.named(unknown)}"
    return panel.with_values(volume=np.where(volume >= 0, volume, 0.0)), (said,)
