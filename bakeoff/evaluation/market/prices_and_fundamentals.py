"""The two tables of the market: prices, adjusted for splits, and fundamentals.

Prices have a row for each symbol and each day on which it was traded:

    symbol, date, close, volume     required; as they were traded on that day
    open, high, low                 optional
    adj_close                       optional: the price that can be compared over time. Without it
                                    `split_factor` says what one share became on that day; without either,
                                    it is the close

Fundamentals are figures of companies, each row with the day on which it was known to everybody. `symbol` and
`known_on` are required; every other column of numbers is kept under its own name. A later row of a symbol
replaces an earlier one: that is how a figure is corrected.
"""

from datetime import date
from pathlib import Path

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import counted
from bakeoff.evaluation.market.read_market_table import naming_table, read_panel
from bakeoff.evaluation.market.table_by_symbol_and_day import Panel
from bakeoff.evaluation.user_functions.dataset_functions import NOTHING_BARRED, Barred
from bakeoff.settings.market_settings import TableSettings

PRICES_TABLE = "prices"
FUNDAMENTALS_TABLE = "fundamentals"
KNOWN_ON = "known_on"
CLOSE, VOLUME, ADJUSTED, SPLIT = "close", "volume", "adj_close", "split_factor"
_OPTIONAL = ("open", "high", "low", ADJUSTED, SPLIT)

#: Usual ratios of splits: into how many shares one share is split.
_SPLIT_RATIOS = np.array([2, 3, 4, 5, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100])
_LEAST_JUMP = 1.9
#: A jump may differ from the ratio by this much, since the price also moves as on any other day.
_RATIO_TOLERANCE = 0.02


def read_prices(
    settings: TableSettings, root: Path, as_of: date | None, *, barred: Barred = NOTHING_BARRED
) -> tuple[Panel, tuple[str, ...]]:
    """Prices up to a day, in order, and warnings. Later rows are cut off before anything else is checked."""
    with naming_table(PRICES_TABLE):
        panel = read_panel(
            PRICES_TABLE, settings, root, day="date", needed=(CLOSE, VOLUME), others=_OPTIONAL, barred=barred
        ).until(as_of)
        panel, unpriced = _with_prices(panel)
        if not len(panel):
            until = "" if as_of is None else f" up to {as_of}"
            raise InvalidInputError(f"there is no price{until}: name a later day, or another source")
        panel, doubles = panel.ordered().without_doubles()
        panel, without_volume = _with_volumes(panel)
        odd = (*unpriced, *doubles, *without_volume)
        if ADJUSTED in panel.values or SPLIT in panel.values:
            return adjusted(panel), odd
        return panel, (*odd, *split_warnings_of(panel))


def _with_prices(panel: Panel) -> tuple[Panel, tuple[str, ...]]:
    """Leave out rows without a price above 0: the symbol was not traded on that day."""
    priced = np.logical_and.reduce(
        [panel.values[name] > 0 for name in (CLOSE, ADJUSTED) if name in panel.values]
    )
    without = np.flatnonzero(~priced)
    if not len(without):
        return panel, ()
    warning = f"{counted(len(without), 'row')} left out, without a price above 0: {panel.named(without)}"
    return panel.rows(priced), (warning,)


def _with_volumes(panel: Panel) -> tuple[Panel, tuple[str, ...]]:
    """Take a missing volume for 0, so that no plugin takes such a day for a liquid one."""
    volume = panel.values[VOLUME]
    unknown = np.flatnonzero(~(volume >= 0))
    if not len(unknown):
        return panel, ()
    warning = f"{counted(len(unknown), 'row')} without a volume, taken as not traded: {panel.named(unknown)}"
    return panel.with_values(volume=np.where(volume >= 0, volume, 0.0)), (warning,)


def adjusted(panel: Panel) -> Panel:
    """Compute `adj_close` from `split_factor`, where only that is given, and drop `split_factor`."""
    if SPLIT not in panel.values:
        return panel
    if ADJUSTED in panel.values:
        return panel.without(SPLIT)
    whole = panel.with_values(adj_close=panel.values[CLOSE] / _shares_since(panel))
    return whole.without(SPLIT)


def _shares_since(panel: Panel) -> np.ndarray:
    """For each row: how many shares one share of that day has become by the last day."""
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


def split_warnings_of(panel: Panel) -> tuple[str, ...]:
    """Warn of jumps of the price by the ratio of a split, in prices without any adjustment."""
    close = panel.values[CLOSE]
    jump = close[1:] / close[:-1]
    jump = np.maximum(jump, 1 / jump)
    rows = np.flatnonzero(panel.same_symbol & (jump > _LEAST_JUMP))
    off = np.abs(jump[rows, None] / _SPLIT_RATIOS - 1).min(axis=1) if len(rows) else np.empty(0)
    rows = rows[off < _RATIO_TOLERANCE] + 1
    if not len(rows):
        return ()
    return (
        f"the price jumps as at a split: {panel.named(rows)}; if it was one, give split_factor or adj_close",
    )


def read_fundamentals(
    settings: TableSettings, root: Path, as_of: date, *, barred: Barred = NOTHING_BARRED
) -> tuple[Panel, tuple[str, ...]]:
    """What was known by that day, in order, and warnings."""
    with naming_table(FUNDAMENTALS_TABLE):
        panel = read_panel(
            FUNDAMENTALS_TABLE, settings, root, day=KNOWN_ON, needed=(), others=None, barred=barred
        ).until(as_of)
        return panel.ordered().without_doubles()
