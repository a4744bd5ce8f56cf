"""The blocks of the test rows. Every statistic of this package is computed from sums over them.

The map from rows to blocks is a function of the split alone. All candidates of a split are summed over the
same blocks, so two of them can be subtracted block by block, and what they have in common cancels.

Rows are dealt to the blocks in turn, since the split has been shuffled. Rows that belong together (of one
patient, of one customer) stay together: a group is never divided between two blocks.

A metric whose influence function is unknown is computed again without one block after another (`jackknife`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

#: More blocks would not make the intervals better, fewer would.
MOST_BLOCKS = 2048

#: The seed of every stream of random numbers in this package. Another seed would change stored verdicts.
SEED = 20_261_129

#: The metric is computed once for each block, so there are fewer of them than for the metrics we know.
JACKKNIFE_BLOCKS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockMap:
    of_row: Ints  #: the block of each test row
    blocks: int  #: how many there are; in one fold of a cross-validation, some of them are empty
    weights: Floats | None = None  #: of each row, with mean one; None: all rows count alike
    groups: int | None = None  #: how many groups the rows form; None: each row stands for itself
    identity: str  #: the same for two maps only if rows, groups and weights are the same

    @property
    def rows(self) -> int:
        return len(self.of_row)

    def sums(self, influences: Floats) -> Floats:
        """The sums of influences over each block, divided by the number of all rows.

        There is one influence per row, with the weight of the row multiplied in.
        """
        return np.bincount(self.of_row, weights=influences, minlength=self.blocks) / self.rows

    def weighted(self, weights: NDArray[Any]) -> Self:
        """The same blocks, with rows that count unequally."""
        raw = np.asarray(weights, dtype=np.float64)
        if raw.shape != self.of_row.shape:
            raise ValueError(f"expected one weight for each of {self.rows} rows, got the shape {raw.shape}")
        if not (np.isfinite(raw).all() and (raw >= 0).all() and raw.any()):
            raise ValueError("weights must be finite, not negative, and not all zero")
        return replace(
            self, weights=raw * (self.rows / raw.sum()), identity=f"{self.identity}, weights {_digest(raw)}"
        )

    def fold(self, rows: Ints) -> Self:
        """The map of some of the rows.

        The blocks keep their numbers, so the sums of folds can be added up.
        """
        weights = self.weights
        if weights is not None:
            weights = weights[rows]
            weights = weights * (len(rows) / weights.sum())
        return replace(
            self, of_row=self.of_row[rows], weights=weights, identity=f"{self.identity}, fold {_digest(rows)}"
        )

    def coarser(self, most: int) -> Self:
        """The blocks merged until there are at most so many; no group is divided."""
        if self.blocks <= most:
            return self
        return replace(self, of_row=self.of_row % most, blocks=most)


def deal_rows(rows: int, *, split: str = "", most: int = MOST_BLOCKS) -> BlockMap:
    """Deals single rows. `split` is the address of the split, by which splits of equal size differ."""
    if rows < 1:
        raise ValueError(f"a split has one test row at least, got {rows}")
    blocks = min(rows, most)
    return BlockMap(of_row=np.arange(rows) % blocks, blocks=blocks, identity=f"{split}: {rows} rows")


def deal_groups(groups: NDArray[Any], *, split: str = "", most: int = MOST_BLOCKS) -> BlockMap:
    """Deals whole groups. `groups` names the group of each row."""
    _, code = np.unique(groups, return_inverse=True)
    count = int(code.max()) + 1
    blocks = min(count, most)
    # Names often carry an order (dates, sizes). A fixed permutation spreads neighbours over the blocks.
    lot = np.random.RandomState(SEED).permutation(count)  # its stream is frozen for ever
    of_row = (lot[code] % blocks).astype(np.intp)
    identity = f"{split}: {len(code)} rows, groups {_digest(of_row)}"
    return BlockMap(of_row=of_row, blocks=blocks, groups=count, identity=identity)


def _digest(array: NDArray[Any]) -> str:
    return blake2b(np.ascontiguousarray(array).tobytes(), digest_size=8).hexdigest()


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
