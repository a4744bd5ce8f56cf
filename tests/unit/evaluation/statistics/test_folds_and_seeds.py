import numpy as np
import pytest

from bakeoff.evaluation.statistics.compare_across_seeds import compare_recipes
from bakeoff.evaluation.statistics.cross_validated_scores import (
    mean_interval,
    nadeau_bengio,
    out_of_fold,
    posterior,
    variance_factor,
)
from bakeoff.evaluation.statistics.score_intervals import interval, wilson
from bakeoff.evaluation.statistics.sketches.metric_sketches import LabelAnswers, label_sketches
from bakeoff.evaluation.statistics.sketches.row_blocks import deal_groups, deal_rows


def fold_sketches(true, predicted, folds, block_map, metric="accuracy"):
    parts = np.array_split(np.arange(len(true)), folds)
    return [
        label_sketches(
            [metric],
            LabelAnswers(true=true[rows], predicted=predicted[rows], classes=2, positive=1, average="binary"),
            block_map.fold(rows),
        )[metric]
        for rows in parts
    ]


def answers(rows, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 2, rows)
    return true, np.where(rng.uniform(size=rows) < 0.8, true, 1 - true)


def test_the_score_is_the_mean_of_the_folds_and_its_variance_that_of_the_rows_times_the_factor():
    true, predicted = answers(100)
    folds = fold_sketches(true, predicted, 5, deal_rows(100))
    whole = out_of_fold([folds])
    assert whole.value == pytest.approx(np.mean([fold.value for fold in folds]))
    assert whole.rows == 100
    within = [(true[rows] == predicted[rows]).var() for rows in np.array_split(np.arange(100), 5)]
    assert whole.se**2 == pytest.approx((1 + 5 / 4) * np.mean(within) / 100 * 100 / 99)


def test_repeats_are_averaged_before_anything_is_squared():
    true, predicted = answers(60)
    once = fold_sketches(true, predicted, 3, deal_rows(60))
    again = out_of_fold([once, once])
    assert again.sums == pytest.approx(out_of_fold([once]).sums)
    assert again.rows == 60
    assert again.se == pytest.approx(out_of_fold([once]).se)


def test_mean_scores_of_folds_go_by_the_logit_and_perfect_ones_by_the_rows():
    true, predicted = answers(100)
    found = interval(out_of_fold([fold_sketches(true, predicted, 5, deal_rows(100))]))
    assert (found.low, found.high) != wilson(0.8, 100)
    perfect = interval(out_of_fold([fold_sketches(true, true, 5, deal_rows(100))]))
    assert (perfect.low, perfect.high) == wilson(1.0, 100 / 2.25)
    by_group = deal_groups(np.arange(100) // 5)
    grouped = interval(out_of_fold([fold_sketches(true, true, 5, by_group)]))
    assert (grouped.low, grouped.high) == wilson(1.0, 20 / 2.25)


def test_a_metric_undefined_in_one_fold_is_undefined():
    one_class_last = np.array([0, 1] * 10 + [1] * 20)
    block_map = deal_rows(40)
    folds = [
        label_sketches(
            ["roc_auc"],
            LabelAnswers(
                true=one_class_last[rows],
                predicted=one_class_last[rows],
                classes=2,
                positive=1,
                scores=np.arange(20.0),
            ),
            block_map.fold(rows),
        )["roc_auc"]
        for rows in np.array_split(np.arange(40), 2)
    ]
    assert folds[0].value is not None
    assert out_of_fold([folds]).value is None


def test_a_score_that_is_a_convention_in_one_fold_counts_but_nothing_is_claimed_of_it():
    true = np.array([1] * 10 + [0, 1] * 5)
    predicted = np.array([1] * 5 + [0] * 5 + [0] * 10)
    whole = out_of_fold([fold_sketches(true, predicted, 2, deal_rows(20), metric="precision")])
    assert whole.value == 0.5  # 1 in the first fold, and the zero division in the second
    assert not whole.is_estimable


def test_weights_and_unequal_folds_still_sum_to_zero():
    true, predicted = answers(50)
    block_map = deal_rows(50).weighted(np.random.default_rng(1).uniform(0.5, 2, 50))
    whole = out_of_fold([fold_sketches(true, predicted, 4, block_map)])
    assert whole.sums.sum() == pytest.approx(0, abs=1e-12)


def test_other_folds_have_another_identity():
    true, predicted = answers(60)
    three, four = (out_of_fold([fold_sketches(true, predicted, k, deal_rows(60))]) for k in (3, 4))
    assert three.split != four.split
    with pytest.raises(ValueError, match=r"the same number of folds, got \[3, 4\]"):
        out_of_fold([fold_sketches(true, predicted, k, deal_rows(60)) for k in (3, 4)])


def test_a_cross_validation_has_two_folds_at_least():
    assert variance_factor(2) == 3
    assert variance_factor(10) == pytest.approx(1 + 10 / 9)
    with pytest.raises(ValueError, match="two folds at least, got 1"):
        variance_factor(1)


def test_fold_differences_that_never_vary_are_certain():
    assert nadeau_bengio(np.zeros(5), 5).p_value == 1
    assert nadeau_bengio(np.full(5, 0.25), 5).p_value == 0
    assert posterior(np.full(5, 0.25), 5, 0.1) == (0, 0, 1)
    low, high = mean_interval(np.array([0.8, 0.82, 0.84, 0.8, 0.84]), 5)
    assert low == pytest.approx(0.7818, abs=2e-3)
    assert high == pytest.approx(0.8582, abs=2e-3)


def test_two_recipes_whose_fits_vary_are_not_told_apart_by_their_rows():
    rng = np.random.default_rng(2)
    rows = rng.uniform(size=(2000, 1)) * np.ones((1, 5))
    seeds = 0.05 * rng.standard_normal((1, 5))
    noise = 0.01 * rng.standard_normal((2000, 5))
    found = compare_recipes(rows + seeds + noise, rows + 0.05 * rng.standard_normal((1, 5)))
    by_rows_alone = (noise.mean(axis=1)).std(ddof=1) / np.sqrt(2000)
    assert np.sqrt(found.variance) > 20 * by_rows_alone
    assert found.df < 10


def test_recipes_that_always_answer_the_same_are_equal():
    scores = np.ones((30, 3))
    assert compare_recipes(scores, scores).p_value == 1
    assert compare_recipes(scores, 0 * scores).p_value == 0
    with pytest.raises(ValueError, match="two seeds at least"):
        compare_recipes(np.ones((5, 1)), np.ones((5, 1)))
