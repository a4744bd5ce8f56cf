"""In the cell: the threshold that does best on training rows, out of inner folds.

Each training row gets a probability, or a score, from a model that was not fitted on it. Of the thresholds
that make a difference to these, from all rows positive to none, at most some hundred are tried, and the one
in the middle of the best ones is taken. No test row has a part in it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.cell.inside.cell_api import EntryFailure
from bakeoff.domain import metric_names_and_scoring_rules
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.tuning import TunedThreshold
from bakeoff.evaluation.datasets.read_snapshot import Data
from bakeoff.evaluation.jobs.choosing.inner_folds import (
    FitModel,
    InnerFold,
    at_most,
    inner_folds,
    predictions_on,
    scoring_rules,
    value_on,
)
from bakeoff.evaluation.jobs.probabilities_or_scores import nothing_to_act_on
from registry.columns.check_predictions import Predictions
from registry.columns.classes_from_predictions import plain_labels, positive_code, to_class_predictions

_MOST_TRIED = 200


def best_threshold(candidate: Candidate, data: Data, fit: FitModel, *, seed: int) -> float:
    how = candidate.tuned_threshold
    assert how is not None  # noqa: S101 - the caller has looked
    found = [
        (fold, predictions_on(fit(candidate, fold.data), candidate, fold, more_than_labels=True))
        for fold in inner_folds(
            data,
            at_most(how.folds, data),
            seed=seed,
            hint="give a number as threshold, or more training rows",
        )
    ]
    whole = _together(found)
    measured = _measured(whole[1], data, how)
    return _best(whole, measured, how)


def _together(found: list[tuple[InnerFold, Predictions]]) -> tuple[InnerFold, Predictions]:
    folds, predictions = [fold for fold, _ in found], [one for _, one in found]
    weights = None if folds[0].weights is None else np.concatenate([f.weights for f in folds])
    return (
        replace(folds[0], labels=np.concatenate([fold.labels for fold in folds]), weights=weights),
        replace(
            predictions[0],
            values=np.concatenate([one.values for one in predictions]),
            probabilities=_joined([one.probabilities for one in predictions]),
            scores=_joined([one.scores for one in predictions]),
        ),
    )


def _joined(beside: list[NDArray[Any] | None]) -> NDArray[Any] | None:
    there = [one for one in beside if one is not None]
    return np.concatenate(there) if len(there) == len(beside) else None


def _measured(predictions: Predictions, data: Data, how: TunedThreshold) -> NDArray[Any]:
    """What the threshold is compared with: of the positive class, a number for each row."""
    classes = np.unique(plain_labels(data.classes))
    # Decided at any threshold, the predictions carry what they were decided by.
    rules = scoring_rules(how.rules)
    decided = to_class_predictions(predictions, classes, rules)
    if decided.probabilities is not None:
        return np.asarray(decided.probabilities[:, positive_code(classes, rules)])
    if decided.decisions is not None:
        return np.asarray(decided.decisions)
    raise nothing_to_act_on(metric_names_and_scoring_rules.TUNED, "it")


def _edges(measured: NDArray[Any]) -> NDArray[Any]:
    """Thresholds between the values, and one on each side: from there on all rows are positive, or none."""
    values = np.unique(measured)
    # Added to a large score, 1 might be lost.
    beyond = max(1.0, float(np.abs(values).max()))
    edges: NDArray[Any] = np.r_[values[0] - beyond, (values[:-1] + values[1:]) / 2, values[-1] + beyond]
    if len(edges) <= _MOST_TRIED:
        return edges
    return np.asarray(edges[np.linspace(0, len(edges) - 1, _MOST_TRIED).round().astype(int)])


def _best(whole: tuple[InnerFold, Predictions], measured: NDArray[Any], how: TunedThreshold) -> float:
    fold, predictions = whole
    assert how.rules.metric is not None  # noqa: S101 - the plan of the run has filled it in
    sign = 1 if metric_names_and_scoring_rules.greater_is_better(how.rules.metric) else -1
    scored = [
        (sign * value, float(edge))
        for edge in _edges(measured)
        if (value := value_on(fold, predictions, scoring_rules(how.rules, threshold=float(edge)))) is not None
    ]
    if not scored:
        raise EntryFailure(
            type="NoThreshold",
            message=f"{how.rules.metric} is undefined at every threshold, on its training rows",
            hint="name another metric first, or give a number as threshold",
        )
    top = max(value for value, _ in scored)
    best = [edge for value, edge in scored if value == top]
    return best[len(best) // 2]
