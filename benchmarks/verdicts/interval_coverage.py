"""How often the interval of a metric holds its true value: part A of the specification, as it is shipped.

A score that is undefined on the rows that were drawn (no row of a class) has no interval, and does not count.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import special

from bakeoff.domain.runs.verdict import Interval
from bakeoff.evaluation.statistics.score_intervals import interval, wilson
from bakeoff.evaluation.statistics.sketches.metric_sketches import (
    LabelAnswers,
    label_sketches,
    value_sketches,
)
from bakeoff.evaluation.statistics.sketches.row_blocks import BlockMap, deal_groups, deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from benchmarks.verdicts.rate_tables import Figure, Table, share
from benchmarks.verdicts.simulated_scores import SKILL, posterior, stream, two_class_answers

_SIZES = (100, 500, 5000)
_GROUPS = ((20, 50), (50, 20), (200, 5))  #: how many groups, of how many rows
_WITHIN_GROUPS = 0.4  #: correlation of what makes rows of a group come out right or wrong

Sketches = Mapping[str, Sketch]


@dataclass(frozen=True, kw_only=True)
class Setting:
    name: str
    true_values: Mapping[str, float]
    draw: Callable[[Generator, int], Sketches]


def tables(runs: int, seed: int, only: str) -> Iterator[Table]:
    found = [_of_setting(setting, runs, seed) for setting in _settings() if only in setting.name]
    yield Table(
        title="Runs whose 95 % interval holds the true value, in %, by test rows",
        figures=[figure for covered, _ in found for figure in covered],
    )
    yield Table(
        title="Rows that these scores really rest on (the median run)",
        figures=[figure for _, rested in found for figure in rested],
    )
    yield Table(
        title="The same of accuracy on 1,000 rows that hang together, or count unequally, in %",
        figures=[
            figure
            for case, draw in _hanging_together().items()
            if only in case
            for figure in _both_ways(case, draw, stream(seed, case), runs)
        ],
    )


def _of_setting(setting: Setting, runs: int, seed: int) -> tuple[list[Figure], list[Figure]]:
    covered, rested = [], []
    for rows in _SIZES:
        chance = stream(seed, f"{setting.name} {rows}")
        holds: dict[str, list[bool]] = defaultdict(list)
        n_eff: dict[str, list[float]] = defaultdict(list)
        for _ in range(runs):
            for metric, sketch in setting.draw(chance, rows).items():
                known = interval(sketch)
                if known is not None:
                    holds[metric].append(_holds(known, setting.true_values[metric]))
                    n_eff[metric].append(sketch.n_eff)
        for metric in setting.true_values:
            case, column = f"{metric}, {setting.name}", f"n={rows}"
            covered.append(share(case, column, holds[metric]))
            typical = float(np.median(n_eff[metric])) if n_eff[metric] else math.nan
            rested.append(Figure(case=case, column=column, value=typical, error=0.0, runs=len(n_eff[metric])))
    return covered, rested


def _holds(known: Interval, true_value: float) -> bool:
    return known.low <= true_value <= known.high


def _hanging_together() -> Mapping[str, Callable[[Generator], tuple[NDArray[np.bool_], BlockMap]]]:
    """Which rows are right, and their blocks."""
    cases = {f"{groups} groups of {size}": partial(_draw_groups, groups, size) for groups, size in _GROUPS}
    return {**cases, "weights from 0 to 1": _draw_weights}


def _draw_groups(groups: int, size: int, chance: Generator) -> tuple[NDArray[np.bool_], BlockMap]:
    of_row = np.repeat(np.arange(groups), size)
    common = chance.standard_normal(groups)[of_row]
    own = chance.standard_normal(len(of_row))
    right = np.sqrt(_WITHIN_GROUPS) * common + np.sqrt(1 - _WITHIN_GROUPS) * own < special.ndtri(SKILL)
    return right, deal_groups(of_row)


def _draw_weights(chance: Generator) -> tuple[NDArray[np.bool_], BlockMap]:
    right = chance.random(1000) < SKILL
    return right, deal_rows(1000).weighted(chance.random(1000))


def _both_ways(
    case: str,
    draw: Callable[[Generator], tuple[NDArray[np.bool_], BlockMap]],
    chance: Generator,
    runs: int,
) -> Iterator[Figure]:
    """How often the shipped interval of accuracy holds, and how often Wilson's on the number of rows."""
    as_shipped, by_rows = [], []
    for _ in range(runs):
        right, block_map = draw(chance)
        answers = two_class_answers(np.ones(len(right), dtype=np.intp), right.astype(np.intp))
        sketch = label_sketches(["accuracy"], answers, block_map)["accuracy"]
        known = interval(sketch)
        low, high = wilson(sketch.value or 0.0, len(right))
        as_shipped.append(known is not None and _holds(known, SKILL))
        by_rows.append(low <= SKILL <= high)
    yield share(case, "as shipped", as_shipped)
    yield share(case, "as if rows were alone, and equal", by_rows)


