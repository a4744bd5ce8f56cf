"""How differences between candidates vary when the test rows are drawn again: a small density of each.

The blocks of rows that a verdict is computed from are resampled, all candidates at once, so what they have
in common cancels. Unlike the interval beside it, a density shows whether a difference is skewed; and it is
that of one pair alone, so it is narrower than an interval that holds for all pairs at once.

The densities are drawn, and nothing is decided by them. They are computed once, when a run is judged.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from bakeoff.evaluation.statistics.pairwise_comparison import ComparedScores
from bakeoff.evaluation.statistics.sketches.row_blocks import SEED, Floats
from bakeoff.evaluation.statistics.sketches.sketch import Sketch

DRAWS: Final = 4000
BINS: Final = 56
#: Of more candidates only the pairs of those with the highest scores are kept: 1,225 pairs, 100 kB.
MOST_CANDIDATES: Final = 50

_DRAWS_AT_ONCE = 250  #: what they need stays in the cache of a processor
_REACH = 3.6  #: standard errors on each side
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_BLUR = np.exp(-0.5 * (np.arange(-4, 5) / 1.4) ** 2)


@dataclass(frozen=True, kw_only=True)
class DifferenceDensity:
    """Of the value of `a` minus that of `b`, in the unit of the metric."""

    a: str
    b: str  #: another candidate, or the name of a reference such as Production
    low: float  #: where the first bin begins
    high: float  #: where the last one ends
    levels: str  #: a character for each bin, from 0 to z, which is the highest of them

    def to_data(self) -> list[Any]:
        """As JSON stores it, shortly: a run of fifty candidates has more than a thousand."""
        return [self.a, self.b, float(f"{self.low:.6g}"), float(f"{self.high:.6g}"), self.levels]


def difference_densities(
    candidates: Mapping[str, Sketch],
    references: Mapping[str, Sketch],
    *,
    greater_is_better: bool,
    draws: int = DRAWS,
    seed: int = SEED,
) -> list[DifferenceDensity]:
    """Of all pairs of candidates, and of each less each reference; without those that never differ.

    All sketches must be estimable, and of the same rows.
    """
    shown = sorted(candidates, key=lambda id_: -_better(candidates[id_], greater_is_better))[:MOST_CANDIDATES]
    # No candidate is named so: a reference may be called like one of them.
    fixed = {f"\0{name}": sketch for name, sketch in references.items()}
    if len(shown) + len(fixed) < 2:  # noqa: PLR2004 - nothing differs from itself
        return []
    compared = ComparedScores.of(
        {**{id_: candidates[id_] for id_ in shown}, **fixed}, greater_is_better=greater_is_better
    )
    errors = resampled_errors(compared.sums, draws=draws, seed=seed)
    sign = 1.0 if greater_is_better else -1.0
    pairs = [*combinations(sorted(shown), 2), *((id_, name) for id_ in sorted(shown) for name in fixed)]
    return list(_densities(pairs, compared, errors, sign))


def resampled_errors(sums: Floats, *, draws: int, seed: int) -> Floats:
    """By how much each score would be another one, (candidates, draws).

    Each block counts as often as a Poisson number of mean 1 says: the bootstrap, with a free total. Millions
    of numbers are drawn, so each is looked up by two random bytes, and some draws are made at a time.
    """
    blocks, candidates = sums.shape
    stream = np.random.RandomState(seed)  # a frozen stream
    errors: Floats = np.empty((candidates, draws))
    for first in range(0, draws, _DRAWS_AT_ONCE):
        some = min(_DRAWS_AT_ONCE, draws - first)
        lots = np.frombuffer(stream.bytes(2 * some * blocks), dtype="<u2").reshape(some, blocks)
        errors[:, first : first + some] = (_TIMES_LESS_ONE[lots] @ sums).T
    errors *= np.sqrt(blocks / (blocks - 1))
    return errors


def _poisson_quantiles() -> Floats:
    """Of a Poisson number of mean 1, less that mean: as many values as two bytes have."""
    below = np.cumsum([math.exp(-1) / math.factorial(number) for number in range(10)])
    times = np.searchsorted(below, (np.arange(1 << 16) + 0.5) / (1 << 16))
    return times.astype(np.float64) - 1


_TIMES_LESS_ONE = _poisson_quantiles()


def _densities(
    pairs: Sequence[tuple[str, str]], compared: ComparedScores, errors: Floats, sign: float
) -> Iterator[DifferenceDensity]:
    places = {id_: place for place, id_ in enumerate(compared.ids)}
    spread = float(np.abs(errors).max())
    for a, b in pairs:
        centre = sign * (compared.scores[places[a]] - compared.scores[places[b]])
        drawn = sign * (errors[places[a]] - errors[places[b]])
        se = float(drawn.std())
        if se <= 1e-9 * spread:  # rounding: the two are wrong in the same rows
            continue
        reach = _REACH * se
        counts, _ = np.histogram(drawn, bins=BINS, range=(-reach, reach))
        smooth = np.convolve(counts, _BLUR, mode="same")
        levels = np.rint(smooth / smooth.max() * (len(_DIGITS) - 1)).astype(int)
        yield DifferenceDensity(
            a=a,
            b=b.removeprefix("\0"),
            low=float(centre - reach),
            high=float(centre + reach),
            levels="".join(_DIGITS[level] for level in levels),
        )


def _better(sketch: Sketch, greater_is_better: bool) -> float:  # noqa: FBT001 - of the metric
    value = sketch.value or 0.0
    return value if greater_is_better else -value
