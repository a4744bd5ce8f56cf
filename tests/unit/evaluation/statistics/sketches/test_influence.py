"""Values equal scikit-learn's; influences equal what happens when one row weighs a little more."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from bakeoff.evaluation.statistics.sketches import influence_on_label_metrics, influence_on_score_metrics
from bakeoff.evaluation.statistics.sketches.metric_sketches import (
    LabelAnswers,
    exact_label_metrics,
    exact_value_metrics,
    label_sketches,
    other_sketch,
    value_sketches,
)
from bakeoff.evaluation.statistics.sketches.row_blocks import deal_rows, jackknife

CLASSES = 3
UNSEEN = 2
LABELS = CLASSES + UNSEEN
STEP = 1e-5


@st.composite
def labelled_rows(draw):
    rows = draw(st.integers(1, 12))
    true = draw(st.lists(st.integers(0, CLASSES - 1), min_size=rows, max_size=rows))
    predicted = draw(st.lists(st.integers(0, LABELS - 1), min_size=rows, max_size=rows))
    return np.array(true), np.array(predicted), draw(weights_of(rows)), draw(st.integers(0, rows - 1))


@st.composite
def scored_rows(draw, least=1):
    """Scores from a few values only, so that there are ties."""
    rows = draw(st.integers(least, 14))
    true = draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows))
    scores = draw(st.lists(st.sampled_from([0.1, 0.25, 0.4, 0.5, 0.8]), min_size=rows, max_size=rows))
    return np.array(true), np.array(scores), draw(weights_of(rows)), draw(st.integers(0, rows - 1))


def weights_of(rows):
    return st.none() | st.lists(
        st.floats(0.25, 4.0, allow_subnormal=False), min_size=rows, max_size=rows
    ).map(np.array)


def mapped(rows, weights):
    block_map = deal_rows(rows)
    return block_map if weights is None else block_map.weighted(weights)


def quietly(function, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*args, **options))


def derivative(value_of, rows, weights, row):
    """What `value_of(weights)` gains when one row weighs a little more, times the number of rows."""
    base = np.ones(rows) if weights is None else weights
    nudge = np.zeros(rows)
    nudge[row] = base[row] * STEP
    return rows * (value_of(base + nudge) - value_of(base - nudge)) / (2 * STEP)


def assert_agrees(value, influence_of_rows, value_of, weights, row):
    rows = len(influence_of_rows)
    expected = value_of(np.ones(rows) if weights is None else weights)
    assert value == pytest.approx(expected, abs=1e-12, nan_ok=True)
    if not np.isnan(expected):
        assert influence_of_rows[row] == pytest.approx(
            derivative(value_of, rows, weights, row), abs=1e-7, rel=1e-7
        )


SCIKIT = {
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "f1": metrics.f1_score,
}


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", "binary"])
@pytest.mark.parametrize("zero_division", [0.0, 1.0, np.nan])
@given(rows=labelled_rows(), ratio=st.sampled_from(list(SCIKIT)))
def test_ratios_equal_scikit_learn_and_their_influences_the_derivative(average, zero_division, rows, ratio):
    true, predicted, weights, row = rows
    counts = influence_on_label_metrics.count_labels(true, predicted, LABELS, mapped(len(true), weights))
    found = influence_on_label_metrics.averaged(
        ratio, counts, average=average, positive=1, zero_division=zero_division
    )
    one_label = {"labels": [1], "average": "macro"}  # the binary average, for predictions of other labels too
    options = one_label if average == "binary" else {"average": average}

    def value_of(w):
        return quietly(
            SCIKIT[ratio], true, predicted, sample_weight=w, zero_division=zero_division, **options
        )

    assert_agrees(found.value, found.of_rows(counts), value_of, weights, row)


@given(labelled_rows(), st.booleans())
def test_accuracies_equal_scikit_learn_and_their_influences_the_derivative(rows, balanced):
    true, predicted, weights, row = rows
    counts = influence_on_label_metrics.count_labels(true, predicted, LABELS, mapped(len(true), weights))
    ours = influence_on_label_metrics.balanced_accuracy if balanced else influence_on_label_metrics.accuracy
    theirs = metrics.balanced_accuracy_score if balanced else metrics.accuracy_score
    found = ours(counts)
    assert_agrees(
        found.value,
        found.of_rows(counts),
        lambda w: quietly(theirs, true, predicted, sample_weight=w),
        weights,
        row,
    )


@given(scored_rows())
def test_roc_auc_equals_scikit_learn_and_its_influence_the_derivative(rows):
    true, scores, weights, row = rows
    w = None if weights is None else mapped(len(true), weights).weights
    found = influence_on_score_metrics.roc_auc(true == 1, scores, w)
    assert_agrees(
        found.value,
        found.of_rows,
        lambda w: quietly(metrics.roc_auc_score, true, scores, sample_weight=w),
        weights,
        row,
    )


@given(scored_rows())
def test_average_precision_equals_scikit_learn_and_its_influence_the_derivative(rows):
    true, scores, weights, row = rows
    w = None if weights is None else mapped(len(true), weights).weights
    found = influence_on_score_metrics.average_precision(true == 1, scores, w)
    if not true.any():
        assert np.isnan(found.value)
        return
    assert_agrees(
        found.value,
        found.of_rows,
        lambda w: quietly(metrics.average_precision_score, true, scores, sample_weight=w),
        weights,
        row,
    )


@given(scored_rows(), st.integers(2, 4))
def test_losses_of_probabilities_equal_scikit_learn_and_their_influences_the_derivative(rows, classes):
    true, scores, weights, row = rows
    probabilities = np.full((len(true), classes), 0.0)
    probabilities[:, 1] = scores
    probabilities[:, [c for c in range(classes) if c != 1]] = ((1 - scores) / (classes - 1))[:, np.newaxis]
    w = None if weights is None else mapped(len(true), weights).weights
    for ours, theirs in (
        (influence_on_score_metrics.log_loss, metrics.log_loss),
        (influence_on_score_metrics.brier, metrics.brier_score_loss),
    ):
        found = ours(true, probabilities, w)
        assert_agrees(
            found.value,
            found.of_rows,
            lambda w, theirs=theirs: quietly(
                theirs, true, probabilities, sample_weight=w, labels=list(range(classes))
            ),
            weights,
            row,
        )


def test_certainty_that_is_wrong_costs_as_much_as_in_scikit_learn():
    true, probabilities = np.array([1, 0]), np.array([[1.0, 0.0], [1.0, 0.0]])
    expected = metrics.log_loss(true, probabilities)
    assert influence_on_score_metrics.log_loss(true, probabilities).value == pytest.approx(
        expected, abs=1e-12
    )
    assert expected > 15


VALUES = {
    "mae": metrics.mean_absolute_error,
    "mse": metrics.mean_squared_error,
    "rmse": metrics.root_mean_squared_error,
    "r2": metrics.r2_score,
}


@given(
    scored_rows(least=2),
    st.sampled_from(list(VALUES)),
    st.lists(st.integers(-8, 8), min_size=14, max_size=14),
)
def test_metrics_of_numbers_equal_scikit_learn_and_their_influences_the_derivative(rows, name, noise):
    _, true, weights, row = rows
    predicted = true + np.array(noise[: len(true)]) / 16
    w = None if weights is None else mapped(len(true), weights).weights
    found = getattr(influence_on_score_metrics, name)(true, predicted, w)
    if np.isnan(found.value):
        assert name == "r2"
        assert len(set(true)) == 1
        return
    if name == "rmse" and found.value == 0:
        assert not found.of_rows.any()  # a perfect score has no derivative
        return
    assert_agrees(
        found.value,
        found.of_rows,
        lambda w: quietly(VALUES[name], true, predicted, sample_weight=w),
        weights,
        row,
    )


def test_a_row_without_weight_has_no_influence_and_changes_nothing():
    true, scores = np.array([0, 1, 1, 0, 1]), np.array([0.95, 0.2, 0.6, 0.3, 0.9])
    weights = mapped(5, np.array([0.0, 1.0, 2.0, 1.0, 1.0])).weights
    for metric in (influence_on_score_metrics.roc_auc, influence_on_score_metrics.average_precision):
        found = metric(true == 1, scores, weights)
        without = metric(true[1:] == 1, scores[1:], np.array([1.0, 2.0, 1.0, 1.0]))
        assert found.value == pytest.approx(without.value, abs=1e-12)
        assert found.of_rows[0] == 0


@given(labelled_rows(), st.sampled_from(["macro", "weighted"]))
def test_sums_from_the_table_equal_sums_of_the_rows(rows, average):
    true, predicted, weights, _ = rows
    rows = len(true)
    few_blocks = mapped(rows, weights).coarser(3)
    counts = influence_on_label_metrics.count_labels(true, predicted, LABELS, few_blocks)
    found = influence_on_label_metrics.averaged("f1", counts, average=average)
    assert found.sums(counts) == pytest.approx(few_blocks.sums(found.of_rows(counts)), abs=1e-12)


def test_labels_too_many_for_a_table_give_the_same_sums(monkeypatch):
    rng = np.random.default_rng(1)
    true, predicted = rng.integers(0, 6, 200), rng.integers(0, 7, 200)
    for weights in (None, rng.uniform(0.5, 2, 200)):
        block_map = mapped(200, weights)
        with_table = influence_on_label_metrics.count_labels(true, predicted, 7, block_map)
        monkeypatch.setattr(influence_on_label_metrics, "_MOST_CELLS", 0)
        without = influence_on_label_metrics.count_labels(true, predicted, 7, block_map)
        monkeypatch.undo()
        assert without.by_block is None
        for name in ("hits", "support", "predicted", "true_rows", "predicted_rows", "hit_rows"):
            assert getattr(without, name) == pytest.approx(getattr(with_table, name))
        for average in ("macro", "weighted", "micro"):
            one, other = (
                influence_on_label_metrics.averaged("precision", counts, average=average)
                for counts in (with_table, without)
            )
            assert one.value == pytest.approx(other.value, abs=1e-12)
            assert one.sums(with_table) == pytest.approx(other.sums(without), abs=1e-12)


def test_all_right_has_no_variance_though_the_shares_of_the_classes_sum_to_a_little_less_than_1():
    true = np.repeat(np.arange(4), [18, 2, 19, 18])
    sketches = label_sketches(
        ["accuracy", "balanced_accuracy", "f1_macro", "precision_weighted", "recall_macro"],
        LabelAnswers(true=true, predicted=true, classes=4),
        deal_rows(57),
    )
    assert [sketch.sums.any() for sketch in sketches.values()] == [False] * 5


def test_jackknife_finds_the_standard_error_that_the_influences_have():
    rng = np.random.default_rng(5)
    true = rng.integers(0, 2, 1000)
    scores = rng.normal(size=1000) + true
    block_map = deal_rows(1000)
    value, sums = jackknife(lambda rows: metrics.roc_auc_score(true[rows], scores[rows]), block_map)
    exact = block_map.sums(influence_on_score_metrics.roc_auc(true == 1, scores).of_rows)
    assert value == pytest.approx(metrics.roc_auc_score(true, scores))
    assert len(sums) == 200
    assert np.sqrt((sums**2).sum() / (exact**2).sum() * 200 / 199 * 999 / 1000) == pytest.approx(1, abs=0.08)


def test_jackknife_of_a_weighted_mean_is_exact():
    rng = np.random.default_rng(6)
    losses, weights = rng.exponential(size=60), rng.uniform(0.5, 3, 60)
    block_map = deal_rows(60).weighted(weights)
    value, sums = jackknife(lambda rows: np.average(losses[rows], weights=weights[rows]), block_map)
    exact = block_map.sums((losses - value) * block_map.weights)
    assert sums == pytest.approx(exact, abs=1e-12)


def test_jackknife_takes_off_the_bias_of_what_is_left():
    losses = np.random.default_rng(7).exponential(size=40)
    _, sums = jackknife(lambda rows: losses[rows].std(), deal_rows(40))
    assert sums.sum() == pytest.approx(0, abs=1e-15)


def test_jackknife_claims_nothing_where_a_class_vanishes_with_a_block():
    true = np.array([0, 1, 1, 1])
    scores = np.array([0.1, 0.2, 0.3, 0.4])

    def auc(rows):
        return quietly(metrics.roc_auc_score, true[rows], scores[rows])

    sketch = other_sketch("my_auc", auc, deal_rows(4))
    assert sketch.value == 1
    assert not sketch.is_estimable
    assert jackknife(auc, deal_rows(4))[1].tolist() == []


def test_neg_scorers_are_the_losses_with_the_sign_turned():
    true, predicted = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    ours = value_sketches(
        ["mae", "neg_mean_absolute_error", "neg_root_mean_squared_error"], true, predicted, deal_rows(3)
    )
    assert ours["neg_mean_absolute_error"].value == -0.5
    assert ours["neg_mean_absolute_error"].sums.tolist() == (-ours["mae"].sums).tolist()
    assert ours["neg_root_mean_squared_error"].metric == "neg_root_mean_squared_error"
    assert ours["neg_root_mean_squared_error"].value == pytest.approx(-np.sqrt(1.25 / 3))


def test_which_metrics_are_exact_depends_on_what_was_answered():
    true = np.array([0, 1, 1])
    labels_only = LabelAnswers(true=true, predicted=true, classes=2, positive=1)
    proba = np.full((3, 2), 0.5)
    assert "roc_auc" not in exact_label_metrics(labels_only)
    with_proba = LabelAnswers(true=true, predicted=true, classes=2, positive=1, probabilities=proba)
    assert {"roc_auc", "average_precision", "neg_log_loss", "f1_macro"} <= exact_label_metrics(with_proba)
    multiclass = LabelAnswers(true=true, predicted=true, classes=3, probabilities=np.full((3, 3), 1 / 3))
    assert "roc_auc" not in exact_label_metrics(multiclass)
    assert "log_loss" in exact_label_metrics(multiclass)
    assert "neg_mean_squared_error" in exact_value_metrics()
    with pytest.raises(ValueError, match="no exact sketch of roc_auc for these answers"):
        label_sketches(["roc_auc"], labels_only, deal_rows(3))


def test_the_first_class_can_be_the_positive_one():
    rng = np.random.default_rng(2)
    true, p = rng.integers(0, 2, 50), rng.uniform(size=50)
    answers = LabelAnswers(
        true=true,
        predicted=(p > 0.5).astype(int),
        classes=2,
        positive=0,
        average="binary",
        probabilities=np.column_stack([1 - p, p]),
    )
    found = label_sketches(["f1", "roc_auc", "brier", "log_loss"], answers, deal_rows(50))
    assert found["f1"].value == pytest.approx(metrics.f1_score(true, answers.predicted, pos_label=0))
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(true == 0, 1 - p))
    assert found["brier"].value == pytest.approx(metrics.brier_score_loss(true, p))
    assert found["log_loss"].value == pytest.approx(metrics.log_loss(true, p))


def test_numbers_too_large_to_be_squared_are_undefined_and_do_not_fail():
    found = value_sketches(["mse", "mae"], np.array([1e200, 0.0]), np.array([-1e200, 0.0]), deal_rows(2))
    assert found["mse"].value is None
    assert found["mae"].value == 1e200


def test_names_with_an_average_do_what_the_scorers_of_scikit_learn_do_whatever_the_run_says():
    true, predicted = np.array([0, 1, 1, 2, 2]), np.array([0, 1, 1, 1, 1])
    answers = LabelAnswers(true=true, predicted=predicted, classes=3, average="weighted", zero_division=1.0)
    found = label_sketches(["precision_macro", "precision"], answers, deal_rows(5))
    assert found["precision_macro"].value == pytest.approx((1 + 0.5 + 0) / 3)
    assert found["precision"].value == pytest.approx((1 * 1 + 2 * 0.5 + 2 * 1) / 5)


def test_a_weighted_average_whose_weights_are_all_zero_is_the_plain_one_as_in_scikit_learn():
    true, predicted = np.array([0, 0]), np.array([3, 3])
    counts = influence_on_label_metrics.count_labels(true, predicted, LABELS, deal_rows(2))
    found = influence_on_label_metrics.averaged("precision", counts, average="weighted", zero_division=np.nan)
    theirs = metrics.precision_score(true, predicted, average="weighted", zero_division=np.nan)
    assert found.value == theirs == 0
