"""Scores of folds: means of what the folds have, sketches of rows that were predicted out of fold."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import Design, TargetKind
from bakeoff.evaluation.metrics.score_folds import FoldedRows, score_fold, score_folds
from bakeoff.evaluation.metrics.score_predictions import Scores
from registry.columns.check_predictions import BadPredictionsError, Predictions

RULES = ScoringRules(metrics=("accuracy", "recall"), average=Average.BINARY, positive_label="1")
ROWS, FOLDS = 60, 4


def folded(
    true: NDArray[np.int64], *, repeats: int = 1, groups: NDArray[np.int64] | None = None
) -> FoldedRows:
    """The rows dealt to the folds by lot, in each repeat anew."""
    lot = np.random.RandomState(9)
    rows = np.concatenate([lot.permutation(len(true)) for _ in range(repeats)])
    size = len(true) // FOLDS
    return FoldedRows(
        design=Design(folds=FOLDS, repeats=repeats),
        true=true[rows],
        rows=rows,
        sizes=[(len(true) - size, size)] * (FOLDS * repeats),
        groups=None if groups is None else groups[rows],
    )


def scored(data: FoldedRows, predicted: NDArray[np.int64], rules: ScoringRules = RULES) -> Scores:
    return score_folds(
        data,
        Predictions(values=predicted, output_kind=OutputKind.LABELS),
        rules=rules,
        target_kind=TargetKind.BINARY,
        classes=[0, 1],
        split="a split",
    )


@pytest.fixture
def true() -> NDArray[np.int64]:
    return np.random.RandomState(1).randint(0, 2, ROWS)


def some_wrong(data: FoldedRows, seed: int = 2) -> NDArray[np.int64]:
    wrong = np.random.RandomState(seed).random(len(data.true)) < 0.3
    return np.where(wrong, 1 - data.true, data.true)


def test_a_metric_is_the_mean_over_the_folds_and_not_over_the_rows(true: NDArray[np.int64]) -> None:
    data = folded(true)
    predicted = some_wrong(data)

    found = scored(data, predicted)

    recalls = [
        (predicted[rows] == 1)[data.true[rows] == 1].mean() for rows in np.split(np.arange(ROWS), FOLDS)
    ]
    assert found.metrics["recall"] == pytest.approx(np.mean(recalls), abs=1e-15)
    assert [fold["metrics"]["recall"] for fold in found.details["folds"]] == pytest.approx(recalls)


def test_the_standard_error_is_that_of_rows_within_their_folds_times_the_factor(
    true: NDArray[np.int64],
) -> None:
    data = folded(true)
    predicted = some_wrong(data)

    sketch = scored(data, predicted).sketches["accuracy"]

    hits = (predicted == data.true).reshape(FOLDS, -1)
    within = (hits - hits.mean(axis=1, keepdims=True)).ravel()
    plain = math.sqrt((within**2).sum() / ROWS / (ROWS - 1))
    assert sketch.se == pytest.approx(plain * math.sqrt(1 + FOLDS / (FOLDS - 1)), rel=1e-12)


def test_repeats_average_the_influence_of_each_row(true: NDArray[np.int64]) -> None:
    data = folded(true, repeats=3)
    predicted = some_wrong(data)

    sketch = scored(data, predicted).sketches["accuracy"]

    hits = (predicted == data.true).reshape(3 * FOLDS, -1)
    within = (hits - hits.mean(axis=1, keepdims=True)).reshape(3, ROWS)
    of_row = np.zeros(ROWS)
    for repeat in range(3):
        of_row[data.rows[repeat * ROWS : (repeat + 1) * ROWS]] += within[repeat] / 3
    plain = math.sqrt((of_row**2).sum() / ROWS / (ROWS - 1))
    assert sketch.se == pytest.approx(plain * math.sqrt(1 + FOLDS / (FOLDS - 1)), rel=1e-12)
    assert sketch.rows == ROWS


def test_rows_of_a_group_are_one_observation(true: NDArray[np.int64]) -> None:
    groups = np.arange(ROWS) // 6
    by_rows, by_groups = (
        scored(data, np.where(groups[data.rows] < 3, 1 - data.true, data.true)).sketches["accuracy"]
        for data in (folded(true), folded(true, groups=groups))
    )
    assert (by_rows.groups, by_groups.groups) == (None, 10)
    assert by_groups.se > 1.8 * by_rows.se


def test_the_details_have_each_row_once(true: NDArray[np.int64]) -> None:
    data = folded(true, repeats=2)

    found = scored(data, some_wrong(data))

    assert sum(map(sum, found.details["confusion"])) == ROWS
    assert len(found.details["folds"]) == 2 * FOLDS


def test_a_metric_that_one_fold_cannot_have_has_no_mean_and_the_warning_names_the_fold() -> None:
    data = folded(np.zeros(ROWS, dtype=np.int64))
    data.true[:20] = [0, 1] * 10  # ones in the first and the second fold alone
    rules = ScoringRules(metrics=("accuracy", "roc_auc"), average=Average.BINARY, positive_label="1")
    probabilities = np.linspace(0, 1, ROWS)

    found = score_folds(
        data,
        Predictions(values=probabilities, output_kind=OutputKind.PROBA),
        rules=rules,
        target_kind=TargetKind.BINARY,
        classes=[0, 1],
        split="",
    )

    assert found.metrics["roc_auc"] is None
    assert "roc_auc" not in found.sketches
    assert any("roc_auc is undefined in fold 3 of 4" in warning for warning in found.details["warnings"])
    assert found.metrics["accuracy"] is not None


def test_one_fold_alone_is_scored_without_sketches(true: NDArray[np.int64]) -> None:
    data = folded(true)
    predicted = some_wrong(data)[15:30]

    found = score_fold(
        data,
        1,
        Predictions(values=predicted, output_kind=OutputKind.LABELS),
        rules=RULES,
        target_kind=TargetKind.BINARY,
        classes=[0, 1],
    )

    assert found.metrics["accuracy"] == pytest.approx((predicted == data.true[15:30]).mean())
    assert (found.sketches, found.curves) == ({}, {})


def test_too_few_predictions_are_refused(true: NDArray[np.int64]) -> None:
    with pytest.raises(BadPredictionsError, match="there are 59 predictions for 60 rows"):
        scored(folded(true), true[:59])
