"""Comparing recipes rather than fitted models: each candidate is fitted several times, with different seeds.

One fit of each shows only that one model is better than another. Whether its recipe (its class with its
parameters) is better also depends on how much the models of a recipe differ.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bakeoff.evaluation.statistics.p_values import two_sided_t
from bakeoff.evaluation.statistics.sketches.row_blocks import Floats
from bakeoff.evaluation.statistics.sketches.sketch import Sketch, variance_of_mean


@dataclass(frozen=True, kw_only=True)
class RecipeDifference:
    difference: float  #: a minus b
    variance: float
    df: float
    p_value: float  #: of this pair alone; of several, correct by Holm


def over_seeds(sketches: Sequence[Sketch]) -> Sketch:
    """One sketch of the same recipe, fitted with several seeds. Its score is the mean of theirs."""
    first = sketches[0]
    if any(sketch.value is None or len(sketch.sums) != len(first.sums) for sketch in sketches):
        return replace(first, value=None, sums=np.empty(0))
    values = np.array([sketch.value for sketch in sketches], dtype=np.float64)
    sums = np.column_stack([sketch.sums for sketch in sketches])
    return replace(
        first,
        value=float(values.mean()),
        sums=sums.mean(axis=1),
        # Mean scores of fits are no longer hits of trials: their interval goes by the logit.
        trials=None,
        hits=None,
        base=min(sketch.base for sketch in sketches),
        seeds=len(sketches),
        seed_variance=variance_of_mean(values) if first.is_estimable else 0.0,
    )


def compare_recipes(a: Floats, b: Floats) -> RecipeDifference:
    """`a` and `b`: what each row adds to the score, (rows, seeds), on the same rows; two seeds at least."""
    if a.shape != b.shape or a.shape[1] < 2:  # noqa: PLR2004 - one seed has no variance
        raise ValueError(
            f"expected the same rows and two seeds at least, got the shapes {a.shape} and {b.shape}"
        )
    rows, seeds = a.shape
    by_row = a.mean(axis=1) - b.mean(axis=1)
    of_rows = float(by_row.var(ddof=1)) / rows
    variance, uncertainty = of_rows, of_rows * of_rows / (rows - 1)
    for scores in (a, b):
        of_means = float(scores.mean(axis=0).var(ddof=1)) / seeds
        # The means of seeds also differ by what varies within rows, which is in `of_rows` already.
        left = scores - scores.mean(axis=1, keepdims=True) - scores.mean(axis=0) + scores.mean()
        within_rows = float((left**2).sum()) / ((rows - 1) * (seeds - 1)) / (rows * seeds)
        variance += max(of_means - within_rows, 0.0)
        uncertainty += of_means * of_means / (seeds - 1)
    difference = float(by_row.mean())
    if variance == 0:
        return RecipeDifference(
            difference=difference, variance=0.0, df=1.0, p_value=1.0 if difference == 0 else 0.0
        )
    df = variance * variance / uncertainty
    return RecipeDifference(
        difference=difference,
        variance=variance,
        df=df,
        p_value=two_sided_t(difference / math.sqrt(variance), df),
    )
