"""Sealed rows: test rows on which only the winner is scored, after it has been chosen.

Which rows they are follows from the split alone, so they are the same in every run on it.
"""

import zlib

import numpy as np
from numpy.typing import NDArray


def rows_of(split: str, rows: int, *, seal: float, sealed: bool) -> NDArray[np.intp]:
    """The numbers of the sealed rows, or of the others, in order. At least one row is not sealed."""
    count = min(round(rows * seal), rows - 1)
    shuffled = np.random.RandomState(zlib.crc32(split.encode())).permutation(rows)  # its stream is frozen
    return np.sort(shuffled[:count] if sealed else shuffled[count:])
