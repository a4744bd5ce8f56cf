"""Exact cases, computed once by a plain script and held against scikit-learn, statsmodels and baycomp."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from bakeoff.evaluation.statistics.compare_across_seeds import compare_recipes
from bakeoff.evaluation.statistics.cross_validated_scores import nadeau_bengio, posterior, variance_factor
from bakeoff.evaluation.statistics.p_values import holm, mcnemar_exact
from bakeoff.evaluation.statistics.pairwise_comparison import ComparedScores, compare_all, draw, pairs_of
from bakeoff.evaluation.statistics.score_intervals import interval
from bakeoff.evaluation.statistics.sketches.metric_sketches import (
    LabelAnswers,
    label_sketches,
    value_sketches,
)
from bakeoff.evaluation.statistics.sketches.row_blocks import deal_groups, deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import IntervalKind, make_sketch
from bakeoff.evaluation.statistics.winners_curse import corrected_score, minimum_detectable_difference
from bakeoff.evaluation.statistics.within_margin import bounds_to_best

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text())["cases"]


def near(expected, tolerance=1e-9):
    return pytest.approx(expected, abs=tolerance, rel=tolerance)


def assert_as_golden(sketch, golden):
    found = interval(sketch)
    assert sketch.value == near(golden["theta"])
    assert sketch.se == near(golden["se"])
    assert sketch.n_eff == near(golden["n_eff"])
    assert [found.low, found.high] == near(golden["interval"])


def binary():
    rs = np.random.RandomState(7)
    true = (rs.rand(60) < 0.4).astype(int)
    scores = np.round(rs.randn(60) + 1.2 * true, 2)
    p = 1 / (1 + np.exp(-(scores - 0.5)))
    answers = LabelAnswers(
        true=true,
        predicted=(p >= 0.5).astype(int),
        classes=2,
        positive=1,
        average="binary",
        probabilities=np.column_stack([1 - p, p]),
        scores=scores,
    )
    return answers, deal_rows(60)


@pytest.mark.parametrize("metric", list(GOLDEN["binary"]["out"]))
def test_metrics_of_two_classes(metric):
    sketch = label_sketches([metric], *binary())[metric]
    assert_as_golden(sketch, GOLDEN["binary"]["out"][metric])
    # A block per row, so the sums are the influences.
    assert (sketch.sums[:3] * 60).tolist() == near(GOLDEN["binary"]["out"][metric]["psi_first3"])


@pytest.mark.parametrize("metric", list(GOLDEN["multiclass"]["out"]))
def test_averages_over_classes(metric):
    rs = np.random.RandomState(8)
    true = rs.choice(4, 120, p=[0.5, 0.3, 0.15, 0.05])
    predicted = np.where(rs.rand(120) < 0.7, true, rs.choice(4, 120))
    answers = LabelAnswers(true=true, predicted=predicted, classes=4)
    sketch = label_sketches([metric], answers, deal_rows(120))[metric]
    assert_as_golden(sketch, GOLDEN["multiclass"]["out"][metric])


@pytest.mark.parametrize("metric", list(GOLDEN["regression"]["out"]))
def test_metrics_of_a_regression(metric):
    rs = np.random.RandomState(9)
    true = rs.randn(80) * 2 + 1
    sketch = value_sketches([metric], true, true + rs.randn(80), deal_rows(80))[metric]
    assert_as_golden(sketch, GOLDEN["regression"]["out"][metric])


def five_models():
    rs = np.random.RandomState(10)
    latent = 0.8 * rs.randn(400, 1) + 0.6 * rs.randn(400, 4)
    hits = (latent < stats.norm.ppf([0.90, 0.84, 0.83, 0.75])).astype(float)
    return np.column_stack([hits, hits[:, 1]])


def field_of(hits, inflate=1.0):
    scores = hits.mean(axis=0)
    sums = (hits - scores) / len(hits) * math.sqrt(inflate)
    return ComparedScores(ids=tuple("abcdefgh"[: hits.shape[1]]), scores=scores, sums=sums, fewest_rows=6)


def test_pairs_of_five_models_of_which_two_are_the_same():
    golden = GOLDEN["pairs"]
    comparison = compare_all(field_of(five_models()))
    pairs = comparison.pairs

    assert comparison.compared.scores.tolist() == near(golden["theta"])
    assert pairs.a.tolist() == golden["a"]
    assert pairs.b.tolist() == golden["b"]
    assert pairs.difference.tolist() == near(golden["delta"])
    assert pairs.se.tolist() == near(golden["se"])
    assert pairs.n_eff.tolist() == near(golden["n_eff"])
    assert pairs.df.tolist() == near(golden["df"])
    assert pairs.t.tolist() == near(golden["t"])
    assert pairs.z.tolist() == near(golden["z"])
    assert pairs.is_certain.tolist() == golden["zero"]
    assert comparison.claims.critical == near(golden["critical"])
    assert comparison.claims.p_values.tolist() == near(golden["adjusted"], 2e-4)
    assert comparison.may_be_best.tolist() == golden["mcs"]
    assert comparison.best_p.tolist() == near(golden["mcs_p"], 2e-4)
    assert bounds_to_best(comparison).tolist() == near(golden["gap_upper"])
    assert minimum_detectable_difference(comparison.claims.critical, pairs.se[0]) == near(
        golden["mdd_pair01"]
    )


def test_step_down_equals_its_definition():
    comparison = compare_all(field_of(five_models()))
    pairs = comparison.pairs
    drawn = draw(comparison.compared.covariance)
    se = np.where(pairs.se > 0, pairs.se, np.inf)
    largest = np.abs(drawn[pairs.a] - drawn[pairs.b]) / se[:, np.newaxis]
    order = np.argsort(-np.abs(pairs.z), kind="stable")
    before, expected = 0.0, np.empty(len(order))
    for place, pair in enumerate(order):
        exceeding = (largest[order[place:]].max(axis=0) >= abs(pairs.z[pair])).sum()
        before = max(before, (1 + exceeding) / 10_001)
        expected[pair] = before
    expected[pairs.are_equal] = 1
    assert comparison.claims.p_values.tolist() == near(expected.tolist(), 1e-12)


def test_the_winner_of_five_models():
    found = corrected_score(field_of(five_models()), bags=500)
    assert found.candidate == "a"
    assert found.value == near(GOLDEN["winner"]["corrected"])
    assert [found.low, found.high] == near(GOLDEN["winner"]["interval"])


def test_mcnemar_of_two_of_them():
    hits = five_models()
    only_first = int(((hits[:, 0] == 1) & (hits[:, 3] == 0)).sum())
    only_second = int(((hits[:, 0] == 0) & (hits[:, 3] == 1)).sum())
    expected = GOLDEN["mcnemar exact, models 0 and 3 (for scale, not the default)"]
    assert mcnemar_exact(only_first, only_second) == pytest.approx(expected, rel=1e-9)
    assert mcnemar_exact(0, 0) == 1
    assert mcnemar_exact(3, 3) == 1


def hits_sketch(hits, block_map):
    sums = block_map.sums(hits - hits.mean())
    return make_sketch("hit", hits.mean(), sums, block_map, kind=IntervalKind.BOUNDED, base=30)


def test_more_rows_than_blocks():
    golden = GOLDEN["blocks"]
    hits = (np.random.RandomState(11).rand(5000) < 0.9).astype(float)
    sketch = hits_sketch(hits, deal_rows(5000))
    assert len(sketch.sums) == golden["G"]
    assert [sketch.value, sketch.se, sketch.n_eff] == near([golden["theta"], golden["se"], golden["n_eff"]])


def test_rows_in_groups():
    golden = GOLDEN["groups"]
    rs = np.random.RandomState(12)
    group = np.repeat(np.arange(30), 20)
    hits = ((rs.randn(30)[group] + rs.randn(600)) < 1.5).astype(float)
    sketch = hits_sketch(hits, deal_groups(group))
    assert len(sketch.sums) == golden["G"]
    assert_as_golden(sketch, golden)


def test_weighted_f1():
    golden = GOLDEN["weights"]
    rs = np.random.RandomState(13)
    weights = rs.rand(50) + 0.5
    true = (rs.rand(50) < 0.5).astype(int)
    predicted = np.where(rs.rand(50) < 0.8, true, 1 - true)
    answers = LabelAnswers(true=true, predicted=predicted, classes=2, positive=1, average="binary")
    sketch = label_sketches(["f1"], answers, deal_rows(50).weighted(weights))["f1"]
    assert [sketch.value, sketch.se, sketch.n_eff] == near([golden["theta"], golden["se"], golden["n_eff"]])


def test_the_corrected_t_of_fold_scores_and_its_posterior():
    golden = GOLDEN["nadeau_bengio"]
    differences = np.random.RandomState(14).randn(50) * 0.03 + 0.01
    found = nadeau_bengio(differences, 10)
    assert [found.difference, found.se, found.df, found.p_value] == near(
        [golden["mean"], golden["se"], golden["df"], golden["p"]]
    )
    assert list(posterior(differences, 10, 0.01)) == near(GOLDEN["bayesian_rope"]["probs"])


def test_holm():
    assert holm(GOLDEN["holm"]["p"]).tolist() == near(GOLDEN["holm"]["adjusted"])


def test_grid_search_example_of_scikit_learn():
    from sklearn.datasets import make_moons
    from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
    from sklearn.svm import SVC

    golden = GOLDEN["sklearn plot_grid_search_stats"]
    X, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    rbf, linear = (
        cross_val_score(SVC(kernel=kernel, random_state=0), X, y, scoring="roc_auc", cv=folds)
        for kernel in ("rbf", "linear")
    )
    found = nadeau_bengio(rbf - linear, 10)
    assert [found.difference / found.se, found.df] == near([golden["t"], golden["df"]])
    assert [found.p_value, found.p_value / 2] == near([golden["p_two_sided"], golden["p_one_sided"]])


def test_out_of_fold_rows():
    rs = np.random.RandomState(15)
    hits = (rs.rand(100, 3) < [0.9, 0.8, 0.7]).astype(float)
    pairs = pairs_of(field_of(hits, inflate=variance_factor(5)))
    assert pairs.se.tolist() == near(GOLDEN["cv_rows"]["se"])
    assert pairs.z.tolist() == near(GOLDEN["cv_rows"]["z"])


def test_recipes_fitted_with_several_seeds():
    rs = np.random.RandomState(16)
    row = rs.randn(200, 1)
    a = ((row + 0.5 * rs.randn(200, 4) + 0.1 * rs.randn(1, 4)) < 1.2).astype(float)
    b = ((row + 0.5 * rs.randn(200, 4) + 0.1 * rs.randn(1, 4)) < 1.0).astype(float)
    found = compare_recipes(a, b)
    assert [found.difference, found.variance, found.df, found.p_value] == near(GOLDEN["seeds"]["out"])


def plain_sketch(kind, value, sums=(), **more):
    sums = np.asarray(sums, dtype=float)
    return make_sketch("m", value, sums, deal_rows(50), kind=kind, base=more.pop("base", 50), **more)


@pytest.mark.parametrize(
    ("case", "sketch"),
    [
        ("all right, n=50", plain_sketch(IntervalKind.PROPORTION, 1.0, trials=50, hits=50)),
        ("f1 of 1, union 12", plain_sketch(IntervalKind.JACCARD, 1.0, trials=12, hits=12)),
        ("auc of 1, rarer class 7", plain_sketch(IntervalKind.BOUNDED, 1.0, np.zeros(50), base=7)),
        ("perfect regression: rmse", plain_sketch(IntervalKind.LOSS, 0.0, np.zeros(10))),
    ],
)
def test_intervals_at_the_edge(case, sketch):
    found = interval(sketch)
    assert [found.low, found.high] == near(GOLDEN["edges"][case])


def test_no_predicted_positives_have_no_precision():
    assert interval(plain_sketch(IntervalKind.PROPORTION, 0.0, trials=0, hits=0)) is None


@pytest.mark.parametrize(
    ("case", "scores"),
    [("identical models", [0.5, 0.5]), ("constant difference, no variance", [-1.0, -1.2])],
)
def test_differences_without_variance(case, scores):
    golden = GOLDEN["edges"][case]
    column = np.array([0.25, -0.25])
    pairs = pairs_of(
        ComparedScores(
            ids=("a", "b"), scores=np.array(scores), sums=np.column_stack([column, column]), fewest_rows=6
        )
    )
    assert pairs.is_certain.tolist() == golden["zero"]
    assert pairs.difference.tolist() == near(golden.get("delta", [0.0]))
    assert pairs.z.tolist() == near(golden.get("z", [0.0]))
