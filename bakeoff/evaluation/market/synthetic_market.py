"""A synthetic market with patterns that models can find: for a first look, for tests and measurements.

Two things move a share for longer than a day: a trend, which its past prices show, and its value, which the
figures of the company show. Both change slowly; the rest is chance. With `shuffled=True` the returns of each
day are shuffled among the shares, which destroys both patterns.
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

_LAST = date(2026, 6, 30)
_DAYS_A_YEAR, _DAYS_A_QUARTER = 260, 65
_TREND_DECAY_DAYS, _WORTH_DECAY_DAYS = 400, 500  #: days after which about a third of it is left
_TREND, _WORTH = 0.0012, 0.0008  #: by how much they move a share each day
_MARKET = 0.006  #: standard deviation of what moves all shares of a day alike
_LATE = 0.05  #: fraction of the symbols that are listed later than on the first day
_KNOWN_AFTER_DAYS = 40


class Market(NamedTuple):
    prices: pd.DataFrame
    fundamentals: pd.DataFrame


def prices() -> pd.DataFrame:
    return make_market().prices


def fundamentals() -> pd.DataFrame:
    return make_market().fundamentals


def make_market(*, symbols: int = 200, years: int = 6, seed: int = 0, shuffled: bool = False) -> Market:
    random = np.random.default_rng(seed)
    days = np.busday_offset(np.datetime64(_LAST), np.arange(-years * _DAYS_A_YEAR + 1, 1), roll="backward")
    shape = (len(days), symbols)
    worth = _slowly_changing(random, shape, _WORTH_DECAY_DAYS)
    noise = random.uniform(0.010, 0.020, symbols) * random.standard_normal(shape)
    trend = _slowly_changing(random, shape, _TREND_DECAY_DAYS)
    returns = _TREND * trend + _WORTH * worth + noise
    if shuffled:
        returns = random.permuted(returns, axis=1)
    returns += _MARKET * random.standard_normal((len(days), 1))
    close = np.exp(np.log(random.uniform(8, 150, symbols)) + np.cumsum(returns, axis=0))
    names = np.array([f"SYN{number:04d}" for number in range(1, symbols + 1)])
    return Market(_prices(random, names, days, close), _figures(random, names, days, close, worth))


def _slowly_changing(random: np.random.Generator, shape: tuple[int, int], decay_days: int) -> np.ndarray:
    """A series with mean 0 and variance 1 on each day."""
    from scipy.signal import lfilter

    kept = 1 - 1 / decay_days
    pushes = random.standard_normal(shape)
    pushes[1:] *= np.sqrt(1 - kept**2)
    changing: np.ndarray = lfilter([1.0], [1.0, -kept], pushes, axis=0)
    return changing


def _prices(
    random: np.random.Generator, names: np.ndarray, days: np.ndarray, close: np.ndarray
) -> pd.DataFrame:
    turnover = 25e6 * np.exp(random.normal(0, 0.9, len(names)) + random.normal(0, 0.3, close.shape))
    first = np.where(random.random(len(names)) < _LATE, random.integers(0, len(days), len(names)), 0)
    listed = (np.arange(len(days))[:, None] >= first).T
    symbols, rows = np.nonzero(listed)
    return pd.DataFrame(
        {
            "symbol": pd.Categorical.from_codes(symbols, pd.Index(names)),
            "date": days[rows].astype("datetime64[us]"),
            "close": close.T[listed].round(4),
            "volume": (turnover / close).T[listed].round(),
        }
    )


def _figures(
    random: np.random.Generator, names: np.ndarray, days: np.ndarray, close: np.ndarray, worth: np.ndarray
) -> pd.DataFrame:
    """Once a quarter for each company, and known some weeks later."""
    quarters = np.arange(_DAYS_A_QUARTER - 1, len(days) - _KNOWN_AFTER_DAYS, _DAYS_A_QUARTER)
    price, true = close[quarters].ravel(), worth[quarters].ravel()

    def seen(mean: float, spread: float, times: np.ndarray | float = 1.0) -> np.ndarray:
        return np.round(times * (mean + spread * (true + random.standard_normal(len(true)))), 4)

    return pd.DataFrame(
        {
            "symbol": pd.Categorical.from_codes(
                np.tile(np.arange(len(names)), len(quarters)), pd.Index(names)
            ),
            "known_on": np.repeat(days[quarters + _KNOWN_AFTER_DAYS], len(names)).astype("datetime64[us]"),
            "earnings_per_share": seen(0.05, 0.015, price),
            "book_value_per_share": seen(0.6, 0.15, price),
            "return_on_equity": seen(0.12, 0.04),
            "debt_to_equity": np.exp(-seen(0.3, 0.3)).round(4),
            "revenue_growth": seen(0.05, 0.04),
            "earnings_growth": seen(0.06, 0.06),
        }
    )
