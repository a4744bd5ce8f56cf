"""How far the score of the winner is from the truth: as it is, and corrected for having been chosen.

Points are hundredths of accuracy. `flattery` is what a run says that the best of so many equal candidates
gains by being the best: part E of the specification.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.random import Generator

from bakeoff.evaluation.statistics.pairwise_comparison import ComparedScores, pairs_of
from bakeoff.evaluation.statistics.winners_curse import corrected_score, expected_flattery
from benchmarks.verdicts.rate_tables import Figure, Table, mean, share
from benchmarks.verdicts.simulated_scores import SKILL, accuracies, named, stream

_ROWS = 500
_RHO = 0.6
_POINTS = 100

Skills = Callable[[Generator, int], Sequence[float]]

_SKILLS: dict[str, Skills] = {
    "equal": lambda _, many: [SKILL] * many,
    "spread by 1 point": lambda chance, many: list(SKILL + 0.01 * chance.standard_normal(many)),
    "one +3 points": lambda _, many: [SKILL + 0.03] + [SKILL] * (many - 1),
}


def tables(runs: int, seed: int, only: str) -> Iterator[Table]:
    cases = [(name, many) for name in _SKILLS for many in (5, 20, 50) if only in name]
    figures = [_of_case(name, many, runs, seed) for name, many in cases]
    yield Table(
        title=f"The winner's score minus its true value, in points (n={_ROWS}, rho {_RHO})",
        figures=[figure for bias, _ in figures for figure in bias],
        digits=2,
    )
    yield Table(
        title="Runs whose interval of the corrected score holds the winner's true value, in %",
        figures=[held for _, held in figures],
    )


def _of_case(name: str, many: int, runs: int, seed: int) -> tuple[list[Figure], Figure]:
    case = f"{name}, {many} candidates"
    chance = stream(seed, case)
    bias: dict[str, list[float]] = defaultdict(list)
    holds = []
    for _ in range(runs):
        skills = _SKILLS[name](chance, many)
        compared = ComparedScores.of(named(accuracies(chance, _ROWS, _RHO, skills)), greater_is_better=True)
        found = corrected_score(compared)
        place = compared.ids.index(found.candidate)
        bias["as it is"].append(float(compared.scores[place]) - skills[place])
        bias["corrected"].append(found.value - skills[place])
        pair_se = float(np.median(pairs_of(compared).se))
        bias["flattery"].append(expected_flattery(many, pair_se))
        holds.append(found.low <= skills[place] <= found.high)
    return (
        [mean(case, column, values, scale=_POINTS) for column, values in bias.items()],
        share(case, "holds", holds),
    )
