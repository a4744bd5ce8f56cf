"""Accuracy, precision, recall, f1 and their averages: values, and the influence of each row on them.

The influence of a row depends on its true and its predicted label alone, so one count of (block, true,
predicted) serves every metric of this family. Values equal scikit-learn's, also for labels that are only
true or only predicted, for every zero division, and with weights.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluation.statistics.sketches.row_blocks import BlockMap, Floats, Ints

Average = Literal["binary", "macro", "micro", "weighted"]
Ratio = Literal["precision", "recall", "f1"]

#: A table of (block, true, predicted) with more cells than this costs more than a look at each row.
_MOST_CELLS = 1 << 20

#: What is divided by what: times the hits / times the true ones, plus times the predicted ones.
_RATIOS: dict[Ratio, tuple[float, float, float]] = {
    "precision": (1.0, 0.0, 1.0),
    "recall": (1.0, 1.0, 0.0),
    "f1": (2.0, 1.0, 1.0),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelCounts:
    """How often each label was true, predicted, and both. Of weighted rows, weights are counted."""

    hits: Floats  #: one per label, in the order of the codes; so are the next four
    support: Floats  #: where the label was true
    predicted: Floats
    true_rows: Ints  #: rows, whatever they weigh
    predicted_rows: Ints
    hit_rows: Ints
    by_block: tuple[Floats, Floats, Floats] | None  #: hits, support, predicted of (block, label)
    cells: tuple[Ints, Ints]  #: the true and the predicted label of each row
    block_map: BlockMap

    @property
    def rarest(self) -> int:
        """Rows of the rarest label among those that are true somewhere."""
        return int(self.true_rows[self.true_rows > 0].min())


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelInfluence:
    """A value, and the influence of a row with the true label y and the predicted label h.

    It is `on_true[y] + on_predicted[h]`, and `on_hit[y]` more where y is h.
    """

    value: float  #: NaN where it is undefined
    on_hit: Floats
    on_true: Floats
    on_predicted: Floats

    def of_rows(self, counts: LabelCounts) -> Floats:
        true, predicted = counts.cells
        psi = np.where(true == predicted, self.on_hit[true], 0.0)
        psi += self.on_true[true]
        psi += self.on_predicted[predicted]
        weights = counts.block_map.weights
        return psi if weights is None else psi * weights

    def sums(self, counts: LabelCounts) -> Floats:
        if counts.by_block is None:
            sums = counts.block_map.sums(self.of_rows(counts))
        else:
            hits, support, predicted = counts.by_block
            sums = hits @ self.on_hit + support @ self.on_true + predicted @ self.on_predicted
            sums /= counts.block_map.rows
        # If all rows are right the influences cancel, except for rounding, which must not count as variance.
        largest = max(float(np.abs(part).max()) for part in (self.on_hit, self.on_true, self.on_predicted))
        sums[np.abs(sums) < 1e-12 * largest / counts.block_map.rows] = 0.0
        return sums


def count_labels(true: Ints, predicted: Ints, labels: int, block_map: BlockMap) -> LabelCounts:
    """Counts labels, which are codes from 0 to `labels` - 1. Predicted labels that are no class come last."""
    weights = block_map.weights
    if block_map.blocks * labels * labels <= _MOST_CELLS:
        cell = block_map.of_row * labels
        cell += true
        cell *= labels
        cell += predicted
        size = block_map.blocks * labels * labels
        table = np.bincount(cell, weights=weights, minlength=size).reshape(-1, labels, labels)
        # Each is a float table from here on: integers would take numpy's slow way through `@`.
        by_block = (
            np.einsum("gkk->gk", table).astype(np.float64),
            table.sum(axis=2, dtype=np.float64),
            table.sum(axis=1, dtype=np.float64),
        )
        hits, support, called = (part.sum(axis=0) for part in by_block)
    else:
        by_block = None
        right = true == predicted
        hits = _totals(true[right], labels, None if weights is None else weights[right])
        support, called = _totals(true, labels, weights), _totals(predicted, labels, weights)
    if weights is None:
        rows = [part.astype(np.intp) for part in (support, called, hits)]
    else:
        rows = [np.bincount(codes, minlength=labels) for codes in (true, predicted, true[true == predicted])]
    return LabelCounts(
        hits=hits,
        support=support,
        predicted=called,
        true_rows=rows[0],
        predicted_rows=rows[1],
        hit_rows=rows[2],
        by_block=by_block,
        cells=(true, predicted),
        block_map=block_map,
    )


def accuracy(counts: LabelCounts) -> LabelInfluence:
    value = float(counts.hits.sum() / counts.support.sum())
    labels = len(counts.hits)
    return LabelInfluence(
        value=value, on_hit=np.ones(labels), on_true=np.full(labels, -value), on_predicted=np.zeros(labels)
    )


def expected_cost(
    counts: LabelCounts, *, positive: int, false_positive: float, false_negative: float
) -> LabelInfluence:
    """Of two classes. An answer that is neither of them costs what the wrong one costs."""
    of_true = np.zeros(len(counts.hits))
    of_true[positive], of_true[1 - positive] = false_negative, false_positive
    value = float(((counts.support - counts.hits) * of_true).sum() / counts.support.sum())
    return LabelInfluence(
        value=value, on_hit=-of_true, on_true=of_true - value, on_predicted=np.zeros(len(of_true))
    )


def balanced_accuracy(counts: LabelCounts) -> LabelInfluence:
    """The mean recall of the labels that are true somewhere."""
    return _mean(_of_each_label("recall", counts, zero_division=np.nan), counts.support > 0)


def averaged(
    ratio: Ratio,
    counts: LabelCounts,
    *,
    average: Average,
    positive: int | None = None,
    zero_division: float = 0.0,
) -> LabelInfluence:
    """Precision, recall or f1. `positive` is the code that the binary average looks at."""
    if average == "micro":
        return accuracy(counts)  # over all labels, each row is right once or wrong once
    each = _of_each_label(ratio, counts, zero_division=zero_division)
    occurs = (counts.true_rows + counts.predicted_rows) > 0
    if average == "binary":
        if positive is None:
            raise ValueError("the binary average needs the code of the positive label")
        return _mean(each, np.arange(len(occurs)) == positive)
    counted = occurs & ~np.isnan(each.value)
    weights = np.where(counted, counts.support, 0.0)
    # Weights that are all zero are no weights, as in scikit-learn.
    return (
        _weighted_mean(each, weights, counts)
        if average == "weighted" and weights.any()
        else _mean(each, counted)
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _OfEachLabel:
    """What LabelInfluence holds of one value, for the value of every label by itself."""

    value: Floats
    on_hit: Floats
    on_true: Floats
    on_predicted: Floats


def _of_each_label(ratio: Ratio, counts: LabelCounts, *, zero_division: float) -> _OfEachLabel:
    part, of_true, of_predicted = _RATIOS[ratio]
    whole = of_true * counts.support + of_predicted * counts.predicted
    defined = whole > 0
    safe = np.where(defined, whole, 1.0)
    value = np.where(defined, part * counts.hits / safe, zero_division)
    scale = np.where(defined, counts.block_map.rows / safe, 0.0)
    slope = scale * np.where(defined, value, 0.0)  # a zero division is a constant: no row has influence on it
    return _OfEachLabel(
        value=value, on_hit=part * scale, on_true=-of_true * slope, on_predicted=-of_predicted * slope
    )


def _mean(each: _OfEachLabel, counted: NDArray[np.bool_]) -> LabelInfluence:
    share = counted / max(int(counted.sum()), 1)
    return LabelInfluence(
        value=float(each.value[counted].mean()) if counted.any() else float("nan"),
        on_hit=each.on_hit * share,
        on_true=each.on_true * share,
        on_predicted=each.on_predicted * share,
    )


def _weighted_mean(each: _OfEachLabel, weights: Floats, counts: LabelCounts) -> LabelInfluence:
    """Weights are the support, which is estimated too: a row of a label also moves the label's share."""
    total = weights.sum()
    share = weights / total
    value = float((share * np.where(share > 0, each.value, 0.0)).sum())
    moves_share = np.where(weights > 0, (each.value - value) * counts.block_map.rows / total, 0.0)
    return LabelInfluence(
        value=value,
        on_hit=each.on_hit * share,
        on_true=each.on_true * share + moves_share,
        on_predicted=each.on_predicted * share,
    )


def _totals(codes: Ints, labels: int, weights: Floats | None) -> Floats:
    return np.bincount(codes, weights=weights, minlength=labels).astype(np.float64)
