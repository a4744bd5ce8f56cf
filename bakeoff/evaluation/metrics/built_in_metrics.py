"""The built-in metrics. They need numpy alone.

Classification: the true and predicted labels are counted, and the metrics follow from the counts. The numbers
equal scikit-learn's for every average and zero division, in a hundredth of its time. Regression: both arrays
are 1-d, of 64-bit floats.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.metric_names_and_scoring_rules import Average

#: With more labels than this, the confusion table is neither computed nor shown.
LARGEST_TABLE = 50

Numbers = NDArray[Any]
Values = NDArray[np.float64]

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


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


def expected_cost(counts: Counts, *, positive: int, false_positive: float, false_negative: float) -> float:
    """What an answer costs on average, of two classes; right answers cost nothing."""
    wrong = counts.support - counts.hits
    cost = false_negative * wrong[positive] + false_positive * wrong[1 - positive]
    return float(cost / counts.support.sum())


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


def r2(true: Values, predicted: Values) -> float:
    """Equals scikit-learn's: NaN for one row; where the truth is constant, 1 if all are right, else 0."""
    if len(true) < 2:  # noqa: PLR2004 - a variance needs two rows
        return float("nan")
    unexplained = float(np.sum((true - predicted) ** 2))
    total = float(np.sum((true - true.mean()) ** 2))
    if total == 0:
        return 1.0 if unexplained == 0 else 0.0
    return 1 - unexplained / total


def mae(true: Values, predicted: Values) -> float:
    return float(np.abs(true - predicted).mean())


def rmse(true: Values, predicted: Values) -> float:
    return float(np.sqrt(((true - predicted) ** 2).mean()))


def residuals(true: Values, predicted: Values) -> dict[str, Any]:
    """Mean, spread and quantiles of true minus predicted."""
    errors = true - predicted
    quantiles = np.quantile(errors, _QUANTILES)
    return {
        "mean": float(errors.mean()),
        "std": float(errors.std()),
        "quantiles": {f"{share:g}": float(value) for share, value in zip(_QUANTILES, quantiles, strict=True)},
    }
