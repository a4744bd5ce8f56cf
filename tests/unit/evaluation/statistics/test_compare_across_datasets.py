"""Candidates compared over several datasets: signed ranks, mean ranks, and what is said of them."""

import numpy as np
import pytest
from scipy import stats

from bakeoff.domain.runs.suite import SuiteVerdict
from bakeoff.domain.runs.verdict import Standing
from bakeoff.evaluation.statistics.compare_across_datasets import (
    critical_difference,
    datasets_needed,
    judge_across,
    signed_rank_p,
)

#: AUC of four variants of a decision tree on fourteen datasets, as published by Demšar (2006), table 6.
PUBLISHED = {
    "adult": (0.763, 0.768, 0.771, 0.798),
    "breast-cancer": (0.599, 0.591, 0.590, 0.569),
    "wisconsin": (0.954, 0.971, 0.968, 0.967),
    "cmc": (0.628, 0.661, 0.654, 0.657),
    "ionosphere": (0.882, 0.888, 0.886, 0.898),
    "iris": (0.936, 0.931, 0.916, 0.931),
    "liver": (0.661, 0.668, 0.609, 0.685),
    "lung": (0.583, 0.583, 0.563, 0.625),
    "lymphography": (0.775, 0.838, 0.866, 0.875),
    "mushroom": (1.000, 1.000, 1.000, 1.000),
    "tumor": (0.940, 0.962, 0.965, 0.962),
    "rheum": (0.619, 0.666, 0.614, 0.669),
    "voting": (0.972, 0.981, 0.9752, 0.975),  # ranked 2 and 3 there, though both are printed as 0.975
    "wine": (0.957, 0.978, 0.946, 0.970),
}
NAMES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")


def published() -> SuiteVerdict:
    scores = {data: dict(zip(NAMES, row, strict=True)) for data, row in PUBLISHED.items()}
    return judge_across(scores, metric="roc_auc", greater_is_better=True)


def even_scores(datasets: int, candidates: int, *, lead: float = 0.0) -> dict[str, dict[str, float]]:
    draw = np.random.default_rng(3)
    return {
        f"d{place}": {
            f"m{which}": float(draw.normal(scale=0.01)) + lead * (which == 0) for which in range(candidates)
        }
        for place in range(datasets)
    }


def test_mean_ranks_and_critical_difference_are_the_published_ones() -> None:
    found = published()

    ranks = {one.id: round(one.mean_rank, 3) for one in found.candidates}
    assert ranks == {"C4.5": 3.143, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}
    assert found.critical_difference == pytest.approx(1.25, abs=0.01)


@pytest.mark.parametrize("rows", [6, 9, 14, 40])
@pytest.mark.parametrize("seed", range(5))
def test_p_values_without_ties_are_those_of_scipy(rows: int, seed: int) -> None:
    differences = np.random.default_rng(seed).normal(0.3, size=rows)

    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert signed_rank_p(differences) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_p_values_with_ties_and_zeros_are_those_of_all_signs(seed: int) -> None:
    differences = np.random.default_rng(seed).integers(-3, 5, size=9).astype(float)

    every = stats.PermutationMethod(n_resamples=np.inf)
    expected = stats.wilcoxon(differences, zero_method="pratt", method=every).pvalue
    assert signed_rank_p(differences) == pytest.approx(expected, rel=1e-9)


def test_the_published_pair_has_the_p_value_of_all_signs() -> None:
    differences = [row[1] - row[0] for row in PUBLISHED.values()]
    pair = next(one for one in published().pairs if {one.a, one.b} == {"C4.5", "C4.5+m"})

    # Published are ranks of 12 against 93, with those of two zeros dealt to both sides. Without them it is
    # 10.5 against 91.5: of all 4,096 choices of signs, 32 are no less far apart.
    assert signed_rank_p(differences) == 32 / 4096
    assert (pair.a_leads, pair.b_leads) == (2, 10)
    assert pair.p_value == 6 * 32 / 4096  # adjusted: the smallest of six


def test_no_difference_means_no_claim() -> None:
    assert signed_rank_p([0.0] * 8) == 1.0


def test_one_that_is_always_first_is_best_and_taken() -> None:
    found = judge_across(even_scores(10, 3, lead=1.0), metric="f1", greater_is_better=True)

    assert found.candidates[0].id == "m0"
    assert [one.standing for one in found.candidates] == [Standing.BEST, Standing.WORSE, Standing.WORSE]
    assert found.recommended == "m0"
    assert found.sentence.startswith("m0 is better than each of the others across 10 datasets")


def test_less_is_better_where_the_metric_is_an_error() -> None:
    found = judge_across(even_scores(10, 3, lead=1.0), metric="rmse", greater_is_better=False)

    assert found.candidates[-1].id == "m0"
    assert {pair.better for pair in found.pairs if "m0" in {pair.a, pair.b}} == {"m1", "m2"}


def test_equal_candidates_are_not_told_apart() -> None:
    found = judge_across(even_scores(12, 3), metric="f1", greater_is_better=True)

    assert {one.standing for one in found.candidates} == {Standing.TIED}
    assert "it is not told apart from" in found.sentence


def narrow_leads_and_large_gaps() -> dict[str, dict[str, float]]:
    """On six of 20 datasets a leads a little and b is last of five; on the others b is far ahead of a."""
    close = {"a": 0.801, "c": 0.8004, "d": 0.8003, "e": 0.8002, "b": 0.8}
    far = {"b": 0.9, "a": 0.8, "c": 0.7, "d": 0.6, "e": 0.5}
    return {f"d{place}": close if place < 6 else far for place in range(20)}


