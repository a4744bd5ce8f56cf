"""Prices as arrays, ordered by symbol and day, so that what was known by a day is a slice of each symbol."""

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


class History:
    def __init__(self, prices: "pd.DataFrame") -> None:
        """`prices` as a signal model gets them, ordered by symbol and day."""
        symbols = prices["symbol"].astype("category").cat
        codes: np.ndarray = symbols.codes.to_numpy()
        self.symbols: np.ndarray = symbols.categories.to_numpy()
        self.days: np.ndarray = prices["date"].to_numpy()
        self.close: np.ndarray = prices["close"].to_numpy()
        self.adjusted: np.ndarray = prices["adj_close"].to_numpy()
        self.volume: np.ndarray = prices["volume"].to_numpy()
        _check_order(codes, self.days)
        places = np.searchsorted(codes, np.arange(len(self.symbols) + 1, dtype=codes.dtype))
        #: For each symbol its first row, and the row after its last.
        self.starts, self.stops = places[:-1], places[1:]

    @property
    def last_day(self) -> date:
        last: date = self.days.max().astype("datetime64[D]").astype(date)
        return last

    def stops_at(self, by: date | np.ndarray) -> np.ndarray:
        """For each symbol the row after its last one up to a day, which may be another one for each symbol.

        A binary search for all symbols at once.
        """
        low, high = self.starts.copy(), self.stops.copy()
        by = np.asarray(by, dtype="datetime64[us]")
        while (searching := low < high).any():
            middle = (low + high) // 2
            known = searching & (self.days[np.minimum(middle, len(self.days) - 1)] <= by)
            low = np.where(known, middle + 1, low)
            high = np.where(searching & ~known, middle, high)
        return low

    def last(self, values: np.ndarray, stops: np.ndarray, length: int) -> np.ndarray:
        """The last `length` values of each symbol, the latest first; NaN where the history is shorter."""
        rows = stops[:, None] - 1 - np.arange(length)
        there = rows >= self.starts[:, None]
        return np.where(there, values[np.where(there, rows, 0)], np.nan)


def _check_order(codes: np.ndarray, days: np.ndarray) -> None:
    earlier = (codes[1:] < codes[:-1]) | ((codes[1:] == codes[:-1]) & (days[1:] <= days[:-1]))
    if earlier.any():
        raise ValueError("the prices are not in the order of symbol and day, or have a day twice: sort them")
