"""Choosing the highest of many scores: how much too high it is on average, though each score is unbiased.

Also the differences that a run can detect, and what repeated use of a test set does.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bakeoff.domain.runs.verdict import CorrectedScore
from bakeoff.evaluation.statistics.pairwise_comparison import ComparedScores, pairs_of
from bakeoff.evaluation.statistics.sketches.row_blocks import SEED
from bakeoff.evaluation.statistics.sketches.sketch import Sketch

#: Bags of blocks for the corrected score; its Monte-Carlo error is then far below the standard error.
BAGS = 1000

#: A difference is called detectable if such a share of runs would find it.
POWER = 0.8


def corrected_score(
    compared: ComparedScores, *, level: float = 0.05, bags: int = BAGS, seed: int = SEED
) -> CorrectedScore:
    """The highest score, corrected: choose in a bag of blocks, score outside of it, many times (BBC).

    Scores have the sign of `ComparedScores`. The interval reaches from below the corrected score to above the
    naive one: selection may have added anything between.
    """
    winner = int(np.argmax(compared.scores))
    naive = float(compared.scores[winner])
    corrected = min(_chosen_in_bag_scored_outside(compared, bags, seed), naive)
    half = float(special.ndtri(1 - level / 2)) * math.sqrt(compared.covariance[winner, winner])
    return CorrectedScore(
        candidate=compared.ids[winner], value=corrected, low=corrected - half, high=naive + half
    )


def minimum_detectable_difference(critical: float, se: float, *, power: float = POWER) -> float:
    """The smallest true difference that enough runs would find. `critical` is that of the run."""
    return (critical + float(special.ndtri(power))) * se


def planned_detectable_difference(
    rows: int, candidates: int, discordant: float, *, level: float = 0.05, power: float = POWER
) -> float:
    """The same before a run, for accuracy.

    `discordant`: the share of rows where exactly one of a pair is right.
    """
    se = math.sqrt(discordant / rows)
    return minimum_detectable_difference(planned_critical(candidates, level=level), se, power=power)


def planned_critical(candidates: int, *, level: float = 0.05) -> float:
    """The critical value to expect over all pairs of so many candidates: studentised range by root of two."""
    if candidates < 2:  # noqa: PLR2004 - a pair
        raise ValueError(f"two candidates at least can differ, got {candidates}")
    from scipy.stats import studentized_range  # slow to import, and only a plan needs it

    return float(studentized_range.ppf(1 - level, candidates, np.inf)) / math.sqrt(2)


def expected_flattery(looks: int, pair_se: float) -> float:
    """How much the best of so many scored candidates exceeds its true value, if all were equal.

    `pair_se` is the median standard error of the difference of two of them: of independent errors it is
    root two times that of one. Errors that all candidates have in common do not count.
    """
    return pair_se / math.sqrt(2) * expected_maximum(looks)


def expected_maximum(count: int) -> float:
    """The expected maximum of so many independent standard normal numbers."""
    if count < 1:
        raise ValueError(f"expected one look at least, got {count}")
    # E max = integral of (1 - F^n) over x > 0, minus the integral of F^n over x < 0.
    x = np.linspace(0.0, 12.0, 6001)
    above = -np.expm1(count * special.log_ndtr(x))
    below = np.exp(count * special.log_ndtr(-x))
    return float(np.trapezoid(above - below, x))


def adoption_level(look: int, *, level: float = 0.05) -> float:
    """Spending a test set: the one-sided level at which the t-th look may replace the champion.

    Over all looks, however many, these levels sum to `level`.
    """
    if look < 1:
        raise ValueError(f"looks are counted from 1, got {look}")
    return level / (look * (look + 1))


def p_of_being_better(proposed: Sketch, champion: Sketch, *, greater_is_better: bool) -> float:
    """The one-sided p-value of a pair that was named beforehand. IncomparableError: not the same rows."""
    named = {"champion": champion, "proposed": proposed}
    compared = ComparedScores.of(named, greater_is_better=greater_is_better)
    pairs = pairs_of(compared)  # of champion minus proposed
    return float(special.ndtr(pairs.claimable_z[0]))


def _chosen_in_bag_scored_outside(compared: ComparedScores, bags: int, seed: int) -> float:
    blocks = len(compared.sums)
    drawn = _bags(blocks, bags, seed)
    outside = (drawn == 0).astype(np.float64)
    left = outside.sum(axis=1)
    usable = left > 0  # of very few blocks, all may be in the bag
    if not usable.any():
        return float(compared.scores.max())
    outside, left = outside[usable], left[usable]
    # What a block adds in excess of being drawn once moves the score of the bag.
    chosen = (compared.scores + (drawn[usable] - 1.0) @ compared.sums).argmax(axis=1)
    scored = compared.scores + (outside @ compared.sums) / (left / blocks)[:, np.newaxis]
    return float(scored[np.arange(len(chosen)), chosen].mean())


@lru_cache(maxsize=2)
def _bags(blocks: int, bags: int, seed: int) -> NDArray[np.int16]:
    """How often each bag has each block. Cached, since drawing takes longer than everything else."""
    random = np.random.RandomState(seed)  # its stream is frozen for ever
    drawn = random.multinomial(blocks, np.full(blocks, 1 / blocks), size=bags).astype(np.int16)
    drawn.flags.writeable = False
    return drawn
