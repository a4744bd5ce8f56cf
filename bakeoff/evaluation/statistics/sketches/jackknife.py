"""The sketch of a metric whose influence function is unknown: leave out one block of rows after another."""

import math
from collections.abc import Callable

import numpy as np

from bakeoff.evaluation.statistics.sketches.blocks import BlockMap, Floats, Ints

#: The metric is computed once for each block, so there are fewer of them than for the metrics we know.
JACKKNIFE_BLOCKS = 200


def jackknife(metric: Callable[[Ints], float], block_map: BlockMap) -> tuple[float, Floats]:
    """The metric of all rows, and the influence sums of at most JACKKNIFE_BLOCKS blocks.

    `metric` is given the places of the rows to look at, and answers NaN where it is undefined for them. Where
    leaving out a block makes it undefined (a class has vanished), there are no sums: nothing is claimed then.
    """
    coarse = block_map.coarser(JACKKNIFE_BLOCKS)
    every = np.arange(coarse.rows)
    value = float(metric(every))
    if not math.isfinite(value) or coarse.blocks == 1:
        return value, np.empty(0)
    weights = np.ones(coarse.rows) if coarse.weights is None else coarse.weights
    share = coarse.sums(weights)
    sums = np.zeros(coarse.blocks)
    for block in np.flatnonzero(share):  # in one fold, and where all weights are zero, a block says nothing
        without = float(metric(every[coarse.of_row != block]))
        if not math.isfinite(without):
            return value, np.empty(0)
        sums[block] = (value - without) * (1 - share[block])
    # Influences have the mean zero; what the leave-one-out values have instead is their bias.
    return value, sums - sums.mean()
