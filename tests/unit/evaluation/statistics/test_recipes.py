"""Scores over several seeds: what the seeds add to the variance, and what a verdict over recipes claims."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bakeoff.evaluation.statistics.compare_across_seeds import compare_recipes, over_seeds
from bakeoff.evaluation.statistics.pairwise_comparison import ComparedScores, compare_all, pairs_of
from bakeoff.evaluation.statistics.sketches.row_blocks import deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import IntervalKind, Sketch, as_blocks, make_sketch


def a_sketch(hits: NDArray[np.float64]) -> Sketch:
    block_map = deal_rows(len(hits), split="one for all")
    sums = block_map.sums(hits - hits.mean())
    return make_sketch("accuracy", hits.mean(), sums, block_map, kind=IntervalKind.PROPORTION, base=len(hits))


def of_recipe(hits: NDArray[np.float64]) -> Sketch:
    """`hits`: (rows, seeds)."""
    return over_seeds([a_sketch(column) for column in hits.T])


def hits_of(
    random: np.random.RandomState, *, rows: int, seeds: int, seed_sd: float, common: NDArray
) -> NDArray:
    """Fits of one recipe, each better or worse than its mean by chance, right on mostly the same rows."""
    level = 0.8 + random.normal(scale=seed_sd, size=seeds)
    own = random.random((rows, seeds))
    drawn = np.where(random.random((rows, seeds)) < 0.6, common[:, None], own)
    return (drawn < level).astype(float)


@pytest.mark.parametrize("seeds", [3, 4, 5, 8, 10])
def test_the_blocks_of_seeds_have_the_variance_and_the_degrees_of_freedom(seeds: int) -> None:
    squares = as_blocks(0.04, seeds) ** 2

    assert squares.sum() == pytest.approx(0.04, rel=1e-12)
    assert 2 * squares.sum() ** 2 / (squares**2).sum() == pytest.approx(seeds - 1, rel=1e-9)


def test_the_variance_of_a_difference_is_that_of_its_rows_and_that_of_the_seeds_of_both() -> None:
    random = np.random.RandomState(4)
    common = random.random(500)
    a, b = (hits_of(random, rows=500, seeds=5, seed_sd=0.02, common=common) for _ in range(2))

    compared = ComparedScores.of({"a": of_recipe(a), "b": of_recipe(b)}, greater_is_better=True)
    pair = pairs_of(compared)

    of_rows = (a.mean(axis=1) - b.mean(axis=1)).var(ddof=1) / 500
    of_seeds = sum(hits.mean(axis=0).var(ddof=1) / 5 for hits in (a, b))
    assert pair.difference[0] == pytest.approx(a.mean() - b.mean(), abs=1e-12)
    assert pair.se[0] ** 2 == pytest.approx(of_rows + of_seeds, rel=1e-9)
    assert pair.se[0] ** 2 >= compare_recipes(a, b).variance


def test_equal_recipes_are_told_apart_no_more_often_than_promised_which_single_fits_are() -> None:
    random = np.random.RandomState(8)
    claims = {"one fit": 0, "recipes": 0}
    for _ in range(100):
        common = random.random(1000)
        hits = [hits_of(random, rows=1000, seeds=5, seed_sd=0.02, common=common) for _ in range(4)]
        for name, make in {"one fit": lambda one: a_sketch(one[:, 0]), "recipes": of_recipe}.items():
            sketches = {str(place): make(one) for place, one in enumerate(hits)}
            compared = ComparedScores.of(sketches, greater_is_better=True)
            found = compare_all(compared, draws=500)
            claims[name] += bool((found.claims.p_values <= 0.05).any())

    assert claims["one fit"] > 40  # of 100
    assert claims["recipes"] <= 7


def test_a_sketch_over_seeds_comes_back_from_its_bytes() -> None:
    random = np.random.RandomState(3)
    sketch = of_recipe(hits_of(random, rows=200, seeds=3, seed_sd=0.05, common=random.random(200)))

    again = Sketch.from_bytes(sketch.to_bytes())

    assert sketch.seed_variance > 0
    assert (again.se, again.n_eff, again.seeds) == (sketch.se, sketch.n_eff, 3)


def test_fits_that_do_not_differ_add_nothing() -> None:
    hits = (np.random.RandomState(0).random(300) < 0.7).astype(float)

    assert of_recipe(np.column_stack([hits] * 3)).se == pytest.approx(a_sketch(hits).se)
