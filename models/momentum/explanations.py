"""Explanations of LightGBM models: the gain of each feature, and SHAP values."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from models.momentum.features import FEATURES

if TYPE_CHECKING:
    import pandas as pd


def check_features(name: str, model: Any) -> None:
    known = tuple(getattr(model, "feature_name_", ()))
    if known != FEATURES:
        missing = [feature for feature in FEATURES if feature not in known]
        extra = [feature for feature in known if feature not in FEATURES]
        raise ValueError(
            f"{name} was trained on other features than there are now: it does not know {missing}, and knows "
            f"{extra}, or their order differs; train it again, or use another version"
        )


def importance_of(model: Any) -> dict[str, float]:
    """Shares of the gain; they sum to 1, unless there is no tree."""
    gains = model.booster_.feature_importance("gain")
    whole = float(gains.sum()) or 1.0
    return {name: float(gain) / whole for name, gain in zip(FEATURES, gains, strict=True)}


def shap_values_of(model: Any, row: "pd.DataFrame") -> Mapping[str, float]:
    """What each feature of the row adds to `base`; the sum is the raw prediction."""
    values = model.predict(row[list(FEATURES)], pred_contrib=True)[0]
    return dict(zip((*FEATURES, "base"), map(float, values), strict=True))
