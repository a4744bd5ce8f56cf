import numpy as np
import pytest

from bakeoff.evaluation.statistics.pairwise_comparison import ComparedScores, compare_all
from bakeoff.evaluation.statistics.winners_curse import (
    adoption_level,
    corrected_score,
    expected_flattery,
    expected_maximum,
    planned_critical,
    planned_detectable_difference,
)
from bakeoff.evaluation.statistics.within_margin import bounds_to_best, two_one_sided_tests


def equal_field(rng, candidates, rows=500):
    hits = (rng.uniform(size=(rows, candidates)) < 0.85).astype(float)
    scores = hits.mean(axis=0)
    ids = tuple(f"m{place:02}" for place in range(candidates))
    return ComparedScores(ids=ids, scores=scores, sums=(hits - scores) / rows, fewest_rows=6)


@pytest.mark.parametrize(("looks", "times"), [(10, 1.54), (20, 1.87), (50, 2.25), (100, 2.51), (1000, 3.24)])
def test_the_best_of_many_looks_flatters_itself(looks, times):
    assert round(expected_maximum(looks), 2) == times
    assert expected_flattery(looks, 0.01) == pytest.approx(0.01 / np.sqrt(2) * times, rel=0.004)


def test_a_single_look_flatters_nobody():
    assert expected_maximum(1) == pytest.approx(0, abs=1e-9)
    assert expected_maximum(2) == pytest.approx(1 / np.sqrt(np.pi), abs=1e-6)
    with pytest.raises(ValueError, match="one look at least, got 0"):
        expected_maximum(0)


@pytest.mark.parametrize(
    ("candidates", "critical"), [(2, 1.96), (5, 2.73), (10, 3.16), (20, 3.54), (30, 3.75), (50, 3.99)]
)
def test_the_critical_value_to_expect_grows_with_the_candidates(candidates, critical):
    assert planned_critical(candidates) == pytest.approx(critical, abs=0.011)


def test_ten_candidates_on_5000_rows_find_two_points():
    assert planned_detectable_difference(5000, 10, 0.165) == pytest.approx(0.023, abs=0.0005)
    with pytest.raises(ValueError, match="two candidates at least"):
        planned_detectable_difference(5000, 1, 0.165)


def test_levels_of_all_looks_sum_to_the_level():
    assert adoption_level(1) == 0.025
    assert sum(adoption_level(look) for look in range(1, 100_000)) == pytest.approx(0.05, abs=1e-5)
    with pytest.raises(ValueError, match="counted from 1, got 0"):
        adoption_level(0)


def test_the_corrected_score_takes_off_what_choosing_added():
    """Twenty equal candidates, 60 runs: the naive score is about 2.5 points too high."""
    rng = np.random.default_rng(11)
    naive, corrected = [], []
    for _ in range(60):
        field = equal_field(rng, 20)
        naive.append(field.scores.max())
        corrected.append(corrected_score(field, bags=150).value)
    assert np.mean(naive) - 0.85 > 0.02
    assert abs(np.mean(corrected) - 0.85) < 0.006


def test_the_corrected_score_is_never_above_the_naive_one_and_inside_its_interval():
    rng = np.random.default_rng(12)
    for rows in (3, 8, 100):
        field = equal_field(rng, 4, rows=rows)
        found = corrected_score(field, bags=50)
        assert found.value <= field.scores.max()
        assert found.low <= found.value <= found.high


def test_a_clear_winner_is_never_corrected_upwards():
    rng = np.random.default_rng(15)
    for _ in range(10):
        hits = (rng.uniform(size=(60, 2)) < [0.9, 0.2]).astype(float)
        scores = hits.mean(axis=0)
        compared = ComparedScores(ids=("a", "b"), scores=scores, sums=(hits - scores) / 60, fewest_rows=6)
        assert corrected_score(compared, bags=50).value <= scores[0]


def test_a_candidate_alone_is_not_corrected():
    field = equal_field(np.random.default_rng(13), 1)
    assert corrected_score(field).value == pytest.approx(field.scores[0], abs=1e-3)


def test_bounds_hold_the_gap_to_the_best_and_shrink_with_rows():
    rng = np.random.default_rng(14)
    few, many = (
        bounds_to_best(compare_all(equal_field(rng, 5, rows=rows), draws=1000)) for rows in (300, 30_000)
    )
    assert (few > 0.03).all()
    assert (many < 0.015).all()


def test_a_bound_that_rests_on_few_rows_reaches_further():
    hits = np.ones((100, 2))
    hits[:3, 1] = 0
    scores = hits.mean(axis=0)
    compared = ComparedScores(ids=("a", "b"), scores=scores, sums=(hits - scores) / 100, fewest_rows=6)
    comparison = compare_all(compared)
    usual = 0.03 + comparison.claims.critical * comparison.pairs.se[0]
    assert bounds_to_best(comparison)[1] > 1.1 * usual
    assert bounds_to_best(comparison)[0] == pytest.approx(bounds_to_best(comparison)[1] - 2 * 0.03)


def test_tost_asks_that_both_ends_are_within_the_margin():
    near = two_one_sided_tests(0.001, 0.002, 400, 0.01)
    assert near.is_equivalent
    assert near.p_value < 0.05
    unsure = two_one_sided_tests(0.001, 0.008, 400, 0.01)
    assert not unsure.is_equivalent
    assert unsure.p_value > 0.05
    lower = two_one_sided_tests(-0.008, 0.002, 400, 0.01)
    assert not lower.is_equivalent
    assert two_one_sided_tests(0.0, 0.0, 10, 0.01).is_equivalent
    with pytest.raises(ValueError, match="above 0, got -1"):
        two_one_sided_tests(0.0, 0.1, 10, -1)
