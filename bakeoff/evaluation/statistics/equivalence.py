"""Equivalence: being within a margin of the best, which a tie does not show. The user gives the margin."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from bakeoff.evaluation.statistics.comparison import Comparison
from bakeoff.evaluation.statistics.p_values import t_scores
from bakeoff.evaluation.statistics.sketches.blocks import Floats


@dataclass(frozen=True, kw_only=True)
class EquivalenceTest:
    low: float  #: of the interval whose both ends must be within the margin
    high: float
    p_value: float
    is_equivalent: bool


def bounds_to_best(comparison: Comparison) -> Floats:
    """How far each candidate can be behind the best, at most; all bounds hold at once.

    The bound of a difference that rests on few rows is wider: by t with as few degrees of freedom.
    """
    pairs, critical = comparison.pairs, comparison.claims.critical
    reach = np.where(pairs.may_be_claimed, critical, t_scores(critical, pairs.df)) * pairs.se
    bounds = np.zeros(len(comparison.compared.ids))
    np.maximum.at(bounds, pairs.b, pairs.difference + reach)
    np.maximum.at(bounds, pairs.a, reach - pairs.difference)
    return bounds


def two_one_sided_tests(
    difference: float, se: float, df: float, margin: float, *, level: float = 0.05
) -> EquivalenceTest:
    """TOST, for one pair that was named beforehand: its 90 % interval lies within the margin."""
    if margin <= 0:
        raise ValueError(f"a margin is a difference above 0, got {margin}")
    half = float(special.stdtrit(df, 1 - level)) * se
    low, high = difference - half, difference + half
    if se == 0:
        p = 0.0 if abs(difference) < margin else 1.0
    else:
        p = float(special.stdtr(df, (abs(difference) - margin) / se))
    return EquivalenceTest(low=low, high=high, p_value=p, is_equivalent=-margin < low and high < margin)
