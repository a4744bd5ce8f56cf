"""Predictions whose true scores are known, drawn from Gaussian models, and the sketches of their scores.

Candidates of one run look at the same rows. `rho` is the correlation of what makes them err: at 0.9 they
mostly err on the same rows, as similar models do.
"""

from collections.abc import Mapping, Sequence
from zlib import crc32

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import special

from bakeoff.evaluation.statistics.sketches.metric_sketches import (
    LabelAnswers,
    label_sketches,
    value_sketches,
)
from bakeoff.evaluation.statistics.sketches.row_blocks import deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import Sketch

#: The share that a candidate of `answers_of` gets right, unless it has another skill.
SKILL = 0.85


def stream(seed: int, case: str) -> Generator:
    return np.random.default_rng([seed, crc32(case.encode())])


def right_answers(chance: Generator, rows: int, rho: float, skills: Sequence[float]) -> NDArray[np.bool_]:
    """Which rows each candidate gets right: (rows, candidates). Its skill is the expected share."""
    common = chance.standard_normal((rows, 1))
    own = chance.standard_normal((rows, len(skills)))
    right: NDArray[np.bool_] = np.sqrt(rho) * common + np.sqrt(1 - rho) * own < special.ndtri(skills)
    return right


def accuracies(chance: Generator, rows: int, rho: float, skills: Sequence[float]) -> list[Sketch]:
    """Of candidates for two classes, equally frequent."""
    right = right_answers(chance, rows, rho, skills)
    true = chance.integers(0, 2, rows)
    block_map = deal_rows(rows)
    return [
        label_sketches(["accuracy"], two_class_answers(true, np.where(hits, true, 1 - true)), block_map)[
            "accuracy"
        ]
        for hits in right.T
    ]


def two_class_answers(
    true: NDArray[np.intp], predicted: NDArray[np.intp], probability: NDArray[np.float64] | None = None
) -> LabelAnswers:
    probabilities = None if probability is None else np.column_stack([1 - probability, probability])
    return LabelAnswers(
        true=true,
        predicted=predicted,
        classes=2,
        positive=1,
        average="binary",
        probabilities=probabilities,
    )


def rare_class(
    chance: Generator, rows: int, rho: float, candidates: int, *, positives: float, apart: float
) -> list[LabelAnswers]:
    """Equal candidates that score rows: positive ones by `apart` standard deviations higher."""
    true = (chance.random(rows) < positives).astype(np.intp)
    common = chance.standard_normal(rows)
    answers = []
    for _ in range(candidates):
        score = apart * true + np.sqrt(rho) * common + np.sqrt(1 - rho) * chance.standard_normal(rows)
        probability = posterior(score, positives, apart)
        answers.append(two_class_answers(true, (probability >= 0.5).astype(np.intp), probability))  # noqa: PLR2004
    return answers


def posterior(score: NDArray[np.float64], positives: float, apart: float) -> NDArray[np.float64]:
    """The true probability of the positive class, where scores are N(0, 1) and N(apart, 1)."""
    odds = np.log(positives / (1 - positives))
    probability: NDArray[np.float64] = special.expit(apart * score - apart * apart / 2 + odds)
    return probability


def label_scores(metric: str, answers: Sequence[LabelAnswers]) -> list[Sketch]:
    block_map = deal_rows(len(answers[0].true))
    return [label_sketches([metric], one, block_map)[metric] for one in answers]


def regression_errors(metric: str, errors: NDArray[np.float64]) -> list[Sketch]:
    """Of candidates with such errors, (rows, candidates), where the truth is zero."""
    rows = len(errors)
    block_map = deal_rows(rows)
    return [value_sketches([metric], np.zeros(rows), column, block_map)[metric] for column in errors.T]


def named(sketches: Sequence[Sketch]) -> Mapping[str, Sketch]:
    return {f"c{place:02}": sketch for place, sketch in enumerate(sketches)}
