import math
import sys
from types import ModuleType

import numpy as np
import pytest

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.metrics import score_sketches
from bakeoff.evaluation.metrics.custom_metric_function import load_metrics
from bakeoff.evaluation.metrics.score_predictions import Scores, score
from registry.columns.check_predictions import Predictions

TRUE = np.array([0, 1, 1, 0, 1, 0, 1, 1, 0, 0] * 8)
GUESS = np.where(np.arange(80) % 7 == 0, 1 - TRUE, TRUE)


def binary(*metrics: str, proba: bool = False, true: np.ndarray = TRUE) -> Scores:
    positive = np.where(np.arange(len(true)) % 7 == 0, 1 - true, true) * 0.6 + 0.2
    rules = ScoringRules(metrics=metrics, positive_label="1", average=Average.BINARY)
    return score(
        true,
        Predictions(
            values=positive if proba else GUESS[: len(true)],
            output_kind=OutputKind.PROBA if proba else OutputKind.LABELS,
        ),
        rules=rules,
        target_kind=TargetKind.BINARY,
        classes=[0, 1],
        split="s" * 64,
        functions=load_metrics(rules.custom),
    )


def test_each_metric_has_the_sketch_of_its_own_value() -> None:
    scores = binary("f1", "precision", "recall", "accuracy", "roc_auc", "average_precision", proba=True)

    assert {name: sketch.value for name, sketch in scores.sketches.items()} == pytest.approx(scores.metrics)
    assert all(sketch.rows == 80 for sketch in scores.sketches.values())


def test_an_interval_holds_its_value_and_rests_on_rows() -> None:
    scores = binary("f1", "accuracy")

    for name, interval in scores.intervals.items():
        assert interval.low < scores.metrics[name] < interval.high


def test_an_undefined_metric_has_neither_sketch_nor_interval() -> None:
    scores = binary("roc_auc", "accuracy", proba=True, true=np.zeros(40, dtype=int))

    assert scores.metrics["roc_auc"] is None
    assert set(scores.sketches) == set(scores.intervals) == {"accuracy"}


def test_a_metric_that_nothing_is_known_of_is_computed_without_one_block_after_another() -> None:
    scores = binary("matthews_corrcoef")

    sketch = scores.sketches["matthews_corrcoef"]
    assert sketch.value == pytest.approx(scores.metrics["matthews_corrcoef"])
    assert len(sketch.sums) == 80
    assert 0.03 < sketch.se < 0.2


def test_a_function_of_the_user_has_an_interval_too(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("a_metric_of_mine")
    module.hits = lambda true, predicted: float((true == predicted).mean())
    monkeypatch.setitem(sys.modules, "a_metric_of_mine", module)

    scores = binary("a_metric_of_mine:hits", "accuracy")

    assert scores.metrics["a_metric_of_mine:hits"] == scores.metrics["accuracy"]
    se = {name: sketch.se for name, sketch in scores.sketches.items()}
    assert se["a_metric_of_mine:hits"] == pytest.approx(se["accuracy"], rel=0.02)


def test_a_metric_that_takes_too_long_to_be_repeated_has_no_interval_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(score_sketches, "JACKKNIFE_BUDGET_S", 0.0)

    scores = binary("matthews_corrcoef", "f1")

    assert set(scores.sketches) == {"f1"}
    assert scores.details["warnings"] == [
        "matthews_corrcoef takes too long to be computed many times: it has no interval"
    ]


def test_a_regression_is_sketched_and_an_infinite_score_is_not() -> None:
    true = np.linspace(0, 1, 50)
    predictions = Predictions(values=true[::-1].copy(), output_kind=OutputKind.LABELS)
    scores = score(
        true,
        predictions,
        rules=ScoringRules(metrics=("r2", "mae", "rmse", "neg_root_mean_squared_error")),
        target_kind=TargetKind.REGRESSION,
        classes=[],
    )

    assert set(scores.sketches) == {"r2", "mae", "rmse", "neg_root_mean_squared_error"}
    interval = scores.intervals["neg_root_mean_squared_error"]
    assert interval.low < scores.metrics["neg_root_mean_squared_error"] < interval.high < 0
    assert all(math.isfinite(one.low) and math.isfinite(one.high) for one in scores.intervals.values())
