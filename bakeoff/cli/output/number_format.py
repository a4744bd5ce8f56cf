"""Formats numbers and durations: only significant digits, and the same number of them in a column."""

from collections.abc import Iterable

NOTHING = "-"
_MOST_DIGITS = 4
_MINUTE, _HOUR = 60, 3600


def decimals(values: Iterable[float | None]) -> int:
    """How many decimal places a column needs to show about five digits of its largest number."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, int) for value in known):
        return 0
    largest = max(map(abs, known), default=0)
    digits_before = len(str(int(largest))) if largest < 1e15 else 15  # noqa: PLR2004 - a float has no more digits
    return max(0, _MOST_DIGITS + 1 - digits_before)


def fixed(value: float | None, places: int) -> str:
    if value is None:
        return NOTHING
    text = f"{value:.{places}f}"
    is_lost = value != 0 and float(text) == 0
    return f"{value:.1e}" if is_lost else text


def plain(value: float | None) -> str:
    """One number on its own."""
    if isinstance(value, int):
        return f"{value:,}"
    return fixed(value, decimals([value]))


def duration(seconds: float) -> str:
    if round(seconds, 1) < 10:  # noqa: PLR2004 - below, tenths tell something
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} m {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} m"
