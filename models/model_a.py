"""Momentum: a classifier predicts whether a price rises within a month, a regressor by how much."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from models.momentum.features import (
    FEATURES,
    Screens,
    check_features,
    features_at,
    importance_of,
    shap_values_of,
)
from models.momentum.training import samples_until, train
from models.signals.price_history import History
from models.signals.signal_thresholds import signals_for
from registry.interface import ModelOutput, ModelPlugin, Trained

if TYPE_CHECKING:
    import pandas as pd

CLASSIFIER, REGRESSOR = "model_a_classifier", "model_a_regressor"


class ModelAPlugin(ModelPlugin):
    artefacts: ClassVar[tuple[str, ...]] = (CLASSIFIER, REGRESSOR)

    def __init__(
        self,
        data: "Mapping[str, pd.DataFrame]",
        artefacts: Mapping[str, Any],
        *,
        min_dollar_volume: float = Screens.min_dollar_volume,
        min_price: float = Screens.min_price,
        rising: bool = Screens.rising,
        complete: bool = Screens.complete,
        max_age_days: int = Screens.max_age_days,
    ) -> None:
        for name in self.artefacts:
            check_features(name, artefacts[name])
        self._classifier, self._regressor = artefacts[CLASSIFIER], artefacts[REGRESSOR]
        self._history = History(data["prices"])
        self._screens = Screens(
            min_dollar_volume=min_dollar_volume,
            min_price=min_price,
            rising=rising,
            complete=complete,
            max_age_days=max_age_days,
        )

    @classmethod
    def train(cls, data: "Mapping[str, pd.DataFrame]", as_of: date, *, seed: int, **params: Any) -> Trained:
        samples = samples_until(History(data["prices"]), as_of, Screens(**params))
        return train(samples, classifier=CLASSIFIER, regressor=REGRESSOR, seed=seed)

    def generate_signals(self, symbols: Sequence[str], as_of: date) -> Sequence[ModelOutput]:
        found = self._screens.passing(features_at(self._history, as_of))
        wanted = found.loc[found.index.isin(symbols), list(FEATURES)]
        if wanted.empty:
            return []
        confidence = self._classifier.predict_proba(wanted)[:, 1]
        expected = self._regressor.predict(wanted)
        return signals_for(zip(wanted.index, confidence.tolist(), expected.tolist(), strict=True))

    def explain(self, symbol: str) -> Mapping[str, Any]:
        """The explanation as of the last day with prices.

        SHAP values of the classifier are log-odds, those of the regressor are returns.
        """
        last = self._history.last_day
        features = features_at(self._history, last)
        if symbol not in features.index:
            raise ValueError(f"there are no prices of {symbol!r}: name a symbol that has some")
        features = features.loc[[symbol]]
        return {
            "as_of": last.isoformat(),
            "features": _in_json(features[list(FEATURES)]),
            "screens": _in_json(self._screens.checks(features)),
            "feature_importance": importance_of(self._classifier),
            "shap_values": shap_values_of(self._classifier, features),
            "expected_return": {
                "feature_importance": importance_of(self._regressor),
                "shap_values": shap_values_of(self._regressor, features),
            },
        }


def _in_json(row: "pd.DataFrame") -> dict[str, Any]:
    return {str(name): None if values.isna().all() else values.item() for name, values in row.items()}
