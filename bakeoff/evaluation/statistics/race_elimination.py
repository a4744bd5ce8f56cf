"""A race: after each fold, the candidates that are shown not to be the best are not fitted on the others.

A look after a fold compares those that are still in the race, on the test rows of the folds so far, by the
model confidence set, as the verdict does in the end. A candidate outside of the set is stopped.

The level is spent over the looks. A claim is false if somebody who is among the best is stopped, or put out
of the first place in the end; the levels of all looks and of the verdict sum to that of a run without a race,
so the probability of any false claim stays below it, however the looks depend on each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.evaluation.statistics.cross_validated_scores import some_folds
from bakeoff.evaluation.statistics.pairwise_comparison import DRAWS, ComparedScores, compare_all
from bakeoff.evaluation.statistics.sketches.row_blocks import SEED
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from bakeoff.evaluation.statistics.verdict_findings import FEWEST_GROUPS, too_few

#: Of the level of a run, what all looks have together. The verdict has the rest.
SHARE_OF_LOOKS = 0.4


@dataclass(frozen=True, kw_only=True)
class Look:
    level: float
    leader: str | None  #: the highest score so far; None: nobody could be compared
    p_values: Mapping[str, float]  #: by candidate, of being among the best; those compared

    @property
    def stopped(self) -> tuple[str, ...]:
        return tuple(sorted(id_ for id_, p in self.p_values.items() if p <= self.level))


def level_of_look(number: int, looks: int, *, level: float = 0.05) -> float:
    """What look `number` of `looks` may spend, counted from 1.

    The first ones have the most, in proportion to 1/(t (t + 1)): who is stopped early saves the most folds.
    """
    if not 1 <= number <= looks:
        raise ValueError(f"there are the looks 1 to {looks}, got {number}")
    # The shares 1/(t (t + 1)) of t = 1 … n sum to n/(n + 1).
    return level * SHARE_OF_LOOKS / (number * (number + 1)) * (looks + 1) / looks


def level_in_the_end(*, level: float = 0.05) -> float:
    """What is left to the verdict of a race."""
    return level * (1 - SHARE_OF_LOOKS)


def look(
    folds: Mapping[str, Sequence[Sketch]],
    *,
    of_repeat: int,
    level: float,
    greater_is_better: bool,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Look:
    """Who is stopped after these folds. `folds`: by candidate, the sketches of the folds that all have done.

    `of_repeat`: how many folds a repeat has in the whole design. A candidate whose metric is undefined in one
    of the folds is not compared, and not stopped.
    """
    together = {id_: some_folds(its, of_repeat) for id_, its in folds.items()}
    able = {id_: sketch for id_, sketch in together.items() if sketch.is_estimable}
    if not able or too_few(list(able.values())):
        return Look(level=level, leader=None, p_values={})
    compared = _of_tested_blocks(ComparedScores.of(able, greater_is_better=greater_is_better))
    leader = compared.ids[int(np.argmax(compared.scores))]
    if len(able) == 1 or len(compared.sums) < FEWEST_GROUPS:
        return Look(level=level, leader=leader, p_values={})
    comparison = compare_all(compared, level=level, draws=draws, seed=seed)
    p_values = {id_: float(p) for id_, p in zip(compared.ids, comparison.best_p, strict=True)}
    return Look(level=level, leader=leader, p_values=p_values)


def _of_tested_blocks(compared: ComparedScores) -> ComparedScores:
    """Without the blocks of later folds, which would count as if nobody differed there."""
    tested = compared.sums.any(axis=1)
    return ComparedScores(
        ids=compared.ids,
        scores=compared.scores,
        sums=compared.sums[tested],
        fewest_rows=compared.fewest_rows,
    )
