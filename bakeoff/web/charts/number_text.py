"""Numbers as charts and tables write them: as many digits as are known, and the same number in a column."""

import math
from collections.abc import Iterable

MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
_USUAL_PLACES, _MOST_PLACES = 3, 5
_EXPLODED = 1e6
_MANY = 100
_DAY_S, _HOUR_S, _MINUTE_S = 86_400, 3600, 60

#: Metrics whose usual spelling is not their name with a capital.
_SPELT = {
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "r2": "R²",
    "mae": "MAE",
    "rmse": "RMSE",
    "mse": "MSE",
}


def metric_title(metric: str) -> str:
    """`F1` of `f1`; of a function, `package.module:function`, the name of the function."""
    short = metric.rpartition(":")[2]
    if short in _SPELT:
        return _SPELT[short]
    return short.replace("_", " ")


def places_for(values: Iterable[float | None], half_widths: Iterable[float] = ()) -> int:
    """Decimal places for a column: two digits of what is uncertain, or four digits of the largest value."""
    widths = [width for width in half_widths if width > 0 and math.isfinite(width)]
    if widths:
        median = sorted(widths)[len(widths) // 2]
        return min(max(1 - math.floor(math.log10(median)), 0), _MOST_PLACES)
    known = [abs(value) for value in values if value is not None and math.isfinite(value)]
    usual = [value for value in known if value < _EXPLODED * max(1.0, min(known))]
    largest = max(usual, default=0.0)
    if largest >= 1:
        return max(3 - math.floor(math.log10(largest)), 0)
    return min(max(2 - math.floor(math.log10(largest or 1.0)), _USUAL_PLACES), _MOST_PLACES)


def fixed_text(value: float | None, places: int) -> str:
    if value is None:
        return NOTHING
    text = f"{value:,.{places}f}"
    is_nothing = float(text.replace(",", "")) == 0
    if abs(value) >= _EXPLODED or (is_nothing and value != 0 and places == _MOST_PLACES):
        text = f"{value:.1e}"  # a number of a column that is as large, or as small, as that
    elif is_nothing:
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def signed_text(value: float | None, places: int) -> str:
    if value is None:
        return NOTHING
    text = fixed_text(value, places)
    is_nothing = not text.strip("0.,")
    return text if value <= 0 or is_nothing else f"+{text}"


def brief(value: float | None) -> str:
    """One number with three digits."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    size = abs(value)
    places = min(max(2 - math.floor(math.log10(size)), 0), _MOST_PLACES)
    return fixed_text(value, places)


def cost_text(value: float) -> str:
    """As a table of costs shows it: two or three digits, because the next measurement differs anyway."""
    if value >= _MANY:
        return fixed_text(value, 0)
    return fixed_text(value, 1) if value >= 1 else f"{value:.2g}"


def share_text(share: float) -> str:
    return f"{100 * share:.0f} %"


def duration_text(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    if round(seconds) < _MINUTE_S:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"
