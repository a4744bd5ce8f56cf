"""Intervals of one score, each of the kind that covered best where it was measured.

proportions          Wilson, on the trials
f1 of two classes    Wilson on hits of the union (Jaccard), then carried over: f1 = 2 J / (1 + J)
from 0 to 1          t on the logit; so is everything above with groups or weights, where trials mislead
losses               t on the logarithm
r2                   t on the logarithm of 1 - r2
anything else        t on the value itself
"""

import math

from scipy import special

from bakeoff.domain.runs.verdict import Interval
from bakeoff.evaluation.statistics.sketches.sketch import IntervalKind, Sketch

#: Fewer rows than this, and the interval says on how many it rests.
FEW_ROWS = 10

#: A value or standard error this close to its limit is at the limit: sums are rounded.
ROUNDING = 1e-12

_COUNTED = {IntervalKind.PROPORTION, IntervalKind.JACCARD}


def interval(sketch: Sketch, *, level: float = 0.05) -> Interval | None:
    """The interval holds the true value in all but `level` of the cases.

    None where the metric is undefined, or rests on nothing.
    """
    if sketch.value is None:
        return None
    is_counted = sketch.kind in _COUNTED and sketch.groups is None and not sketch.weighted
    if is_counted and sketch.variance_factor == 1 and sketch.seeds == 1:
        return _of_counts(sketch, level)
    if not sketch.is_estimable:
        return None
    value = -sketch.value if sketch.negated else sketch.value
    if sketch.kind in _COUNTED or sketch.kind is IntervalKind.BOUNDED:
        found = _bounded(sketch, value, level)
    else:
        found = _unbounded(sketch, value, level)
    if found is None or not sketch.negated:
        return found
    return Interval(low=-found.high, high=-found.low, rests_on=found.rests_on)


def wilson(share: float, trials: float, *, level: float = 0.05) -> tuple[float, float]:
    """Wilson's score interval of a proportion. `trials` need not be whole."""
    z = float(special.ndtri(1 - level / 2))
    share = min(max(share, 0.0), 1.0)
    middle = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    whole = 1 + z * z / trials
    return min(max((middle - half) / whole, 0.0), 1.0), min(max((middle + half) / whole, 0.0), 1.0)


def _of_counts(sketch: Sketch, level: float) -> Interval | None:
    trials, hits = sketch.trials or 0, sketch.hits or 0
    if trials == 0:
        return None  # no trial, no estimate: the value is the zero division that somebody chose
    low, high = wilson(hits / trials, trials, level=level)
    if sketch.kind is IntervalKind.JACCARD:
        low, high = 2 * low / (1 + low), 2 * high / (1 + high)
    return Interval(low=low, high=high, rests_on=_if_few(trials))


def _bounded(sketch: Sketch, value: float, level: float) -> Interval | None:
    if sketch.base == 0:
        return None
    if min(value, 1 - value) <= ROUNDING or sketch.se <= ROUNDING:
        # The rows do not vary, so the logit has no width. Wilson's interval of as many hits is used instead.
        trials = sketch.base / sketch.variance_factor
        low, high = wilson(value, trials, level=level)
        return Interval(low=low, high=high, rests_on=_if_few(trials))
    half = _t(sketch, level) * sketch.se / (value * (1 - value))
    logit = math.log(value / (1 - value))
    return Interval(low=_logistic(logit - half), high=_logistic(logit + half), rests_on=_if_few(sketch.n_eff))


def _unbounded(sketch: Sketch, value: float, level: float) -> Interval:
    rests_on = _if_few(sketch.n_eff)
    if sketch.se <= ROUNDING * abs(value):
        return Interval(low=value, high=value, rests_on=rests_on)
    half = _t(sketch, level) * sketch.se
    if sketch.kind is IntervalKind.EXPLAINED and value < 1:
        factor = _exp(half / (1 - value))
        low, high = 1 - (1 - value) * factor, 1 - (1 - value) / factor
    elif sketch.kind in {IntervalKind.LOSS, IntervalKind.BOUNDED_LOSS} and value > 0:
        factor = _exp(half / value)
        low, high = value / factor, value * factor
    else:
        low, high = value - half, value + half
    return Interval(low=low, high=high, rests_on=rests_on)


def _t(sketch: Sketch, level: float) -> float:
    """The quantile of t: greater where the value rests on few rows (Satterthwaite, by the kurtosis)."""
    return float(special.stdtrit(2 * sketch.n_eff, 1 - level / 2))


def _if_few(rows: float) -> int | None:
    return round(rows) if rows < FEW_ROWS else None


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def _exp(x: float) -> float:
    """Finite, so that a hopelessly wide interval can still be written as JSON."""
    return math.exp(min(x, 300.0))
