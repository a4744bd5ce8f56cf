"""Fundamentals: companies that are cheap, sound and growing, compared with all others, should do better.

Nothing is trained: the rules are in `models/fundamentals/company_scores.py`. The return that goes with a rank
is assumed and not measured: `spread` sets it.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from models.fundamentals.company_scores import PARTS, SCORE, check_columns, figures_at, scores_of
from models.signals.price_history import History
from models.signals.signal_thresholds import signals_for
from registry.interface import ModelOutput, ModelPlugin

if TYPE_CHECKING:
    import pandas as pd


class ModelBPlugin(ModelPlugin):
    """Confidence is the rank of the company; `spread` is the expected return of the best over the worst."""

    def __init__(
        self,
        data: "Mapping[str, pd.DataFrame]",
        artefacts: Mapping[str, Any],
        *,
        spread: float = 0.12,
        max_age_days: int = 400,
    ) -> None:
        if "fundamentals" not in data:
            raise ValueError("model_b needs fundamentals: say in `market` where they are, or disable it")
        check_columns(data["fundamentals"])
        self._fundamentals = data["fundamentals"].sort_values("known_on", kind="stable")
        self._history = History(data["prices"])
        self._spread = spread
        self._max_age_days = max_age_days

    def generate_signals(self, symbols: Sequence[str], as_of: date) -> Sequence[ModelOutput]:
        scores = self._scores(as_of)[SCORE]
        wanted = scores[scores.index.isin(symbols)]
        return signals_for(
            (str(symbol), rank, self._spread * (rank - 0.5)) for symbol, rank in wanted.items()
        )

    def explain(self, symbol: str) -> Mapping[str, Any]:
        """The ranks of the company among all others, as of the last day of the prices."""
        last = self._history.last_day
        scores = self._scores(last)
        if symbol not in scores.index:
            raise ValueError(f"there are no figures of {symbol!r} that would do: it has no score")
        return {
            "as_of": last.isoformat(),
            "places": scores.loc[symbol].to_dict(),
            "feature_importance": dict.fromkeys(PARTS, 1 / len(PARTS)),
        }

    def _scores(self, day: date) -> "pd.DataFrame":
        return scores_of(figures_at(self._history, self._fundamentals, day, self._max_age_days))
