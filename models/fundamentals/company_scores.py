"""Scores of companies: their rank by value, quality and growth, from 0 (worst) to 1 (best).

    value     earnings over price, book value over price
    quality   return on equity; debt over equity, where less is better
    growth    of revenue, of earnings

Each part is the mean of the ranks in its two figures, or the rank in the one that is known. The score is the
rank of the mean of the three parts; a company of which one part is unknown has no score. Only figures that
were known by the day are used, with the price of that day.
"""

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from models.signals.price_history import History

if TYPE_CHECKING:
    import pandas as pd

EARNINGS, BOOK = "earnings_per_share", "book_value_per_share"
NEEDED = (EARNINGS, BOOK, "return_on_equity", "debt_to_equity", "revenue_growth", "earnings_growth")

_RECENT = np.timedelta64(7, "D")


def check_columns(fundamentals: "pd.DataFrame") -> None:
    missing = [name for name in NEEDED if name not in fundamentals]
    if missing:
        raise ValueError(
            f"the fundamentals have no {', '.join(missing)}: model_b needs {', '.join(NEEDED)}; "
            "`columns` of `market.fundamentals` says which column of yours each one is"
        )


def figures_at(
    history: History, fundamentals: "pd.DataFrame", day: date, max_age_days: int
) -> "pd.DataFrame":
    """The latest figures and the price of each symbol with a recent price, unless they are too old."""
    moment = np.datetime64(day, "us")
    age: Any = moment - fundamentals["known_on"].to_numpy()
    known = fundamentals.loc[(age >= np.timedelta64(0)) & (age <= np.timedelta64(max_age_days, "D"))]
    latest = known.drop_duplicates("symbol", keep="last").set_index("symbol")
    latest.index = latest.index.astype("str")
    stops = history.stops_at(day)
    recent = (stops > history.starts) & (moment - history.days[np.maximum(stops - 1, 0)] <= _RECENT)
    figures: pd.DataFrame = latest.reindex(history.symbols[recent])
    figures["price"] = _price_in_shares_of(figures["known_on"].to_numpy(), history, stops, recent)
    return figures


def _price_in_shares_of(
    known_on: np.ndarray, history: History, stops: np.ndarray, recent: np.ndarray
) -> np.ndarray:
    """The latest price, for a share as it was when the figures became known: later splits are undone."""
    then = np.full(len(recent), np.datetime64("NaT", "us"))
    then[recent] = known_on
    stops_then = history.stops_at(then)
    moved = history.last(history.adjusted, stops, 1) / history.last(history.adjusted, stops_then, 1)
    price: np.ndarray = (history.last(history.close, stops_then, 1) * moved)[recent, 0]
    return price


PARTS = ("value", "quality", "growth")
SCORE = "score"


def scores_of(figures: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    scores = pd.DataFrame(
        {
            "value": _mean_rank(figures[EARNINGS] / figures["price"], figures[BOOK] / figures["price"]),
            "quality": _mean_rank(figures["return_on_equity"], -figures["debt_to_equity"]),
            "growth": _mean_rank(figures["revenue_growth"], figures["earnings_growth"]),
        }
    ).dropna()
    return scores.assign(score=_rank(scores.mean(axis=1)))


def _mean_rank(one: "pd.Series[Any]", other: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    ranks: pd.Series[Any] = pd.concat([_rank(one), _rank(other)], axis=1).mean(axis=1)
    return ranks


def _rank(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """The rank among the known values, above 0 and below 1; that of the middle value is 0.5."""
    return (values.rank() - 0.5) / values.count()
