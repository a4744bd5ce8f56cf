"""Weighted scores equal scikit-learn's with sample_weight, and say how surely they are known."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as theirs

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import Design, TargetKind
from bakeoff.evaluation.metrics.score_folds import FoldedRows, score_folds
from bakeoff.evaluation.metrics.score_predictions import Scores, score
from registry.columns.check_predictions import Predictions

RANDOM = np.random.RandomState(6)
TRUE = RANDOM.randint(0, 2, 200)
POSITIVE = np.clip(TRUE * 0.3 + RANDOM.random(200) * 0.7, 0.01, 0.99)
WEIGHTS = RANDOM.exponential(size=200) * (RANDOM.random(200) > 0.1)  # some rows do not count at all
PREDICTED = (POSITIVE >= 0.5).astype(int)


def scored(names: tuple[str, ...], weights: NDArray[np.float64] | None = WEIGHTS) -> Scores:
    return score(
        TRUE,
        Predictions(values=POSITIVE, output_kind=OutputKind.PROBA),
        rules=ScoringRules(metrics=names, average=Average.BINARY, positive_label="1"),
        target_kind=TargetKind.BINARY,
        classes=[0, 1],
        weights=weights,
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", theirs.accuracy_score(TRUE, PREDICTED, sample_weight=WEIGHTS)),
        ("f1", theirs.f1_score(TRUE, PREDICTED, sample_weight=WEIGHTS)),
        ("precision", theirs.precision_score(TRUE, PREDICTED, sample_weight=WEIGHTS)),
        ("recall", theirs.recall_score(TRUE, PREDICTED, sample_weight=WEIGHTS)),
        ("balanced_accuracy", theirs.balanced_accuracy_score(TRUE, PREDICTED, sample_weight=WEIGHTS)),
        ("roc_auc", theirs.roc_auc_score(TRUE, POSITIVE, sample_weight=WEIGHTS)),
        ("neg_log_loss", -theirs.log_loss(TRUE, POSITIVE, sample_weight=WEIGHTS)),
        ("matthews_corrcoef", theirs.matthews_corrcoef(TRUE, PREDICTED, sample_weight=WEIGHTS)),
    ],
)
def test_a_weighted_metric_is_that_of_scikit_learn_and_has_an_interval(name: str, expected: float) -> None:
    found = scored((name,))

    assert found.metrics[name] == pytest.approx(expected, rel=1e-9)
    assert found.sketches[name].weighted
    assert found.intervals[name].low < expected < found.intervals[name].high


def test_weighted_errors_of_numbers_are_those_of_scikit_learn() -> None:
    true, predicted = POSITIVE * 10, POSITIVE * 9 + TRUE
    found = score(
        true,
        Predictions(values=predicted, output_kind=OutputKind.SCORE),
        rules=ScoringRules(metrics=("mae", "rmse", "r2")),
        target_kind=TargetKind.REGRESSION,
        classes=[],
        weights=WEIGHTS,
    ).metrics

    assert found["mae"] == pytest.approx(theirs.mean_absolute_error(true, predicted, sample_weight=WEIGHTS))
    assert found["rmse"] == pytest.approx(
        theirs.root_mean_squared_error(true, predicted, sample_weight=WEIGHTS)
    )
    assert found["r2"] == pytest.approx(theirs.r2_score(true, predicted, sample_weight=WEIGHTS))


def test_equal_weights_change_nothing() -> None:
    plain, weighted = scored(("f1", "roc_auc"), None), scored(("f1", "roc_auc"), np.full(200, 3.0))

    assert weighted.metrics == pytest.approx(plain.metrics)
    assert weighted.sketches["f1"].se == pytest.approx(plain.sketches["f1"].se)


def test_each_fold_is_weighted_by_its_own_rows() -> None:
    found = score_folds(
        FoldedRows(
            design=Design(folds=4),
            true=TRUE,
            rows=np.arange(200),
            sizes=[(150, 50)] * 4,
            weights=WEIGHTS,
        ),
        Predictions(values=PREDICTED, output_kind=OutputKind.LABELS),
        rules=ScoringRules(metrics=("accuracy",), average=Average.BINARY, positive_label="1"),
        target_kind=TargetKind.BINARY,
        classes=[0, 1],
        split="",
    )

    expected = [
        theirs.accuracy_score(TRUE[rows], PREDICTED[rows], sample_weight=WEIGHTS[rows])
        for rows in np.split(np.arange(200), 4)
    ]
    assert [fold["metrics"]["accuracy"] for fold in found.details["folds"]] == pytest.approx(expected)
    assert found.sketches["accuracy"].weighted
