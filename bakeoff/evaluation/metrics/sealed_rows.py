"""Sealed rows: test rows on which only the winner is scored, after it has been chosen.

Which rows they are follows from the split alone, so they are the same in every run on it.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.metric import ScoringRules


def rows_of(split: str, rows: int, rules: ScoringRules, *, sealed: bool) -> NDArray[np.intp]:
    """The numbers of the sealed rows, or of the others, in order."""
    count = rows - rules.open_rows(rows)
    shuffled = np.random.RandomState(zlib.crc32(split.encode())).permutation(rows)  # its stream is frozen
    return np.sort(shuffled[:count] if sealed else shuffled[count:])
