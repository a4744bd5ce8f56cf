"""Scores of a cross-validation: of its out-of-fold rows where they are kept, else of the fold scores alone.

Out-of-fold rows find ten times the differences that fold scores find, at the same safety: folds leave only a
handful of degrees of freedom.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from scipy import special

from bakeoff.evaluation.statistics.p_values import two_sided_t
from bakeoff.evaluation.statistics.sketches.row_blocks import Floats
from bakeoff.evaluation.statistics.sketches.sketch import Sketch


@dataclass(frozen=True, kw_only=True)
class FoldDifference:
    """The difference between two candidates, by the differences of their fold scores."""

    difference: float
    se: float
    df: int
    p_value: float


def variance_factor(folds: int) -> float:
    """What the variance over rows is multiplied by, since the models of the folds share most training rows.

    The true factor is 1.0 to 1.8, by the kind of model; this is never below it.
    """
    if folds < 2:  # noqa: PLR2004 - one fold leaves nothing to train on
        raise ValueError(f"a cross-validation has two folds at least, got {folds}")
    return 1 + folds / (folds - 1)


def out_of_fold(repeats: Sequence[Sequence[Sketch]]) -> Sketch:
    """One sketch of all folds of all repeats. The score is the mean of the fold scores.

    Each fold's sketch is made with `BlockMap.fold`, so that its blocks are those of the whole data. A
    metric that is undefined in one fold is undefined.
    """
    folds = len(repeats[0])
    if any(len(repeat) != folds for repeat in repeats):
        raise ValueError(f"every repeat has the same number of folds, got {[len(one) for one in repeats]}")
    return _together(repeats, variance_factor(folds))


def some_folds(sketches: Sequence[Sketch], folds: int) -> Sketch:
    """One sketch of the first few folds, while the others are not fitted. `folds`: how many a repeat has.

    The variance over the rows of j of k folds is multiplied by 1 + j/(k - 1). That is the correction of
    Nadeau and Bengio, S^2 (1/j + 1/(k - 1)), and of all folds it is `variance_factor`.
    """
    share = min(len(sketches), folds) / folds
    return _together([sketches], 1 + share * (variance_factor(folds) - 1))


def _together(repeats: Sequence[Sequence[Sketch]], factor: float) -> Sketch:
    sketches = [sketch for repeat in repeats for sketch in repeat]
    first = sketches[0]
    values = [sketch.value for sketch in sketches if sketch.value is not None]
    is_estimable = all(sketch.is_estimable for sketch in sketches)
    identities = blake2b("\n".join(sketch.split for sketch in sketches).encode(), digest_size=8).hexdigest()
    return replace(
        first,
        value=math.fsum(values) / len(values) if len(values) == len(sketches) else None,
        sums=np.mean([sketch.sums for sketch in sketches], axis=0) if is_estimable else np.empty(0),
        rows=sum(sketch.rows for sketch in repeats[0]),
        # Mean scores of folds are no longer hits of trials: their interval goes by the logit.
        trials=None,
        hits=None,
        base=_base(repeats),
        variance_factor=factor,
        split=f"{len(repeats)} times {len(repeats[0])} folds, {identities}",
    )


def nadeau_bengio(differences: Floats, folds: int) -> FoldDifference:
    """The corrected t-test, where there are fold scores only. `differences`: of all folds of all repeats."""
    count = len(differences)
    mean = float(differences.mean())
    se = math.sqrt(float(differences.var(ddof=1)) * (1 / count + 1 / (folds - 1)))
    certain_p = 1.0 if mean == 0 else 0.0
    p = certain_p if se == 0 else two_sided_t(mean / se, count - 1)
    return FoldDifference(difference=mean, se=se, df=count - 1, p_value=p)


def mean_interval(scores: Floats, folds: int, *, level: float = 0.05) -> tuple[float, float]:
    """The interval of the mean of fold scores, by the same correction."""
    found = nadeau_bengio(scores, folds)
    half = float(special.stdtrit(found.df, 1 - level / 2)) * found.se
    return found.difference - half, found.difference + half


def posterior(differences: Floats, folds: int, margin: float) -> tuple[float, float, float]:
    """The same t read as a posterior: P(worse by more than the margin), P(within it), P(better).

    It may be shown of one pair. Verdicts do not use it.
    """
    found = nadeau_bengio(differences, folds)
    if found.se == 0:
        worse, better = float(found.difference < -margin), float(found.difference > margin)
    else:
        worse = float(special.stdtr(found.df, (-margin - found.difference) / found.se))
        better = float(special.stdtr(found.df, (found.difference - margin) / found.se))
    return worse, 1 - worse - better, better


def _base(repeats: Sequence[Sequence[Sketch]]) -> int:
    """What a perfect score rests on: the rows of the rarest class over all folds, or the groups."""
    groups = repeats[0][0].groups
    rows = min(sum(sketch.base for sketch in repeat) for repeat in repeats)
    return rows if groups is None else min(rows, groups)
