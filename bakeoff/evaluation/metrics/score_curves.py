"""Curves of one candidate's predictions, small enough to be stored and drawn: at most 400 vertices each.

Of two classes, with probabilities or scores:

    roc               true and false positive rate at each threshold
    precisionRecall   precision and recall at each threshold
    atThreshold       where the candidate itself decides, on both curves
    calibration       what was said against what came true; needs probabilities

Of more classes, `roc` is the mean over the classes, each against the rest, and `calibration` that of the
class that is said to be the likeliest. Of numbers, `predictedTrue` is the truth where the candidate predicts
about the same, and `residuals` a histogram of truth less prediction.

Rows that are sealed have been left out before. Everything follows from one sort of the scores.
"""

import math
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Vertices of a stored curve.
MOST_VERTICES: Final = 400

_BINS = 10
_VALUE_BINS = 20
_FEWEST_ROWS = 25  #: of a bin
_FEWEST_BINS, _MOST_BINS = 8, 40  #: of a histogram
_SAME, _TOO_LARGE = 1e-9, 1e150
_TAIL = 0.005  #: of the residuals at each end are counted beside the histogram, else a few would stretch it
_MOST_SORTED = 2_000_000  #: probabilities that are sorted for a mean over classes
_Z = 1.959963984540054  #: of 95 %
_DIGITS = 5


def label_curves(
    true: NDArray[np.intp],
    predicted: NDArray[np.intp],
    *,
    positive: int | None,
    probabilities: Floats | None,
    decisions: Floats | None,
) -> dict[str, Any]:
    """`true` and `predicted` are codes of classes; `positive` is that of the positive one of two classes."""
    if probabilities is None and decisions is None:
        return {}
    if positive is None:
        return {} if probabilities is None else _of_many_classes(true, probabilities)
    scores = decisions if probabilities is None else probabilities[:, positive]
    assert scores is not None  # noqa: S101 - one of the two is given
    hits = true == positive
    order = np.argsort(scores, kind="stable")
    ranked, hits_ranked = np.asarray(scores, np.float64)[order], hits[order]
    curves: dict[str, Any] = {}
    if 0 < (positives := int(hits.sum())) < len(hits):
        thresholds, found, false = _counts_above(ranked, hits_ranked)
        curves["roc"] = _roc(thresholds, found / positives, false / (len(hits) - positives))
        curves["precisionRecall"] = _precision_recall(thresholds, found, false, positives, len(hits))
        curves["atThreshold"] = _at_threshold(hits, predicted == positive)
    if probabilities is not None:
        curves["calibration"] = _calibration(ranked, hits_ranked)
    return curves


def value_curves(true: Floats, predicted: Floats) -> dict[str, Any]:
    """Numbers. Empty where some are not finite, or are so large that sums of them are not."""
    residuals = true - predicted
    sizes = [np.abs(values).max(initial=0.0) for values in (true, predicted, residuals)]
    if not len(true) or not max(sizes) < _TOO_LARGE:  # not, so that NaN is out, too
        return {}
    return {"predictedTrue": _predicted_true(true, predicted), "residuals": _histogram(residuals)}


