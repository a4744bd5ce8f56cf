"""Metrics of scores, probabilities and numbers: values, and the influence of each row on them.

Values equal scikit-learn's. Influences have the weights of the rows multiplied in, so their mean is zero.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluation.statistics.sketches.row_blocks import Floats, Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Influence:
    value: float  #: NaN where the metric is undefined
    of_rows: Floats  #: one per row; all zero where the metric is undefined

    @classmethod
    def undefined(cls, rows: int) -> Self:
        return cls(value=math.nan, of_rows=np.zeros(rows))


def roc_auc(positive: NDArray[np.bool_], scores: NDArray[Any], weights: Floats | None = None) -> Influence:
    """The share of the pairs of a positive and a negative row in which the positive one scores higher."""
    rows = len(positive)
    ranked = _ranked(positive, scores, weights)
    if ranked.positives.sum() == 0 or ranked.negatives.sum() == 0:
        return Influence.undefined(rows)
    # Of a positive row: the weight of the negatives below it. Of a negative row: of the positives above it.
    # Rows with the same score count one half.
    negatives, positives = ranked.by_score(ranked.negatives), ranked.by_score(ranked.positives)
    all_negatives, all_positives = float(negatives.sum()), float(positives.sum())
    below = ranked.to_rows(np.cumsum(negatives) - 0.5 * negatives)
    above = ranked.to_rows(all_positives - np.cumsum(positives) + 0.5 * positives)
    share = np.where(ranked.is_positive, below / all_negatives, above / all_positives)
    value = float((ranked.positives * share).sum() / all_positives)
    size = np.where(ranked.is_positive, rows / all_positives, rows / all_negatives)
    return Influence(value=value, of_rows=ranked.unsorted((share - value) * size * ranked.weights))


def average_precision(
    positive: NDArray[np.bool_], scores: NDArray[Any], weights: Floats | None = None
) -> Influence:
    """The mean, over the positive rows, of the precision among all rows that score as high or higher."""
    rows = len(positive)
    ranked = _ranked(positive, -np.asarray(scores), weights)
    if ranked.positives.sum() == 0:
        return Influence.undefined(rows)
    positives, everyone = ranked.by_score(ranked.positives), ranked.by_score(ranked.weights)
    found, called = np.cumsum(positives), np.cumsum(everyone)
    precision = found / called
    all_positives = found[-1]
    value = float((positives * precision).sum() / all_positives)
    # A row changes the precision at its own score and at every lower one: hence the sums from the far end.
    raises = np.cumsum((positives / called)[::-1])[::-1]
    lowers = np.cumsum((positives * precision / called)[::-1])[::-1]
    own, raises, lowers = ranked.to_rows(precision), ranked.to_rows(raises), ranked.to_rows(lowers)
    influence = np.where(ranked.is_positive, own - value + raises, 0.0) - lowers
    return Influence(
        value=value, of_rows=ranked.unsorted(influence * ranked.weights * (rows / all_positives))
    )


def log_loss(true: Ints, probabilities: NDArray[Any], weights: Floats | None = None) -> Influence:
    """`probabilities` has a column per class, in the order of the codes."""
    given = np.asarray(probabilities)
    # scikit-learn clips by the precision of the numbers as they came, before anything is computed.
    smallest = np.finfo(given.dtype if given.dtype.kind == "f" else np.float64).eps
    of_true = given[np.arange(len(true)), true].astype(np.float64)
    return _mean_loss(-np.log(np.clip(of_true, smallest, 1 - smallest)), weights)


def brier(true: Ints, probabilities: NDArray[Any], weights: Floats | None = None) -> Influence:
    """The squared distance to the truth; of two classes half of it, as is the custom (and scikit-learn's)."""
    given = np.asarray(probabilities, dtype=np.float64)
    if given.shape[1] == 2:  # noqa: PLR2004 - two classes
        return _mean_loss((given[:, 1] - true) ** 2, weights)
    of_true = given[np.arange(len(true)), true]
    return _mean_loss((given**2).sum(axis=1) + 1 - 2 * of_true, weights)


def mae(true: Floats, predicted: Floats, weights: Floats | None = None) -> Influence:
    return _mean_loss(np.abs(true - predicted), weights)


def mse(true: Floats, predicted: Floats, weights: Floats | None = None) -> Influence:
    return _mean_loss((true - predicted) ** 2, weights)


def rmse(true: Floats, predicted: Floats, weights: Floats | None = None) -> Influence:
    squared = mse(true, predicted, weights)
    value = math.sqrt(squared.value)
    if value == 0:
        return squared
    return Influence(value=value, of_rows=squared.of_rows / (2 * value))


def r2(true: Floats, predicted: Floats, weights: Floats | None = None) -> Influence:
    """Undefined where the truth is constant; scikit-learn answers 0 or 1 there, which estimates nothing."""
    w = np.ones(len(true)) if weights is None else weights
    counted = true[w > 0]
    if counted.min() == counted.max():
        return Influence.undefined(len(true))
    from_mean = (true - (w * true).mean()) ** 2
    errors = (true - predicted) ** 2
    variance = float((w * from_mean).mean())
    unexplained = float((w * errors).mean()) / variance
    return Influence(value=1 - unexplained, of_rows=-w * (errors - unexplained * from_mean) / variance)


def _mean_loss(losses: Floats, weights: Floats | None) -> Influence:
    value = float(losses.mean() if weights is None else (losses * weights).mean())
    centred = losses - value
    return Influence(value=value, of_rows=centred if weights is None else centred * weights)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Ranked:
    """The rows that have any weight, from the lowest score to the highest."""

    rows: int  #: before those without weight were left out
    order: Ints
    is_positive: NDArray[np.bool_]
    weights: Floats
    positives: Floats  #: the weights of positive rows, 0 for negative ones
    negatives: Floats
    starts: Ints  #: where each run of equal scores begins
    run: Ints | None  #: the run of each row; None where no two scores are equal

    def by_score(self, of_rows: Floats) -> Floats:
        """Summed over rows of the same score."""
        return of_rows if self.run is None else np.add.reduceat(of_rows, self.starts)

    def to_rows(self, of_scores: Floats) -> Floats:
        return of_scores if self.run is None else of_scores[self.run]

    def unsorted(self, of_rows: Floats) -> Floats:
        result = np.zeros(self.rows)
        result[self.order] = of_rows
        return result


def _ranked(positive: NDArray[np.bool_], scores: NDArray[Any], weights: Floats | None) -> _Ranked:
    scores = np.asarray(scores)
    rows = len(positive)
    order = np.argsort(scores)  # within a run of equal scores, any order will do
    if weights is None:
        weights_by_rank = np.ones(rows)
    else:
        order = order[weights[order] > 0]
        weights_by_rank = weights[order]
    by_rank, positive_by_rank = scores[order], positive[order]
    is_new = np.empty(len(order), dtype=np.bool_)
    is_new[:1] = True
    np.not_equal(by_rank[1:], by_rank[:-1], out=is_new[1:])
    starts = np.flatnonzero(is_new)
    return _Ranked(
        rows=rows,
        order=order,
        is_positive=positive_by_rank,
        weights=weights_by_rank,
        positives=np.where(positive_by_rank, weights_by_rank, 0.0),
        negatives=np.where(positive_by_rank, 0.0, weights_by_rank),
        starts=starts,
        run=None if len(starts) == len(order) else np.cumsum(is_new) - 1,
    )
