"""How much the fits of one recipe differ: what several seeds add to the variance of its mean score.

A sketch of one fit says how the score would vary over other rows. The mean over R seeds also varies with the
seeds, independently for each candidate. That part joins the sketch as a few blocks that no other candidate
has: so every comparison counts the variances of both of a pair, and nothing cancels.

Scores of seeds differ in part by what varies from fit to fit within rows, and the variance over rows has a
share of that, too. It is not taken off: with five seeds, taking it off led to false claims in 7 to 11 % of
simulated runs of 4 to 10 equal recipes; as it is, in 1 to 4 %.
"""

import math

import numpy as np

from bakeoff.domain.design import FEWEST_SEEDS
from bakeoff.evaluation.statistics.sketches.blocks import Floats


def variance_of_mean(values: Floats) -> float:
    """The variance that seeds add to the mean of the scores, of which there is one per seed."""
    return float(values.var(ddof=1)) / len(values)


def as_blocks(variance: float, seeds: int) -> Floats:
    """Block sums with this variance, which Satterthwaite's formula counts with seeds - 1 degrees of freedom.

    They are twice the square of the sum of squares by the sum of fourth powers. So the squares have to sum to
    the variance, and the fourth powers to 2/(seeds - 1) of its square.
    """
    if variance <= 0 or seeds < FEWEST_SEEDS:
        return np.empty(0)
    wanted = 2 / (seeds - 1)
    number = math.ceil(1 / wanted)
    if number == 1:
        return np.array([math.sqrt(variance)])
    # One share p, and the rest in equal shares: p^2 + (1 - p)^2 / (number - 1) = wanted.
    rest = 1 / (number - 1)
    discriminant = max(rest * rest - (1 + rest) * (rest - wanted), 0.0)
    first = (rest + math.sqrt(discriminant)) / (1 + rest)
    shares = np.array([first, *[(1 - first) * rest] * (number - 1)])
    return np.asarray(np.sqrt(variance * shares))