def _counts_above(ranked: Floats, hits: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Of each distinct score, highest first: how many true and false ones are at or above it."""
    first = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])  # where each distinct score begins
    hits_above = np.r_[0, np.cumsum(hits[::-1])]
    above = len(ranked) - first[::-1]
    found = hits_above[above]
    return ranked[first[::-1]], found.astype(np.float64), (above - found).astype(np.float64)


def _roc(thresholds: Floats, true_rate: Floats, false_rate: Floats) -> dict[str, Any]:
    x, y = np.r_[0.0, false_rate], np.r_[0.0, true_rate]
    # Both rates only grow, so equal steps of their sum bound the area between a chord and the curve.
    kept = _evenly((x + y) / 2, MOST_VERTICES)
    return {
        "falsePositiveRate": _rounded(x[kept]),
        "truePositiveRate": _rounded(y[kept]),
        "thresholds": [None, *_rounded(thresholds[kept[1:] - 1])],  # above all scores there is no number
        "area": round(float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)), _DIGITS),
    }


def _precision_recall(
    thresholds: Floats, found: Floats, false: Floats, positives: int, rows: int
) -> dict[str, Any]:
    recall, precision = found / positives, found / (found + false)
    average_precision = float(np.sum(np.diff(np.r_[0.0, recall]) * precision))
    # Between two hits precision falls while recall stays: the middle of that straight line says nothing.
    moves = np.diff(recall) > 0
    corners = np.flatnonzero(np.r_[True, moves] | np.r_[moves, True])
    recall, precision, thresholds = recall[corners], precision[corners], thresholds[corners]
    # Precision jumps where recall is small: half of the vertices are spent on recall, half on the whole way.
    way = np.r_[0.0, np.cumsum(np.abs(np.diff(recall)) + np.abs(np.diff(precision)))]
    kept = np.union1d(_evenly(recall, MOST_VERTICES // 2), _evenly(way, MOST_VERTICES // 2))
    return {
        "recall": _rounded(recall[kept]),
        "precision": _rounded(precision[kept]),
        "thresholds": _rounded(thresholds[kept]),
        "averagePrecision": round(average_precision, _DIGITS),
        "positiveShare": round(positives / rows, _DIGITS),
    }


def _evenly(way: Floats, most: int) -> NDArray[np.intp]:
    """The places of at most so many points: all of few, else about the same way apart, both ends included."""
    if len(way) <= most:
        return np.arange(len(way))
    wanted = np.linspace(way[0], way[-1], most)
    return np.unique(np.r_[0, np.searchsorted(way, wanted[1:-1]), len(way) - 1])


def _at_threshold(hits: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> dict[str, float | None]:
    both, positives, named = int((hits & chosen).sum()), int(hits.sum()), int(chosen.sum())
    return {
        "truePositiveRate": round(both / positives, _DIGITS),
        "falsePositiveRate": round((named - both) / (len(hits) - positives), _DIGITS),
        "precision": round(both / named, _DIGITS) if named else None,
    }


def _of_many_classes(true: NDArray[np.intp], probabilities: Floats) -> dict[str, Any]:
    curves: dict[str, Any] = {"calibration": _top_label(true, probabilities)}
    present = np.flatnonzero(np.bincount(true, minlength=probabilities.shape[1])[: probabilities.shape[1]])
    if len(present) > 1 and probabilities.size <= _MOST_SORTED:
        curves["roc"] = _mean_roc([_rates(true == code, probabilities[:, code]) for code in present])
    return curves


def _rates(hits: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """False and true positive rate at each threshold, from 0 to 1."""
    order = np.argsort(scores, kind="stable")
    _, found, false = _counts_above(np.asarray(scores, np.float64)[order], hits[order])
    positives = int(hits.sum())
    return np.r_[0.0, false / (len(hits) - positives)], np.r_[0.0, found / positives]


def _mean_roc(curves: list[tuple[Floats, Floats]]) -> dict[str, Any]:
    """At equal steps of the false positive rate, which is exact enough to look at; the area is exact."""
    x = np.linspace(0.0, 1.0, MOST_VERTICES)
    y = np.mean([np.interp(x, false_rate, true_rate) for false_rate, true_rate in curves], axis=0)
    areas = [np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2) for false, true in curves]
    return {
        "falsePositiveRate": _rounded(x),
        "truePositiveRate": _rounded(y),
        "thresholds": [None] * len(x),
        "area": round(float(np.mean(areas)), _DIGITS),
        "classes": len(curves),
    }


def _top_label(true: NDArray[np.intp], probabilities: Floats) -> list[dict[str, float]]:
    said = probabilities.max(axis=1)
    order = np.argsort(said, kind="stable")
    return _calibration(said[order], (probabilities.argmax(axis=1) == true)[order])


def _calibration(ranked: Floats, hits: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Bins of as many rows each as ties allow, with Wilson intervals of the share that came true."""
    edges = _bin_edges(ranked, _BINS)
    bins = []
    for low, high in pairwise(edges):
        rows, share = high - low, float(hits[low:high].mean())
        middle = (share + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
        half = _Z * np.sqrt(share * (1 - share) / rows + _Z**2 / (4 * rows**2)) / (1 + _Z**2 / rows)
        bins.append(
            {
                "predicted": round(float(ranked[low:high].mean()), _DIGITS),
                "observed": round(share, _DIGITS),
                "low": round(max(0.0, middle - half), _DIGITS),
                "high": round(min(1.0, middle + half), _DIGITS),
                "rows": int(rows),
            }
        )
    return bins


def _predicted_true(true: Floats, predicted: Floats) -> list[dict[str, float]]:
    order = np.argsort(predicted, kind="stable")
    ranked, truth = predicted[order], true[order]
    edges = _bin_edges(ranked, _VALUE_BINS)
    bins = []
    for begin, end in pairwise(edges):
        low, median, high = np.quantile(truth[begin:end], (0.1, 0.5, 0.9))
        bins.append(
            {
                "predicted": float(np.median(ranked[begin:end])),
                "low": float(low),
                "median": float(median),
                "high": float(high),
                "rows": int(end - begin),
            }
        )
    return bins


def _bin_edges(ranked: Floats, most: int) -> list[int]:
    """Where bins begin, and the end of the last. Equal values share a bin; none has fewer than 25 rows."""
    rows = len(ranked)
    bins = min(most, rows // _FEWEST_ROWS)
    if not bins:
        return []
    wanted = np.linspace(0, rows, bins + 1).astype(int)[1:-1]
    begins = np.searchsorted(ranked, ranked[wanted], side="left")
    edges = [0]
    for begin in begins.tolist():
        if begin - edges[-1] >= _FEWEST_ROWS:  # as many are always left behind the last one
            edges.append(begin)
    return [*edges, rows]


def _histogram(residuals: Floats) -> dict[str, Any]:
    low, high = (float(bound) for bound in np.quantile(residuals, (_TAIL, 1 - _TAIL)))
    if low == high:
        low, high = float(residuals.min()), float(residuals.max())
    if high - low <= _SAME * max(abs(low), abs(high)):  # no room for bins between such numbers
        half = abs(low) / 2 or 0.5
        low, high = low - half, high + half
    counts, edges = np.histogram(
        residuals, bins=min(max(math.isqrt(len(residuals)), _FEWEST_BINS), _MOST_BINS), range=(low, high)
    )
    return {
        "edges": [float(edge) for edge in edges],
        "counts": counts.tolist(),
        "below": int((residuals < low).sum()),
        "above": int((residuals > high).sum()),
    }


def _rounded(values: Floats) -> list[float]:
    return [round(value, _DIGITS) for value in values.tolist()]
