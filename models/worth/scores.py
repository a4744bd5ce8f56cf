"""Value, quality and growth: for each, where a company stands among all others, from 0 (worst) to 1 (best).

    value     earnings over price, book value over price
    quality   return on equity; debt over equity, the less the better
    growth    of revenue, of earnings

Each is the mean of the places in its two figures, or that of the one that is known; a company of which one of
the three is not known at all has no score. The score is the place in the mean of the three.
"""

from typing import TYPE_CHECKING, Any

from models.worth.figures import BOOK, EARNINGS

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("value", "quality", "growth")
SCORE = "score"


def scores_of(figures: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    scores = pd.DataFrame(
        {
            "value": _both(figures[EARNINGS] / figures["price"], figures[BOOK] / figures["price"]),
            "quality": _both(figures["return_on_equity"], -figures["debt_to_equity"]),
            "growth": _both(figures["revenue_growth"], figures["earnings_growth"]),
        }
    ).dropna()
    return scores.assign(score=_place(scores.mean(axis=1)))


def _both(one: "pd.Series[Any]", other: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    places: pd.Series[Any] = pd.concat([_place(one), _place(other)], axis=1).mean(axis=1)
    return places


def _place(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Among those that are known: the middle one has 0.5, and nobody 0 or 1."""
    return (values.rank() - 0.5) / values.count()
