"""Prices: a row for each symbol and each day on which it was traded.

symbol, date, close, volume     must be there; as they were traded on that day
open, high, low                 are kept where there are any
adj_close                       as it can be compared over time; else `split_factor` says what one share
                                became on that day, and else it is the close
"""

from datetime import date
from pathlib import Path

import numpy as np

from config.market import TableSettings
from domain.errors import InvalidInputError
from domain.naming import counted
from evaluation.market.panel import Panel
from evaluation.market.splits import adjusted, looks_like_a_split
from evaluation.market.table import about, read_panel

TABLE = "prices"
CLOSE, VOLUME, ADJUSTED, SPLIT = "close", "volume", "adj_close", "split_factor"
_OTHERS = ("open", "high", "low", ADJUSTED, SPLIT)


def read_prices(settings: TableSettings, root: Path, as_of: date | None) -> tuple[Panel, tuple[str, ...]]:
    """Up to a day, in order; and what was odd. What is later is cut off before anything else is looked at."""
    with about(TABLE):
        panel = read_panel(TABLE, settings, root, day="date", needed=(CLOSE, VOLUME), others=_OTHERS).until(
            as_of
        )
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
