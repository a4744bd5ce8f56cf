"""What model_a learns from: features as of a day in the past, and what came after it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from models.momentum.features import FEATURES, features_at
from models.momentum.screens import Screens
from models.signals.history import History

if TYPE_CHECKING:
    import pandas as pd

HORIZON = 21  #: rows of a symbol from a price to the one that is expected
_EVERY = timedelta(days=30)
#: Longer than the horizon can take while a symbol is traded; what was suspended meanwhile is no sample.
_LONGEST = np.timedelta64(45, "D")


@dataclass(frozen=True, kw_only=True)
class Samples:
    features: "pd.DataFrame"
    forward: np.ndarray  #: return over the horizon
    day: np.ndarray  #: as of which the features are
    told_on: np.ndarray  #: when the return was known

    def __len__(self) -> int:
        return len(self.forward)

    def rows(self, chosen: np.ndarray) -> "Samples":
        return replace(
            self,
            features=self.features[chosen],
            forward=self.forward[chosen],
            day=self.day[chosen],
            told_on=self.told_on[chosen],
        )


def samples_until(history: History, as_of: date, screens: Screens) -> Samples:
    """Of all days a month apart, up to the last one whose future was known by then.

    On the way up or not: that screen is for answers, and what has fallen is worth learning from.
    """
    import pandas as pd

    lenient = replace(screens, rising=False)
    parts = [_samples_of(history, day, as_of, lenient) for day in _days(history, as_of)]
    return Samples(
        features=pd.concat([part.features for part in parts], ignore_index=True),
        forward=np.concatenate([part.forward for part in parts]),
        day=np.concatenate([part.day for part in parts]),
        told_on=np.concatenate([part.told_on for part in parts]),
    )


def _days(history: History, as_of: date) -> Iterator[date]:
    """The earliest first. It goes back from the last one, so that a longer history adds days in front."""
    first = history.days.min().astype("datetime64[D]").astype(date)
    steps = (as_of - first) // _EVERY
    return (as_of - _EVERY * step for step in range(steps, 0, -1))


def _samples_of(history: History, day: date, as_of: date, screens: Screens) -> Samples:
    features = screens.passing(features_at(history, day))
    places = np.searchsorted(history.symbols, features.index)
    now = history.stops_at(day)[places] - 1
    then = now + HORIZON
    known = then < history.stops_at(as_of)[places]
    now, then = now[known], then[known]
    told_on = history.days[then]
    soon = told_on - np.datetime64(day) <= _LONGEST
    forward = history.adjusted[then] / history.adjusted[now] - 1
    return Samples(
        features=features.loc[known, list(FEATURES)][soon],
        forward=forward[soon],
        day=np.full(soon.sum(), np.datetime64(day, "D")),
        told_on=told_on[soon].astype("datetime64[D]"),
    )
