import math

import numpy as np
import pytest

from bakeoff.evaluation.statistics.score_intervals import interval, wilson
from bakeoff.evaluation.statistics.sketches.metric_sketches import (
    LabelAnswers,
    label_sketches,
    other_sketch,
    value_sketches,
)
from bakeoff.evaluation.statistics.sketches.row_blocks import deal_groups, deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import IntervalKind, make_sketch


def answers_of(true, predicted):
    return LabelAnswers(
        true=np.array(true), predicted=np.array(predicted), classes=2, positive=1, average="binary"
    )


def test_groups_and_weights_send_a_proportion_to_the_logit():
    rng = np.random.default_rng(3)
    true = rng.integers(0, 2, 200)
    answers = answers_of(true, np.where(rng.uniform(size=200) < 0.8, true, 1 - true))
    by_rows = deal_rows(200)
    maps = {
        "rows": by_rows,
        "weights": by_rows.weighted(rng.uniform(0.5, 2, 200)),
        "groups": deal_groups(np.arange(200) // 10),
    }
    sketches = {name: label_sketches(["accuracy"], answers, one)["accuracy"] for name, one in maps.items()}
    trials = wilson(sketches["rows"].value, 200)
    found = {name: interval(sketch) for name, sketch in sketches.items()}
    assert (found["rows"].low, found["rows"].high) == trials
    assert (found["weights"].low, found["weights"].high) != trials
    logit_half = {
        name: (math.log(one.high / (1 - one.high)) - math.log(one.low / (1 - one.low))) / 2
        for name, one in found.items()
    }
    middle = {
        name: (math.log(one.high / (1 - one.high)) + math.log(one.low / (1 - one.low))) / 2
        for name, one in found.items()
    }
    for name in ("weights", "groups"):
        value = sketches[name].value
        assert middle[name] == pytest.approx(math.log(value / (1 - value)))
    assert logit_half["groups"] > 0


def test_a_perfect_score_by_groups_rests_on_the_groups():
    answers = answers_of([0, 1] * 30, [0, 1] * 30)
    sketch = label_sketches(["accuracy"], answers, deal_groups(np.repeat(np.arange(12), 5)))["accuracy"]
    found = interval(sketch)
    assert (found.low, found.high) == wilson(1.0, 12)
    assert found.rests_on is None


def test_an_interval_on_few_rows_says_so():
    few = interval(
        label_sketches(["recall"], answers_of([1] * 4 + [0] * 30, [1] * 3 + [0] * 31), deal_rows(34))[
            "recall"
        ]
    )
    assert few.rests_on == 4
    many = interval(
        label_sketches(["recall"], answers_of([1] * 10 + [0] * 30, [1] * 40), deal_rows(40))["recall"]
    )
    assert many.rests_on is None
    outlier = np.zeros(50)
    outlier[0] = 9.0
    assert interval(value_sketches(["mae"], outlier, np.zeros(50), deal_rows(50))["mae"]).rests_on == 1


def test_a_perfect_regression_has_no_width_and_is_marked():
    true = np.arange(30.0)
    found = interval(value_sketches(["rmse"], true, true, deal_rows(30))["rmse"])
    assert (found.low, found.high, found.rests_on) == (0, 0, 0)
    perfect = interval(value_sketches(["r2"], true, true, deal_rows(30))["r2"])
    assert (perfect.low, perfect.high) == (1, 1)


def test_undefined_metrics_have_no_interval():
    one_class = LabelAnswers(
        true=np.ones(30, dtype=int),
        predicted=np.ones(30, dtype=int),
        classes=2,
        positive=1,
        average="binary",
        scores=np.arange(30.0),
    )
    assert interval(label_sketches(["roc_auc"], one_class, deal_rows(30))["roc_auc"]) is None
    constant = value_sketches(["r2"], np.full(30, 0.1), np.arange(30.0), deal_rows(30))["r2"]
    assert constant.value is None
    assert interval(constant) is None
    nobody_called = label_sketches(["precision"], answers_of([1, 0], [0, 0]), deal_rows(2))["precision"]
    assert nobody_called.value == 0
    assert interval(nobody_called) is None


def test_minus_a_loss_has_the_interval_of_the_loss_turned():
    rng = np.random.default_rng(4)
    true, predicted = rng.normal(size=80), rng.normal(size=80)
    found = value_sketches(["mse", "neg_mean_squared_error"], true, predicted, deal_rows(80))
    loss, turned = interval(found["mse"]), interval(found["neg_mean_squared_error"])
    assert (turned.low, turned.high) == (-loss.high, -loss.low)
    assert 0 < loss.low < found["mse"].value < loss.high


def test_a_metric_of_unknown_range_has_a_symmetric_interval_and_may_be_negative():
    rng = np.random.default_rng(5)
    gains = rng.normal(size=400)
    sketch = other_sketch("mine:profit", lambda rows: gains[rows].mean(), deal_rows(400))
    found = interval(sketch)
    assert found.low < 0
    assert found.high - sketch.value == pytest.approx(sketch.value - found.low)
    assert found.high - found.low == pytest.approx(2 * 1.96 * gains.std() / 20, rel=0.1)


def test_a_hopelessly_wide_interval_is_still_finite():
    sketch = make_sketch("rmse", 1e-9, np.array([1.0, -1.0]), deal_rows(2), kind=IntervalKind.LOSS, base=2)
    assert math.isfinite(interval(sketch).high)


def test_a_higher_level_is_a_narrower_interval():
    sketch = label_sketches(["f1"], answers_of([1, 0] * 40, [1, 0, 1, 1] * 20), deal_rows(80))["f1"]
    assert interval(sketch, level=0.1).low > interval(sketch).low


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_the_smallest_test_sets_have_intervals_or_none_but_never_fail(rows):
    true = np.arange(rows) % 2
    answers = LabelAnswers(
        true=true,
        predicted=np.zeros(rows, dtype=int),
        classes=2,
        positive=1,
        average="binary",
        probabilities=np.tile([0.6, 0.4], (rows, 1)),
    )
    names = ["accuracy", "precision", "f1", "f1_macro", "roc_auc", "log_loss", "neg_brier_score", "recall"]
    for sketch in label_sketches(names, answers, deal_rows(rows)).values():
        found = interval(sketch)
        assert found is None or found.low <= sketch.value <= found.high
    for sketch in value_sketches(["mae", "r2", "rmse"], true * 1.0, true * 0.5, deal_rows(rows)).values():
        found = interval(sketch)
        assert found is None or found.low <= sketch.value <= found.high


def test_a_perfect_ranking_rests_on_the_rarer_class_and_perfect_precision_on_the_positives():
    true = np.array([1] * 43 + [0] * 7)
    answers = LabelAnswers(true=true, predicted=true, classes=2, positive=1, scores=true * 1.0)
    found = label_sketches(["roc_auc", "average_precision"], answers, deal_rows(50))
    auc, precision = (interval(found[name]) for name in ("roc_auc", "average_precision"))
    assert (auc.low, auc.high, auc.rests_on) == (*wilson(1.0, 7), 7)
    assert (precision.low, precision.high, precision.rests_on) == (*wilson(1.0, 43), None)
