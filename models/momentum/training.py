"""The training of model_a: fit its two models on features of past days and the returns that followed.

Folds in time show how good the models are on later data:

    months   1  2  3  4  5  6  7  8  9 10 11 12
    fold 1   train ......... |  test
    fold 2   train ............... |  test
    fold 3   train ..................... |  test

Each fold is tested on a window of time, and trained on all samples whose return was known before the window
began (`|`): no return in training overlaps one in testing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from models.momentum.features import FEATURES, Screens, features_at
from models.signals.price_history import History
from registry.interface import Trained

if TYPE_CHECKING:
    import pandas as pd

HORIZON = 21  #: rows of a symbol from a price to the predicted one
_EVERY = timedelta(days=30)
#: Most days of a horizon. If it takes longer, trading of the symbol was suspended: that is no sample.
_LONGEST_HORIZON = np.timedelta64(45, "D")


@dataclass(frozen=True, kw_only=True)
class Samples:
    features: "pd.DataFrame"
    forward: np.ndarray  #: return over the horizon
    day: np.ndarray  #: of the features
    known_on: np.ndarray  #: the day on which the return was known

    def __len__(self) -> int:
        return len(self.forward)

    def rows(self, chosen: np.ndarray) -> "Samples":
        return replace(
            self,
            features=self.features[chosen],
            forward=self.forward[chosen],
            day=self.day[chosen],
            known_on=self.known_on[chosen],
        )


def samples_until(history: History, as_of: date, screens: Screens) -> Samples:
    """Samples of days a month apart, up to the last one whose return was known by that day.

    Falling prices are included: the models learn from both, and only answers are limited to rising prices.
    """
    import pandas as pd

    lenient = replace(screens, rising=False)
    parts = [_samples_of(history, day, as_of, lenient) for day in _days(history, as_of)]
    return Samples(
        features=pd.concat([part.features for part in parts], ignore_index=True),
        forward=np.concatenate([part.forward for part in parts]),
        day=np.concatenate([part.day for part in parts]),
        known_on=np.concatenate([part.known_on for part in parts]),
    )


def _days(history: History, as_of: date) -> Iterator[date]:
    """The days in order. They are counted back from the last one, so a longer history adds days in front."""
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
    known_on = history.days[then]
    soon = known_on - np.datetime64(day) <= _LONGEST_HORIZON
    forward = history.adjusted[then] / history.adjusted[now] - 1
    return Samples(
        features=features.loc[known, list(FEATURES)][soon],
        forward=forward[soon],
        day=np.full(soon.sum(), np.datetime64(day, "D")),
        known_on=known_on[soon].astype("datetime64[D]"),
    )


FOLDS = 4
_LEAST_SAMPLES = 200

#: The same data and seed give the same trees on any number of threads; n_jobs 0 uses the granted threads.
_SETTINGS = {
    "n_estimators": 150,
    "learning_rate": 0.03,
    "num_leaves": 15,
    "min_child_samples": 40,
    "deterministic": True,
    "force_row_wise": True,
    "n_jobs": 0,
    "verbose": -1,
}


def train(samples: Samples, *, classifier: str, regressor: str, seed: int) -> Trained:
    """`classifier` and `regressor` are the names of the saved models."""
    _require_enough(samples)
    folds = [_fold(number, *split, seed) for number, split in enumerate(walk_forward(samples), start=1)]
    return Trained(
        models={classifier: _classifier(samples, seed), regressor: _regressor(samples, seed)},
        metrics={
            classifier: _means(folds, ("auc", "accuracy")),
            regressor: _means(folds, ("rank_correlation", "mae")),
        },
        feature_names=FEATURES,
        folds=folds,
    )


def walk_forward(samples: Samples) -> Iterator[tuple[Samples, Samples]]:
    """Pairs of training and test samples: the second half of the days is tested, in equal windows."""
    days = np.unique(samples.day)
    for window in np.array_split(days[len(days) // 2 :], FOLDS):
        train = samples.rows(samples.known_on < window[0])
        yield train, samples.rows((samples.day >= window[0]) & (samples.day <= window[-1]))


def _require_enough(samples: Samples) -> None:
    months, least = len(np.unique(samples.day)), 2 * FOLDS + 1
    if months < least or len(samples) < _LEAST_SAMPLES:
        raise ValueError(
            f"{len(samples):,} samples of {months} months are too few to learn from: {_LEAST_SAMPLES} of "
            f"{least} are the least, and the first year of each symbol gives none; bring longer prices, or "
            "loosen the screens"
        )
    if len(np.unique(samples.forward > 0)) == 1:
        raise ValueError("all prices went the same way in each month: there is nothing to learn")


def _fold(number: int, train: Samples, test: Samples, seed: int) -> Mapping[str, Any]:
    confidence = _classifier(train, seed).predict_proba(test.features)[:, 1]
    expected = _regressor(train, seed).predict(test.features)
    rose = test.forward > 0
    return {
        "fold": number,
        "first": str(test.day.min()),
        "last": str(test.day.max()),
        "train_rows": len(train),
        "test_rows": len(test),
        "auc": _area_under_curve(confidence, rose),
        "accuracy": float(((confidence > 0.5) == rose).mean()),  # noqa: PLR2004 - more likely than not
        "rank_correlation": _rank_correlation(expected, test),
        "mae": float(np.abs(expected - test.forward).mean()),
    }


def _classifier(samples: Samples, seed: int) -> Any:
    return (
        _lightgbm().LGBMClassifier(**_SETTINGS, random_state=seed).fit(samples.features, samples.forward > 0)
    )


def _regressor(samples: Samples, seed: int) -> Any:
    return _lightgbm().LGBMRegressor(**_SETTINGS, random_state=seed).fit(samples.features, samples.forward)


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError(
            "model_a learns with LightGBM, which is not installed: `pip install lightgbm`"
        ) from exc
    return lightgbm


def _area_under_curve(confidence: np.ndarray, rose: np.ndarray) -> float:
    """The area under the ROC curve; 0.5 if all prices went the same way."""
    from scipy.stats import rankdata

    up = int(rose.sum())
    pairs = up * (len(rose) - up)
    wins = rankdata(confidence)[rose].sum() - up * (up + 1) / 2
    return float(wins / pairs) if pairs else 0.5


def _rank_correlation(expected: np.ndarray, test: Samples) -> float:
    """The correlation of predicted and real returns within each day, so that market moves cancel out."""
    import pandas as pd

    ranks = pd.DataFrame({"expected": expected, "forward": test.forward}).groupby(test.day).rank(pct=True)
    return float(ranks["expected"].corr(ranks["forward"]))


def _means(folds: list[Mapping[str, Any]], names: tuple[str, ...]) -> Mapping[str, float]:
    return {name: fmean(fold[name] for fold in folds) for name in names}
