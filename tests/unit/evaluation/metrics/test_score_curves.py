"""Stored curves: small, and as exact as those of scikit-learn that have a vertex for each row."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from bakeoff.evaluation.metrics.score_curves import label_curves, value_curves


def answers(rows, *, seed=1, ties=None, share=0.3, skill=1.0):
    """True labels, and the probability of 1 that somebody with this skill says."""
    random = np.random.default_rng(seed)
    true = (random.random(rows) < share).astype(int)
    said = 1 / (1 + np.exp(-(skill * (2 * true - 1) + random.normal(size=rows))))
    return true, said if ties is None else np.round(said * ties) / ties


def curves_of(true, said, **beside):
    both = np.column_stack([1 - said, said])
    given = {"positive": 1, "probabilities": both, "decisions": None, **beside}
    curves = label_curves(true, (said >= 0.5).astype(int), **given)
    json.dumps(curves, allow_nan=False)
    return curves


@pytest.mark.parametrize(
    "case",
    [
        {"rows": 40},
        {"rows": 3000},
        {"rows": 50_000},
        {"rows": 50_000, "ties": 20},
        {"rows": 20_000, "share": 0.002},
        {"rows": 20_000, "share": 0.998},
        {"rows": 20_000, "skill": 0.0},
        {"rows": 20_000, "skill": 4.0},
        {"rows": 20_000, "skill": -1.0},
    ],
)
def test_curves_have_at_most_400_vertices_and_the_areas_of_scikit_learn(case):
    true, said = answers(**case)
    curves = curves_of(true, said)
    roc, found = curves["roc"], curves["precisionRecall"]

    assert len(roc["falsePositiveRate"]) == len(roc["truePositiveRate"]) == len(roc["thresholds"]) <= 400
    assert len(found["recall"]) == len(found["precision"]) == len(found["thresholds"]) <= 400
    assert roc["area"] == pytest.approx(roc_auc_score(true, said), abs=1e-5)
    assert auc(roc["falsePositiveRate"], roc["truePositiveRate"]) == pytest.approx(roc["area"], abs=1e-3)
    assert found["averagePrecision"] == pytest.approx(average_precision_score(true, said), abs=1e-5)
    precision, recall, _ = precision_recall_curve(true, said)
    drawn = np.trapezoid(found["precision"], found["recall"])
    assert drawn == pytest.approx(auc(recall[:-1], precision[:-1]), abs=1e-3)


def test_every_vertex_lies_on_the_curve_of_scikit_learn():
    true, said = answers(5000)
    roc = curves_of(true, said)["roc"]
    false_rate, true_rate, _ = roc_curve(true, said, drop_intermediate=False)
    theirs = {(round(x, 5), round(y, 5)) for x, y in zip(false_rate, true_rate, strict=True)}
    assert set(zip(roc["falsePositiveRate"], roc["truePositiveRate"], strict=True)) <= theirs


def test_a_threshold_says_from_which_score_on_rows_are_named_positive():
    curves = curves_of(np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9]))
    assert curves["roc"]["thresholds"] == [None, 0.9, 0.6, 0.4, 0.1]
    assert curves["roc"]["truePositiveRate"] == [0.0, 0.5, 0.5, 1.0, 1.0]
    assert curves["roc"]["falsePositiveRate"] == [0.0, 0.0, 0.5, 0.5, 1.0]
    assert curves["precisionRecall"]["precision"] == [1.0, 0.5, 0.66667, 0.5]
    assert curves["atThreshold"] == {"truePositiveRate": 0.5, "falsePositiveRate": 0.5, "precision": 0.5}


def test_calibration_has_bins_of_25_rows_or_more_and_equal_scores_share_one():
    for case in ({"rows": 60}, {"rows": 1000}, {"rows": 1000, "ties": 4}, {"rows": 20_000, "ties": 300}):
        true, said = answers(**case)
        bins = curves_of(true, said)["calibration"]
        assert sum(one["rows"] for one in bins) == case["rows"]
        assert min(one["rows"] for one in bins) >= 25
        assert len(bins) <= 10
        assert all(one["low"] <= one["observed"] <= one["high"] for one in bins)
    assert [round(one["predicted"], 2) for one in curves_of(*answers(1000, ties=2))["calibration"]] == [
        0.0,
        0.5,
        1.0,
    ]


def test_too_few_rows_before_many_equal_ones_join_them():
    true, said = np.arange(100) % 2, np.repeat([0.1, 0.2, 0.9], [10, 10, 80])
    assert [one["rows"] for one in curves_of(true, said)["calibration"]] == [100]
    assert [one["rows"] for one in curves_of(true, 1 - said)["calibration"]] == [100]


def test_the_interval_of_a_bin_is_that_of_wilson():
    true, said = np.r_[np.ones(20, int), np.zeros(20, int)], np.full(40, 0.5)
    [one] = curves_of(true, said)["calibration"]
    assert (one["observed"], one["low"], one["high"]) == (
        0.5,
        pytest.approx(0.352, abs=1e-3),
        pytest.approx(0.648, abs=1e-3),
    )


def test_scores_without_probabilities_have_curves_but_no_calibration():
    true, said = answers(500)
    curves = curves_of(true, said, probabilities=None, decisions=10 * said - 5)
    assert set(curves) == {"roc", "precisionRecall", "atThreshold"}


def test_the_first_class_may_be_the_positive_one():
    true, said = answers(500)
    turned = label_curves(1 - true, (said < 0.5).astype(int), positive=0, decisions=None,
                          probabilities=np.column_stack([said, 1 - said]))  # fmt: skip
    assert turned["roc"] == curves_of(true, said)["roc"]


def test_labels_alone_or_one_class_alone_have_no_curve():
    true, said = answers(100)
    assert curves_of(true, said, probabilities=None) == {}
    assert set(curves_of(np.ones(100, int), said)) == {"calibration"}
    assert curves_of(np.ones(3, int), said[:3]) == {"calibration": []}


def many_classes(rows=900, classes=3):
    random = np.random.default_rng(3)
    true = random.integers(0, classes, rows)
    probabilities = np.full((rows, classes), 0.2 / (classes - 1))
    hits = random.random(rows) < 0.8
    probabilities[np.arange(rows), np.where(hits, true, (true + 1) % classes)] = 0.8
    return true, probabilities


def test_of_many_classes_the_likeliest_is_held_against_what_came_true():
    true, probabilities = many_classes()
    curves = label_curves(
        true, probabilities.argmax(axis=1), positive=None, probabilities=probabilities, decisions=None
    )
    [one] = curves["calibration"]
    assert (one["predicted"], one["rows"]) == (pytest.approx(0.8), 900)
    assert one["observed"] == pytest.approx(0.8, abs=0.03)


def test_the_curve_of_many_classes_is_the_mean_of_each_against_the_rest():
    true, probabilities = many_classes()
    noise = np.random.default_rng(4).random(probabilities.shape)
    said = (probabilities + noise) / (probabilities + noise).sum(axis=1, keepdims=True)
    roc = label_curves(true, said.argmax(axis=1), positive=None, probabilities=said, decisions=None)["roc"]
    expected = roc_auc_score(true, said, multi_class="ovr", average="macro")
    assert (roc["area"], roc["classes"]) == (pytest.approx(expected, abs=1e-5), 3)
    assert auc(roc["falsePositiveRate"], roc["truePositiveRate"]) == pytest.approx(expected, abs=1e-3)
    assert len(roc["thresholds"]) == 400


def test_classes_without_rows_are_left_out_of_the_mean():
    true, probabilities = many_classes()
    wider = np.column_stack([probabilities, np.zeros(len(true))])
    given = {"positive": None, "decisions": None}
    codes = probabilities.argmax(axis=1)
    both = [label_curves(true, codes, probabilities=each, **given)["roc"] for each in (probabilities, wider)]
    assert both[0] == both[1]
    alone = label_curves(np.zeros(50, int), np.zeros(50, int), probabilities=wider[:50], **given)
    assert set(alone) == {"calibration"}


def test_numbers_have_residuals_and_the_truth_beside_what_was_predicted():
    random = np.random.default_rng(4)
    predicted = random.normal(size=2000)
    curves = value_curves(predicted + random.normal(scale=0.1, size=2000), predicted)
    json.dumps(curves, allow_nan=False)
    histogram, bins = curves["residuals"], curves["predictedTrue"]
    assert sum(histogram["counts"]) + histogram["below"] + histogram["above"] == 2000
    assert len(histogram["edges"]) == len(histogram["counts"]) + 1 == 41
    assert len(value_curves(predicted[:100], predicted[1:101])["residuals"]["counts"]) == 10
    assert [one["rows"] for one in bins] == [100] * 20
    assert all(one["low"] < one["median"] < one["high"] for one in bins)


@pytest.mark.parametrize("true", [np.array([1.0, np.inf]), np.array([]), np.array([1e308, -1e308])])
def test_numbers_that_cannot_be_drawn_have_no_curves(true):
    with np.errstate(all="ignore"):
        assert value_curves(true, -true) == {}


_FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(_FINITE, _FINITE), max_size=60), st.booleans())
def test_whatever_numbers_are_predicted_there_is_json(rows, constant):
    true, predicted = (np.array([row[side] for row in rows], dtype=float) for side in (0, 1))
    with np.errstate(all="ignore"):
        true = predicted + true[0] if constant and rows else true
        json.dumps(value_curves(true, predicted), allow_nan=False)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), _FINITE, _FINITE), min_size=1, max_size=60),
    st.sampled_from([None, 0, 1]),
)
def test_whatever_labels_and_scores_are_predicted_there_is_json(rows, positive):
    true, codes, first, second = (np.array([row[side] for row in rows]) for side in range(4))
    true = true if positive is None else np.minimum(true, 1)
    unit = np.column_stack([np.abs(np.tanh(first)), np.abs(np.tanh(second)), np.abs(np.tanh(first + 1))])
    for probabilities, decisions in ((unit, None), (None, first), (unit, second), (None, None)):
        curves = label_curves(
            true, codes, positive=positive, probabilities=probabilities, decisions=decisions
        )
        json.dumps(curves, allow_nan=False)


def test_equal_residuals_have_a_histogram_too():
    assert sum(value_curves(np.ones(50), np.zeros(50))["residuals"]["counts"]) == 50
    nearly = np.where(np.arange(50) % 2, 1.0, np.nextafter(1.0, 2.0))
    assert sum(value_curves(nearly, np.zeros(50))["residuals"]["counts"]) == 50
