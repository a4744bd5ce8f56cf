"""In the cell: folds of the training rows alone, for what a candidate chooses before it is fitted.

The training rows are divided as the design divides all rows: groups stay together, and by time what is tested
is later than what is trained on. Neither the labels nor the features of the test rows are looked at.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.cell.inside.cell_api import EntryFailure
from bakeoff.domain.candidate import Candidate, OutputKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import Design, TargetKind
from bakeoff.domain.tuning import ChoosingRules
from bakeoff.evaluation.datasets.read_snapshot import Data
from bakeoff.evaluation.datasets.splits.split_by_time import expanding_windows
from bakeoff.evaluation.datasets.splits.split_into_folds import dealt_folds
from bakeoff.evaluation.datasets.splits.split_train_and_test import FoldRows
from bakeoff.evaluation.jobs.probabilities_or_scores import beside_labels
from bakeoff.evaluation.metrics.score_predictions import block_map_of, score_rows
from registry.columns.check_predictions import Predictions, check_predictions

#: Fits a candidate to the training rows of these data; returns what predicts.
FitModel = Callable[[Candidate, Data], Any]


@dataclass(frozen=True, kw_only=True)
class InnerFold:
    data: Data  #: some of the training rows to train on, and in the place of the test rows the others
    labels: NDArray[Any]  #: of these
    weights: NDArray[Any] | None  #: of these


def inner_folds(data: Data, folds: int, *, seed: int, hint: str) -> Iterator[InnerFold]:
    """`hint`: what to do if the training rows cannot be divided so."""
    for part in _parts(data, folds, seed, hint):
        yield InnerFold(
            data=replace(
                data,
                X_train=data.X_train.iloc[part.train].reset_index(drop=True),
                y_train=data.y_train[part.train],
                weights=None if data.weights is None else data.weights[part.train],
                units=None if data.units is None else data.units[part.train],
                X_test=data.X_train.iloc[part.test].reset_index(drop=True),
            ),
            labels=np.asarray(data.y_train[part.test]),
            weights=None if data.weights is None else np.asarray(data.weights[part.test]),
        )


def at_most(folds: int, data: Data) -> int:
    """So many folds, or as many as there are groups or times to deal to them; at least two."""
    units = np.arange(len(data.y_train)) if data.units is None else np.unique(data.units)
    # By time, the first part is trained on alone.
    most = len(units) - (data.units is not None and data.design.time is not None)
    return max(2, min(folds, most))


def _parts(data: Data, folds: int, seed: int, hint: str) -> tuple[FoldRows, ...]:
    design, rows = data.design, len(data.y_train)
    units = None if data.units is None else np.asarray(data.units)
    if units is None and (design.group or design.time or design.fold_column):
        raise EntryFailure(
            type="OldSnapshot",
            message="the snapshot does not say which training rows stay together: an earlier version made it",
            hint="remove the folder of this dataset below data/snapshots, and start the run again",
        )
    try:
        if units is not None and design.time is not None:
            return expanding_windows(units, column=design.time, folds=folds, gap=design.gap)
        groups = None if units is None else np.unique(units, return_inverse=True)[1]
        classes = None
        if data.target_kind is not TargetKind.REGRESSION and design.stratify:
            classes = np.unique(np.asarray(data.y_train), return_inverse=True)[1]
        return dealt_folds(rows, classes, groups, design=Design(folds=folds), seed=seed)
    except InvalidInputError as exc:
        raise EntryFailure(
            type="TooFewRows",
            message=f"its training rows cannot be divided into {folds} inner folds: {exc}",
            hint=hint,
        ) from exc


def scoring_rules(rules: ChoosingRules, *, threshold: float | None = None) -> ScoringRules:
    assert rules.metric is not None  # noqa: S101 - the plan of the run has filled it in
    return ScoringRules(
        metrics=(rules.metric,),
        positive_label=rules.positive_label,
        average=None if rules.average is None else Average(rules.average),
        zero_division=nan if rules.zero_division is None else rules.zero_division,
        costs=rules.costs,
        threshold=threshold,
    )


def predictions_on(
    model: Any, candidate: Candidate, fold: InnerFold, *, more_than_labels: bool
) -> Predictions:
    """What the model says of the rows that this fold tests."""
    X, rows = fold.data.X_test, len(fold.labels)
    kind = candidate.output_kind
    values = check_predictions(model.predict(X), rows=rows, output_kind=kind)
    numbers = fold.data.target_kind is TargetKind.REGRESSION
    if not more_than_labels or kind is not OutputKind.LABELS or numbers:
        return Predictions(values=values, output_kind=kind)
    beside = beside_labels(model, X, fold.data.target_kind)
    return Predictions(
        values=values, output_kind=kind, probabilities=beside.probabilities, scores=beside.scores
    )


def value_on(fold: InnerFold, predictions: Predictions, rules: ScoringRules) -> float | None:
    """The metric of the rules; None where it is undefined."""
    scores = score_rows(
        fold.labels,
        predictions,
        block_map_of(len(fold.labels), weights=fold.weights),
        rules=rules,
        target_kind=fold.data.target_kind,
        classes=fold.data.classes,
        sketched=False,
        curved=False,
    )
    return scores.metrics[rules.metrics[0]]
