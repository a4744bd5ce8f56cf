"""Where candidates that were scored on the same rows disagree: in how many rows, who is right there, which.

The files of predictions are mapped. They are read whole once, one candidate after another, for one small
number per row; of the rows that are listed, only those rows are read again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.domain.wording import joined
from bakeoff.evaluation.statistics.verdict_sentences import number
from registry.columns.check_predictions import Predictions, check_numbers
from registry.columns.classes_from_predictions import (
    ClassPredictions,
    Label,
    codes_of,
    plain_labels,
    to_class_predictions,
)

if TYPE_CHECKING:
    import pandas as pd

_PAIR = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredRows:
    """The truth, and what each candidate predicted of it."""

    true: NDArray[Any]
    predictions: Mapping[str, Predictions]  #: by candidate, in the order in which they were named
    rules: ScoringRules  #: by which all of them were scored
    target_kind: TargetKind
    classes: tuple[Label, ...]  #: in sort order; none for a regression


@dataclass(frozen=True, kw_only=True, eq=False)
class Disagreements:
    rows: int  #: test rows
    differing: int  #: those in which not all predict the same
    right: Mapping[str, int]  #: of the differing rows, those in which it is right; of numbers, nearest
    none_right: int | None  #: differing rows in which nobody is right; None for numbers
    median: float | None  #: how far the predicted numbers are apart, in the median row; None for classes
    largest: float | None  #: and in the row where they are furthest apart
    places: NDArray[np.intp]  #: of the differing rows in the test part; of numbers, furthest apart first

    @property
    def sentence(self) -> str:
        if not self.differing:
            return f"They predict the same in all {self.rows:,} test rows."
        if self.median is None or self.largest is None:
            (first, count), *others = self.right.items()
            right = [f"{first} is right on {count:,} of them", *(f"{name} on {n:,}" for name, n in others)]
            nobody = "neither" if len(self.right) == _PAIR else "nobody"
            return (
                f"They disagree on {self.differing:,} of {self.rows:,} test rows: {', '.join(right)}, "
                f"{nobody} on {self.none_right:,}."
            )
        (first, count), *others = self.right.items()
        nearest = [
            f"{first} is nearest to the truth in {count:,}",
            *(f"{name} in {n:,}" for name, n in others),
        ]
        return (
            f"Their predictions are {number(self.median, 0)} apart in the median test row, and "
            f"{number(self.largest, 0)} at most. Of {self.differing:,} rows in which they differ, "
            f"{joined(nearest)}."
        )

    def to_record(self) -> dict[str, Any]:
        return {
            "testRows": self.rows,
            "differing": self.differing,
            "sentence": self.sentence,
            "right" if self.median is None else "nearest": dict(self.right),
            "noneRight": self.none_right,
            "medianDifference": self.median,
            "largestDifference": self.largest,
        }


@dataclass(frozen=True, kw_only=True)
class DisagreedRow:
    row: int  #: of the dataset, counted from 0
    true: Any
    predictions: Mapping[str, Any]  #: by candidate
    probabilities: Mapping[str, float]  #: of what it predicted; of candidates whose probabilities are kept
    features: Mapping[str, Any]

    def to_record(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "true": self.true,
            "predictions": dict(self.predictions),
            "probabilities": dict(self.probabilities),
            "features": dict(self.features),
        }


def find_disagreements(scored: ScoredRows) -> Disagreements:
    """BadPredictionsError where predictions cannot be read, which cannot be if they were scored."""
    return _of_numbers(scored) if scored.target_kind is TargetKind.REGRESSION else _of_classes(scored)


def wrong_places(scored: ScoredRows, name: str) -> NDArray[np.intp]:
    """The rows in which the class it predicted is not the true one; of numbers all, the most wrong first."""
    predictions = scored.predictions[name]
    if scored.target_kind is TargetKind.REGRESSION:
        predicted = check_numbers(predictions.values, rows=len(scored.true))
        return np.argsort(-np.abs(predicted - scored.true.astype(np.float64)), kind="stable")
    true, _ = codes_of(plain_labels(scored.true), np.unique(plain_labels(scored.classes)))
    answered = _classified(_without_extra(predictions, scored.rules), scored)
    return np.flatnonzero(answered.codes != true)


def answers_at(
    scored: ScoredRows, places: NDArray[np.intp]
) -> Mapping[str, tuple[list[Any], list[float] | None]]:
    """What each candidate predicted in these rows, and the probability of that, where it is kept."""
    found: dict[str, tuple[list[Any], list[float] | None]] = {}
    for name, predictions in scored.predictions.items():
        some = predictions.of(places)
        if scored.target_kind is TargetKind.REGRESSION:
            found[name] = check_numbers(some.values, rows=len(places)).tolist(), None
            continue
        answered = _classified(some, scored)
        found[name] = answered.labels.tolist(), _probabilities(answered)
    return found


def plain_features(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """A mapping for each row, as JSON writes it: no numpy types, and None for what is missing."""
    columns = {name: [_plain(value) for value in frame[name]] for name in frame.columns}
    return [{name: column[row] for name, column in columns.items()} for row in range(len(frame))]


def _plain(value: Any) -> Any:
    import pandas as pd

    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value


def _of_classes(scored: ScoredRows) -> Disagreements:
    classes = np.unique(plain_labels(scored.classes))
    true, _ = codes_of(plain_labels(scored.true), classes)
    differs = np.zeros(len(true), dtype=np.bool_)
    first: ClassPredictions | None = None
    right: dict[str, NDArray[np.bool_]] = {}
    for name, predictions in scored.predictions.items():
        answered = _classified(_without_extra(predictions, scored.rules), scored)
        right[name] = answered.codes == true
        if first is None:
            first = replace(answered, probabilities=None, decisions=None)  # which may be large
        else:
            differs |= _differs(first, answered, len(classes))
    anyone = np.logical_or.reduce(list(right.values()))
    return Disagreements(
        rows=len(true),
        differing=int(differs.sum()),
        right={name: int((is_right & differs).sum()) for name, is_right in right.items()},
        none_right=int((differs & ~anyone).sum()),
        median=None,
        largest=None,
        places=np.flatnonzero(differs),
    )


def _of_numbers(scored: ScoredRows) -> Disagreements:
    true = scored.true.astype(np.float64)
    low, high = np.full(len(true), np.inf), np.full(len(true), -np.inf)
    nearest = np.full(len(true), np.inf)
    winner = np.full(len(true), -1, dtype=np.int16)  # -1: several are equally near
    for place, predictions in enumerate(scored.predictions.values()):
        predicted = check_numbers(predictions.values, rows=len(true))
        np.minimum(low, predicted, out=low)
        np.maximum(high, predicted, out=high)
        error = np.abs(predicted - true)
        winner[error == nearest] = -1
        winner[error < nearest] = place
        np.minimum(nearest, error, out=nearest)
    apart = high - low
    differing = np.flatnonzero(apart > 0)
    return Disagreements(
        rows=len(true),
        differing=len(differing),
        right={
            name: int((winner[differing] == place).sum()) for place, name in enumerate(scored.predictions)
        },
        none_right=None,
        median=float(np.median(apart)),
        largest=float(apart.max()),
        places=differing[np.argsort(-apart[differing], kind="stable")],
    )


def _classified(predictions: Predictions, scored: ScoredRows) -> ClassPredictions:
    return to_class_predictions(predictions, np.unique(plain_labels(scored.classes)), scored.rules)


def _without_extra(predictions: Predictions, rules: ScoringRules) -> Predictions:
    """What stands beside labels is not read, unless a threshold decides by it."""
    if rules.threshold is not None and predictions.output_kind is OutputKind.LABELS:
        return predictions
    return replace(predictions, probabilities=None, scores=None)


def _differs(one: ClassPredictions, other: ClassPredictions, classes: int) -> NDArray[np.bool_]:
    """Labels that are no class have a code in each candidate's own count: they are compared as text."""
    differs: NDArray[np.bool_] = one.codes != other.codes
    for place in np.flatnonzero((one.codes >= classes) & (other.codes >= classes)):
        differs[place] = str(one.labels[place]) != str(other.labels[place])
    return differs


def _probabilities(answered: ClassPredictions) -> list[float] | None:
    if answered.probabilities is None or answered.unseen.size:
        return None
    chosen: list[float] = answered.probabilities[np.arange(len(answered.codes)), answered.codes].tolist()
    return chosen
