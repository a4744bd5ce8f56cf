"""How often a verdict claims something false, and how often it finds what is true.

The kinds of claim, each with its own 5 %:

    pairs   one candidate is better than another
    set     a candidate is not among those that may be the best
    fixed   a candidate is better or worse than a reference that was named beforehand

Each simulated run goes through `judge`, with all that a real run gets. Beside it stands what simpler methods
would have claimed of the same scores: the one with the highest score against each of the others, without a
correction and with Holm's for their number, and Holm's over all pairs.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator
from scipy import special

from bakeoff.domain.runs.verdict import Against, PairDifference, RunVerdict, Standing
from bakeoff.evaluation.statistics.p_values import holm
from bakeoff.evaluation.statistics.pairwise_comparison import ComparedScores, pairs_of
from bakeoff.evaluation.statistics.reach_verdict import JudgedCandidate, Reference, judge
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from bakeoff.evaluation.statistics.winners_curse import planned_detectable_difference
from benchmarks.verdicts.rate_tables import Figure, Table, share
from benchmarks.verdicts.simulated_scores import (
    SKILL,
    accuracies,
    label_scores,
    named,
    rare_class,
    regression_errors,
    right_answers,
    stream,
)

_CANDIDATES = 10
_LEVEL = 0.05
_LOSSES = frozenset({"log_loss", "rmse"})


@dataclass(frozen=True, kw_only=True)
class EqualCase:
    """Candidates of the same skill, and a reference of the same skill: whatever is claimed is false."""

    name: str
    metric: str
    draw: Callable[[Generator, int], Sequence[Sketch]]  #: so many sketches
    of_runs: float = 1.0  #: the share of the runs that are made


@dataclass(frozen=True, kw_only=True)
class UnequalCase:
    name: str
    rows: int
    rho: float
    skills: Sequence[float]
    of_runs: float = 1.0  #: large test sets take long


def tables(runs: int, seed: int, only: str) -> Iterator[Table]:
    yield Table(
        title=f"{_CANDIDATES} equal candidates: runs with a false claim of a kind, in %",
        figures=[
            figure for case in _equal_cases() if only in case.name for figure in _of_equal(case, runs, seed)
        ],
    )
    yield Table(
        title=f"One of {_CANDIDATES} is better, or all differ: what the verdict finds, in % of runs",
        figures=[
            figure
            for case in _unequal_cases()
            if only in case.name
            for figure in _of_unequal(case, runs, seed)
        ],
    )


def _equal_cases() -> Iterator[EqualCase]:
    for rho in (0.3, 0.6, 0.9):
        draw = partial(_equal_accuracies, rho)
        yield EqualCase(name=f"accuracy, n=1000, rho {rho}", metric="accuracy", draw=draw)
    for metric in ("recall", "f1", "average_precision"):
        yield EqualCase(
            name=f"{metric}, n=200, 5 % positive, rho 0.6",
            metric=metric,
            draw=partial(_equal_scores, metric, 200, positives=0.05, apart=2.0),
            of_runs=0.5,
        )
    for metric in ("roc_auc", "log_loss"):
        yield EqualCase(
            name=f"{metric}, n=500, 20 % positive, rho 0.6",
            metric=metric,
            draw=partial(_equal_scores, metric, 500, positives=0.2, apart=1.5),
            of_runs=0.5,
        )
    yield EqualCase(
        name="rmse, n=100, normal errors, rho 0.6", metric="rmse", draw=_equal_errors, of_runs=0.5
    )


def _equal_accuracies(rho: float, chance: Generator, many: int) -> Sequence[Sketch]:
    return accuracies(chance, 1000, rho, [SKILL] * many)


def _equal_scores(
    metric: str, rows: int, chance: Generator, many: int, *, positives: float, apart: float
) -> Sequence[Sketch]:
    return label_scores(metric, rare_class(chance, rows, 0.6, many, positives=positives, apart=apart))


def _equal_errors(chance: Generator, many: int) -> Sequence[Sketch]:
    common, own = chance.standard_normal((100, 1)), chance.standard_normal((100, many))
    return regression_errors("rmse", math.sqrt(0.6) * common + math.sqrt(0.4) * own)


def _unequal_cases() -> Iterator[UnequalCase]:
    better = [SKILL + 0.02] + [SKILL] * (_CANDIDATES - 1)
    yield UnequalCase(name="one +2 points, n=1000, rho 0.9", rows=1000, rho=0.9, skills=better, of_runs=0.25)
    for rho in (0.3, 0.6, 0.9):
        name = f"one +2 points, n=5000, rho {rho}"
        yield UnequalCase(name=name, rows=5000, rho=rho, skills=better, of_runs=0.2)
    planned = planned_detectable_difference(1000, _CANDIDATES, discordant_share(0.6))
    yield UnequalCase(
        name=f"one +{100 * planned:.1f} points (as planned), n=1000, rho 0.6",
        rows=1000,
        rho=0.6,
        skills=[SKILL + planned] + [SKILL] * (_CANDIDATES - 1),
        of_runs=0.25,
    )
    ladder = [SKILL - 0.005 * place for place in range(_CANDIDATES)]
    yield UnequalCase(
        name="each 0.5 points below the last, n=1000, rho 0.6",
        rows=1000,
        rho=0.6,
        skills=ladder,
        of_runs=0.25,
    )
    two = [SKILL + 0.02] * 2 + [SKILL] * (_CANDIDATES - 2)
    yield UnequalCase(name="two +2 points, n=1000, rho 0.9", rows=1000, rho=0.9, skills=two, of_runs=0.25)


def discordant_share(rho: float) -> float:
    """Of the rows, where exactly one of two equal candidates is right; from a million rows."""
    right = right_answers(np.random.default_rng(0), 1_000_000, rho, [SKILL, SKILL])
    return float(np.mean(right[:, 0] != right[:, 1]))


def _of_equal(case: EqualCase, runs: int, seed: int) -> Iterator[Figure]:
    chance = stream(seed, case.name)
    false: dict[str, list[bool]] = defaultdict(list)
    for _ in range(math.ceil(case.of_runs * runs)):
        *sketches, reference = case.draw(chance, _CANDIDATES + 1)
        verdict = _judged(sketches, case.metric, [Reference(name="fixed", sketch=reference)])
        false["pairs"].append(any(pair.better for pair in verdict.pairs))
        false["set"].append(_put_out(verdict) != set())
        false["fixed"].append(
            any(one.outcome in {Against.BETTER, Against.WORSE} for one in verdict.references)
        )
        for method, claims in _by_simpler_methods(sketches, greater_is_better=case.metric not in _LOSSES):
            false[method].append(claims)
    for kind, happened in false.items():
        yield share(case.name, kind, happened)


def _by_simpler_methods(sketches: Sequence[Sketch], *, greater_is_better: bool) -> Iterator[tuple[str, bool]]:
    """Whether each of them claims anything."""
    if not all(sketch.is_estimable for sketch in sketches):  # no row of the rare class was drawn
        yield from dict.fromkeys(("best v. rest", "best v. rest, Holm", "pairs, Holm"), False).items()
        return
    compared = ComparedScores.of(named(sketches), greater_is_better=greater_is_better)
    pairs = pairs_of(compared)
    p_values = 2 * special.ndtr(-np.abs(pairs.z))
    best = int(np.argmax(compared.scores))
    of_best = p_values[(pairs.a == best) | (pairs.b == best)]
    yield "best v. rest", bool((of_best <= _LEVEL).any())
    yield "best v. rest, Holm", bool((holm(of_best) <= _LEVEL).any())
    yield "pairs, Holm", bool((holm(p_values) <= _LEVEL).any())


def _of_unequal(case: UnequalCase, runs: int, seed: int) -> Iterator[Figure]:
    chance = stream(seed, case.name)
    ids = [f"c{place:02}" for place in range(len(case.skills))]
    skill = dict(zip(ids, case.skills, strict=True))
    truly_best = {id_ for id_ in ids if skill[id_] == max(case.skills)}
    rivals = set(ids) - truly_best
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(math.ceil(case.of_runs * runs)):
        verdict = _judged(accuracies(chance, case.rows, case.rho, case.skills), "accuracy", [])
        out = _put_out(verdict)
        apart = [pair for pair in verdict.pairs if len({pair.a, pair.b} & truly_best) == 1]
        found["best kept"].append(not out & truly_best)
        found["best alone"].append(out == rivals)
        found["rivals put out"].append(len(out & rivals) / len(rivals))
        found["shown by a pair"].append(sum(pair.better in truly_best for pair in apart) / len(apart))
        found["false pairs"].append(any(_is_false(pair, skill) for pair in verdict.pairs))
    for what, values in found.items():
        yield share(case.name, what, values)


def _judged(sketches: Sequence[Sketch], metric: str, references: Sequence[Reference]) -> RunVerdict:
    return judge(
        [JudgedCandidate(id=id_, sketch=sketch) for id_, sketch in named(sketches).items()],
        metric=metric,
        greater_is_better=metric not in _LOSSES,
        references=references,
    )


def _put_out(verdict: RunVerdict) -> set[str]:
    return {id_ for id_, standing in verdict.standings.items() if standing is Standing.WORSE}


def _is_false(pair: PairDifference, skill: Mapping[str, float]) -> bool:
    """Whether one is called better that is not."""
    return pair.better is not None and skill[pair.better] <= min(skill[pair.a], skill[pair.b])