def _settings() -> Iterator[Setting]:
    yield _two_classes("balanced", ("roc_auc", "brier"), positives=0.5, apart=1.5)
    rare = ("recall", "f1", "roc_auc", "average_precision", "log_loss")
    yield _two_classes("5 % positive", rare, positives=0.05, apart=2.0)
    perfect = ("accuracy", "f1", "roc_auc", "log_loss")
    yield _two_classes("near-perfect", perfect, positives=0.5, apart=4.5)
    yield _two_classes("5 % positive, near-perfect", ("precision",), positives=0.05, apart=4.5)
    yield Setting(
        name="4 classes, 5 % rarest", true_values={"f1_macro": _true_macro_f1()}, draw=_draw_four_classes
    )
    yield Setting(
        name="normal errors",
        true_values={"rmse": 1.0, "r2": 1 - 1 / (1 + _SIGNAL**2)},
        draw=lambda chance, rows: _draw_errors(chance, rows, ("rmse", "r2"), chance.standard_normal(rows)),
    )
    # The mean absolute value of Student's t with 3 degrees of freedom is 2 root(3) / pi, its variance is 3.
    yield Setting(
        name="t3 errors",
        true_values={"mae": 2 * math.sqrt(3) / math.pi, "rmse": math.sqrt(3)},
        draw=lambda chance, rows: _draw_errors(chance, rows, ("mae", "rmse"), chance.standard_t(3, rows)),
    )


def _two_classes(name: str, metrics: tuple[str, ...], *, positives: float, apart: float) -> Setting:
    """Scores of negative rows are N(0, 1), of positive ones N(apart, 1); probabilities are the true ones."""

    def draw(chance: Generator, rows: int) -> Sketches:
        true = (chance.random(rows) < positives).astype(np.intp)
        probability = posterior(apart * true + chance.standard_normal(rows), positives, apart)
        answers = two_class_answers(true, (probability >= 0.5).astype(np.intp), probability)  # noqa: PLR2004
        return label_sketches(metrics, answers, deal_rows(rows))

    true_values = _true_values(positives, apart)
    return Setting(name=name, true_values={metric: true_values[metric] for metric in metrics}, draw=draw)


def _true_values(positives: float, apart: float) -> Mapping[str, float]:
    negatives = 1 - positives
    cut = apart / 2 + math.log(negatives / positives) / apart  # where the probability is one half
    hit, false_alarm = float(special.ndtr(apart - cut)), float(special.ndtr(-cut))
    called = positives * hit + negatives * false_alarm
    score = np.linspace(-10.0, 10.0 + apart, 40_001)
    of_positive, of_negative = _density(score - apart), _density(score)
    probability = posterior(score, positives, apart)
    above = positives * special.ndtr(apart - score)
    precision = above / (above + negatives * special.ndtr(-score))
    log_odds = apart * score - apart * apart / 2 + math.log(positives / negatives)
    log_positive, log_negative = special.log_expit(log_odds), special.log_expit(-log_odds)
    loss = -positives * of_positive * log_positive - negatives * of_negative * log_negative
    squares = probability * (1 - probability) * (positives * of_positive + negatives * of_negative)
    return {
        "accuracy": positives * hit + negatives * (1 - false_alarm),
        "precision": positives * hit / called,
        "recall": hit,
        "f1": 2 * positives * hit / (called + positives),
        "roc_auc": float(special.ndtr(apart / math.sqrt(2))),
        "average_precision": float(np.trapezoid(precision * of_positive, score)),
        "log_loss": float(np.trapezoid(loss, score)),
        "brier": float(np.trapezoid(squares, score)),
    }


def _density(x: NDArray[np.float64]) -> NDArray[np.float64]:
    density: NDArray[np.float64] = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return density


#: Shares of four classes; a row is called its own class in 75 % of the cases, else any of the four.
_SHARES = np.array([0.5, 0.3, 0.15, 0.05])
_SURE = 0.75


def _draw_four_classes(chance: Generator, rows: int) -> Sketches:
    true = chance.choice(4, rows, p=_SHARES)
    guess = chance.choice(4, rows, p=_SHARES)
    predicted = np.where(chance.random(rows) < _SURE, true, guess)
    answers = LabelAnswers(true=true, predicted=predicted, classes=4)
    return label_sketches(["f1_macro"], answers, deal_rows(rows))


def _true_macro_f1() -> float:
    """Classes are called as often as they are true, so f1 of a class is its recall."""
    return float(np.mean(_SURE + (1 - _SURE) * _SHARES))


_SIGNAL = 2.0  #: standard deviation of what a regression explains


def _draw_errors(
    chance: Generator, rows: int, metrics: tuple[str, ...], errors: NDArray[np.float64]
) -> Sketches:
    predicted = _SIGNAL * chance.standard_normal(rows)
    return value_sketches(metrics, predicted + errors, predicted, deal_rows(rows))
