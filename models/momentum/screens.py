"""Which symbols model_a has an opinion on: those that can be traded, and are on their way up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.momentum.features import AGE_DAYS, FEATURES, PRICE

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Screens:
    min_dollar_volume: float = 5_000_000  #: median of 20 days
    min_price: float = 1.0  #: as it was traded, not adjusted
    rising: bool = True  #: above its 200-day average, which must be rising
    complete: bool = True  #: without a missing feature
    max_age_days: int = 7  #: days since its last price

    def checks(self, features: "pd.DataFrame") -> "pd.DataFrame":
        """Of each symbol and each screen whether it passes; what is missing is above and below nothing."""
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
