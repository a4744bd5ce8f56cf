"""The features and screens of model_a, for all symbols at once, as of a day.

A month is 21 rows and a year 252, since days without a price have no row. All features but the dollar volume
stay the same when all prices of a symbol are multiplied, so it does not matter when prices were adjusted.

    return_12_1 ... return_3       from 12 months ago to one month ago; over 9, 6, 3 months
    volatility_30, volatility_90   of daily log returns, for a year; volatility_ratio: one over the other
    above_average                  price over its 200-day average, less 1
    average_slope                  that average over the one of 20 days ago, less 1
    trend_strength                 correlation of the logarithm of the price with time, over 200 days
    dollar_volume                  median of 20 days
    volume_ratio                   that over the median of 90 days

Screens choose the symbols that model_a answers for: those that can be traded, and whose price is rising.

Also here: how much each feature counts for a LightGBM model (its gain), and for one row (SHAP values).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from models.signals.price_history import History

if TYPE_CHECKING:
    import pandas as pd

FEATURES = (
    "return_12_1",
    "return_9",
    "return_6",
    "return_3",
    "volatility_30",
    "volatility_90",
    "volatility_ratio",
    "above_average",
    "average_slope",
    "trend_strength",
    "dollar_volume",
    "volume_ratio",
)
PRICE, AGE_DAYS = "price", "age_days"  # beside the features, for the screens

_MONTH, _YEAR = 21, 252
_AVERAGE, _SLOPE = 200, 20


def features_at(history: History, day: date) -> "pd.DataFrame":
    """A row for each symbol that has a price by then; features that need a longer history are missing."""
    import pandas as pd

    stops = history.stops_at(day)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {**_of_prices(history, stops), **_of_volume(history, stops)}
    columns[PRICE] = history.last(history.close, stops, 1)[:, 0]
    frame = pd.DataFrame(columns, index=pd.Index(history.symbols, name="symbol"))
    there = stops > history.starts
    last_days = history.days[np.maximum(stops - 1, 0)].astype("datetime64[D]")
    frame[AGE_DAYS] = (np.datetime64(day) - last_days).astype(np.float64)
    return frame.replace([np.inf, -np.inf], np.nan)[there]


def _of_prices(history: History, stops: np.ndarray) -> dict[str, np.ndarray]:
    price = history.last(history.adjusted, stops, _YEAR + 1)
    now, logs = price[:, 0], np.log(price[:, :_AVERAGE])
    volatility_30, volatility_90 = _volatility(logs, 30), _volatility(logs, 90)
    average = price[:, :_AVERAGE].mean(axis=1)
    return {
        "return_12_1": price[:, _MONTH] / price[:, _YEAR] - 1,
        "return_9": now / price[:, 9 * _MONTH] - 1,
        "return_6": now / price[:, 6 * _MONTH] - 1,
        "return_3": now / price[:, 3 * _MONTH] - 1,
        "volatility_30": volatility_30,
        "volatility_90": volatility_90,
        "volatility_ratio": volatility_30 / volatility_90,
        "above_average": now / average - 1,
        "average_slope": average / price[:, _SLOPE : _SLOPE + _AVERAGE].mean(axis=1) - 1,
        "trend_strength": _correlation_with_time(logs),
    }


def _of_volume(history: History, stops: np.ndarray) -> dict[str, np.ndarray]:
    dollars = history.last(history.close, stops, 90) * history.last(history.volume, stops, 90)
    median = np.median(dollars[:, :20], axis=1)
    return {"dollar_volume": median, "volume_ratio": median / np.median(dollars, axis=1)}


def _volatility(logs: np.ndarray, days: int) -> np.ndarray:
    returns: np.ndarray = np.diff(logs[:, : days + 1], axis=1)
    return np.asarray(returns.std(axis=1, ddof=1) * np.sqrt(_YEAR))


def _correlation_with_time(logs: np.ndarray) -> np.ndarray:
    time: np.ndarray = np.arange(logs.shape[1], 0.0, -1)
    time -= time.mean()
    around: np.ndarray = logs - logs.mean(axis=1, keepdims=True)
    return np.asarray(around @ time / np.sqrt((around**2).sum(axis=1) * (time**2).sum()))


@dataclass(frozen=True, kw_only=True)
class Screens:
    min_dollar_volume: float = 5_000_000  #: median of 20 days
    min_price: float = 1.0  #: as it was traded, not adjusted
    rising: bool = True  #: above its 200-day average, which must be rising
    complete: bool = True  #: without a missing feature
    max_age_days: int = 7  #: days since its last price

    def checks(self, features: "pd.DataFrame") -> "pd.DataFrame":
        """For each symbol whether it passes each screen; a missing value does not pass."""
        import pandas as pd

        return pd.DataFrame(
            {
                "dollar_volume": features["dollar_volume"] >= self.min_dollar_volume,
                "price": features[PRICE] >= self.min_price,
                "recent": features[AGE_DAYS] <= self.max_age_days,
                "complete": features[list(FEATURES)].notna().all(axis=1) | (not self.complete),
                "rising": (features["above_average"] > 0) & (features["average_slope"] > 0)
                | (not self.rising),
            }
        )

    def passing(self, features: "pd.DataFrame") -> "pd.DataFrame":
        return features[self.checks(features).all(axis=1)]


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