def test_one_that_another_is_shown_to_beat_is_not_taken_however_good_its_mean_rank() -> None:
    found = judge_across(narrow_leads_and_large_gaps(), metric="f1", greater_is_better=True)

    assert [(one.id, one.mean_rank) for one in found.candidates[:2]] == [("a", 1.7), ("b", 2.2)]
    pair = next(one for one in found.pairs if {one.a, one.b} == {"a", "b"})
    assert (pair.better, found.recommended) == ("b", "b")
    standings = {one.id: one.standing for one in found.candidates}
    assert (standings["a"], standings["b"]) == (Standing.WORSE, Standing.BEST)
    assert "a has the best mean rank" in found.sentence
    assert "but b is shown to be better than it by the signed ranks" in found.sentence
    assert "Take b" in found.sentence


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"a": 0.9, "b": 0.8}, "a shares the best mean rank, 1.5 of 2, with b;"),
        ({"a": 0.9, "b": 0.8, "c": 0.7}, "a shares the best mean rank, 1.5 of 3, with b;"),
    ],
)
def test_who_shares_the_best_mean_rank_is_not_said_to_have_it(scores: dict[str, float], said: str) -> None:
    other_way_round = {**scores, "a": scores["b"], "b": scores["a"]}
    found = judge_across({"one": scores, "two": other_way_round}, metric="f1", greater_is_better=True)

    assert said in found.sentence


def test_where_each_is_beaten_by_another_none_is_taken() -> None:
    """In a circle: b leads a on four of five datasets, c leads b, and so on until a leads e."""
    scores = {
        f"d{place}": {name: float((which + place) % 5) for which, name in enumerate("abcde")}
        for place in range(200)
    }

    found = judge_across(scores, metric="f1", greater_is_better=True)

    assert {one.standing for one in found.candidates} == {Standing.WORSE}
    assert found.recommended is None
    assert "each candidate is shown to be worse than another" in found.sentence


def test_nothing_is_recommended_where_no_difference_can_be_shown() -> None:
    found = judge_across(even_scores(6, 4, lead=1.0), metric="f1", greater_is_better=True)

    assert "no difference can be shown" in found.sentence
    assert found.recommended is None


@pytest.mark.parametrize("scale", [1e-14, 1e9])
def test_ties_are_the_same_whatever_the_unit_of_the_metric(scale: float) -> None:
    # Differences of scores that are equal on paper: 0.3 - 0.2 and 0.2 - 0.1 are not, as a computer has them.
    rows = [(0.3, 0.2), (0.2, 0.1), (0.1 + 0.2, 0.3), (0.5, 0.6), (0.9, 0.7), (0.4, 0.1), (0.6, 0.2)]
    scores = {f"d{place}": {"a": a * scale, "b": b * scale} for place, (a, b) in enumerate(rows)}

    (pair,) = judge_across(scores, metric="rmse", greater_is_better=True).pairs

    assert (pair.a_leads, pair.b_leads) == (5, 1)
    assert pair.p_value == 8 / 2**6


def test_fewer_than_five_datasets_are_refused() -> None:
    found = judge_across(even_scores(4, 2, lead=1.0), metric="f1", greater_is_better=True)

    assert found.sentence.startswith("4 datasets are too few to judge the candidates across them; at least 5")
    assert (found.pairs, found.recommended) == ((), None)


def test_it_is_said_when_no_difference_could_be_shown_at_all() -> None:
    found = judge_across(even_scores(6, 4, lead=1.0), metric="f1", greater_is_better=True)

    assert all(pair.better is None for pair in found.pairs)
    assert "no difference can be shown, however consistent: it takes 8 datasets" in found.sentence


@pytest.mark.parametrize("candidates", [2, 3, 5, 10])
def test_with_as_many_datasets_as_are_needed_a_clear_difference_is_shown(candidates: int) -> None:
    needed = datasets_needed(candidates, level=0.05)

    for datasets, is_shown in ((needed, True), (needed - 1, False)):
        found = judge_across(even_scores(datasets, candidates, lead=1.0), metric="f1", greater_is_better=True)
        assert any(pair.better == "m0" for pair in found.pairs) is is_shown


def test_scores_by_different_metrics_are_ranked_and_not_tested() -> None:
    found = judge_across(even_scores(8, 3, lead=1.0), metric=None, greater_is_better=True)

    assert found.candidates[0].mean_rank == 1.0
    assert found.pairs == ()
    assert "scored by different metrics" in found.sentence


def test_of_equal_candidates_one_is_called_better_in_at_most_one_suite_of_twenty() -> None:
    draw = np.random.default_rng(11)
    wrong = 0
    for _ in range(200):
        scores = {
            f"d{place}": dict(zip("abcd", map(float, draw.normal(size=4)), strict=True))
            for place in range(12)
        }
        found = judge_across(scores, metric="f1", greater_is_better=True)
        wrong += any(pair.better for pair in found.pairs)

    assert wrong <= 20  # 5 % of 200 are 10; 20 would be three standard errors above


@pytest.mark.parametrize("scores", [{}, {"d": {}, "e": {}}, {"d": {"m": 0.5}}])
def test_with_nothing_to_compare_that_is_said(scores: dict[str, dict[str, float]]) -> None:
    found = judge_across(scores, metric="f1", greater_is_better=True)

    assert "so there is nothing to compare" in found.sentence
    assert (found.pairs, found.recommended, found.critical_difference) == ((), None, None)


def test_the_critical_difference_is_that_of_the_table() -> None:
    # 2.728 is the value for five candidates in every table of Nemenyi's test.
    assert critical_difference(5, 30, level=0.05) == pytest.approx(2.728 * (30 / 180) ** 0.5, abs=1e-3)


def test_a_verdict_is_the_same_after_it_was_stored() -> None:
    found = published()

    assert SuiteVerdict.from_data(found.to_data()) == found
