"""Densities of differences: where they lie, how wide and how skewed they are, and which are left out."""

import numpy as np
import pytest

from bakeoff.evaluation.statistics import difference_densities as module
from bakeoff.evaluation.statistics.difference_densities import DifferenceDensity, difference_densities
from bakeoff.evaluation.statistics.pairwise_comparison import ComparedScores, pairs_of
from bakeoff.evaluation.statistics.sketches.row_blocks import deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import IntervalKind, Sketch, make_sketch


def sketch_of(values: np.ndarray) -> Sketch:
    block_map = deal_rows(len(values), split="s")
    sums = block_map.sums(values - values.mean())
    return make_sketch("score", values.mean(), sums, block_map, kind=IntervalKind.BOUNDED, base=20)


def moments(density: DifferenceDensity) -> tuple[float, float, float]:
    """Mean, standard deviation and skewness of what is drawn."""
    levels = np.array([int(level, 36) for level in density.levels], dtype=float)
    at = density.low + (np.arange(len(levels)) + 0.5) * (density.high - density.low) / len(levels)
    share = levels / levels.sum()
    mean = float((share * at).sum())
    spread = float(np.sqrt((share * (at - mean) ** 2).sum()))
    return mean, spread, float((share * (at - mean) ** 3).sum()) / spread**3


@pytest.fixture(scope="module")
def sketches() -> dict[str, Sketch]:
    rng = np.random.default_rng(3)
    common = rng.normal(size=2000)
    return {
        name: sketch_of(skill + common + 0.4 * rng.normal(size=2000))
        for name, skill in {"a": 0.8, "b": 0.78, "c": 0.5}.items()
    }


def test_a_density_lies_about_the_difference_and_is_as_wide_as_its_standard_error(
    sketches: dict[str, Sketch],
) -> None:
    found = {(one.a, one.b): one for one in difference_densities(sketches, {}, greater_is_better=True)}
    compared = ComparedScores.of(sketches, greater_is_better=True)
    pairs = pairs_of(compared)
    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    for place, density in enumerate(found.values()):
        mean, spread, _ = moments(density)
        assert mean == pytest.approx(pairs.difference[place], abs=0.1 * pairs.se[place])
        assert spread == pytest.approx(pairs.se[place], rel=0.1)
        assert (len(density.levels), max(density.levels)) == (56, "z")


def test_of_a_loss_the_density_has_the_sign_of_the_metric(sketches: dict[str, Sketch]) -> None:
    (first, *_) = difference_densities(sketches, {}, greater_is_better=False)
    assert (first.a, first.b) == ("a", "b")
    assert moments(first)[0] == pytest.approx(sketches["a"].value - sketches["b"].value, abs=0.003)


def test_a_difference_that_few_rows_decide_is_seen_to_be_skewed() -> None:
    plain = np.random.default_rng(5).normal(scale=0.01, size=1200)
    few = plain.copy()
    few[::200] += 8.0  # six rows in which one is far better
    (density,) = difference_densities(
        {"a": sketch_of(few), "b": sketch_of(plain)}, {}, greater_is_better=True
    )
    assert moments(density)[2] > 0.25


def test_a_reference_is_compared_with_each_and_may_be_called_like_a_candidate(
    sketches: dict[str, Sketch],
) -> None:
    only = {"a": sketches["a"]}
    found = difference_densities(only, {"a": sketches["c"]}, greater_is_better=True)
    assert [(one.a, one.b) for one in found] == [("a", "a")]
    assert moments(found[0])[0] == pytest.approx(0.3, abs=0.05)


def test_two_that_are_wrong_in_the_same_rows_have_none_and_one_alone_neither(
    sketches: dict[str, Sketch],
) -> None:
    assert difference_densities({"a": sketches["a"], "z": sketches["a"]}, {}, greater_is_better=True) == []
    assert difference_densities({"a": sketches["a"]}, {}, greater_is_better=True) == []


def test_of_many_candidates_those_with_the_highest_scores_are_kept(
    sketches: dict[str, Sketch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_CANDIDATES", 2)
    [of_scores] = difference_densities(sketches, {}, greater_is_better=True)
    [of_losses] = difference_densities(sketches, {}, greater_is_better=False)
    assert [(one.a, one.b) for one in (of_scores, of_losses)] == [("a", "b"), ("b", "c")]


def test_blocks_count_as_often_as_poisson_numbers_say_and_are_drawn_apart() -> None:
    errors = module.resampled_errors(np.eye(3), draws=30_001, seed=1) / np.sqrt(3 / 2)
    assert errors.shape == (3, 30_001)
    shares = [float(np.isclose(errors, times - 1).mean()) for times in range(4)]
    assert shares == pytest.approx([0.3679, 0.3679, 0.1839, 0.0613], abs=0.006)
    assert np.corrcoef(errors) == pytest.approx(np.eye(3), abs=0.02)


def test_the_same_sketches_give_the_same_density(sketches: dict[str, Sketch]) -> None:
    once, again = (difference_densities(sketches, {}, greater_is_better=True) for _ in range(2))
    assert [one.to_data() for one in once] == [one.to_data() for one in again]
