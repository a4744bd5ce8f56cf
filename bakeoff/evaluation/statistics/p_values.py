"""P-values of single comparisons, and Holm's correction of several."""

from collections.abc import Sequence

import numpy as np
from scipy import special

from bakeoff.evaluation.statistics.sketches.row_blocks import Floats


def holm(p_values: Sequence[float]) -> Floats:
    """P-values adjusted for their number.

    Give those of all pairs, and not only those with the best candidate: the data have chosen that one.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]))
    return adjusted


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """The two-sided p-value for two classifiers, by the rows that only a and that only b has right."""
    discordant = only_a + only_b
    if discordant == 0:
        return 1.0
    return min(1.0, 2 * float(special.bdtr(min(only_a, only_b), discordant, 0.5)))


def two_sided_t(statistic: float, df: float) -> float:
    return float(2 * special.stdtr(df, -abs(statistic)))


def normal_scores(statistics: Floats, df: Floats) -> Floats:
    """Normal scores with the same tail as t has with its own degrees of freedom."""
    # Tails below 1e-300 are rounded to zero, so the score stops at 37, which is large enough.
    tails = np.maximum(special.stdtr(df, -np.abs(statistics)), 1e-300)
    scores: Floats = np.sign(statistics) * np.minimum(-special.ndtri(tails), 37.0)
    return scores


def t_scores(score: float, df: Floats) -> Floats:
    """The way back from a normal score, for the width of intervals."""
    scores: Floats = -special.stdtrit(df, special.ndtr(-score))
    return scores
