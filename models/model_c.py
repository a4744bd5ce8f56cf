"""Sentiment: what people write about a company. Disabled, because the market data have no such frame yet.

It needs a frame `sentiment`, a row for each article, post or report, with the columns `symbol`, `known_on`
and `score`, from -1 (bad) to 1 (good).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from models.signals.signal_thresholds import signals_for
from registry.interface import ModelOutput, ModelPlugin

if TYPE_CHECKING:
    import pandas as pd


class ModelCPlugin(ModelPlugin):
    """Confidence is the mean score of the last days, scaled to 0 to 1. `most`: highest expected return."""

    def __init__(
        self,
        data: "Mapping[str, pd.DataFrame]",
        artefacts: Mapping[str, Any],
        *,
        days: int = 30,
        most: float = 0.06,
    ) -> None:
        if "sentiment" not in data:
            raise ValueError(
                "model_c needs a frame `sentiment` (symbol, known_on, score), which no source of market data "
                "gives: leave it disabled"
            )
        self._sentiment = data["sentiment"]
        self._days = np.timedelta64(days, "D")
        self._most = most

    def generate_signals(self, symbols: Sequence[str], as_of: date) -> Sequence[ModelOutput]:
        means = self._means(as_of)
        wanted = means[means.index.isin(symbols)]
        return signals_for(
            (str(symbol), (1 + mean) / 2, self._most * mean) for symbol, mean in wanted.items()
        )

    def explain(self, symbol: str) -> Mapping[str, Any]:
        last = self._sentiment["known_on"].max().date()
        means = self._means(last)
        if symbol not in means.index:
            raise ValueError(f"there is no recent sentiment for {symbol!r}")
        return {
            "as_of": last.isoformat(),
            "mean_score": float(means[symbol]),
            "feature_importance": {"score": 1.0},
        }

    def _means(self, day: date) -> "pd.Series[Any]":
        age = np.datetime64(day, "us") - self._sentiment["known_on"].to_numpy()
        recent = self._sentiment[(age >= np.timedelta64(0)) & (age <= self._days)]
        means: pd.Series[Any] = recent.groupby("symbol", observed=True)["score"].mean()
        return means
