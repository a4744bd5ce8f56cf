"""Formats numbers and durations: only significant digits, and the same number of them in a column."""

from collections.abc import Iterable

NOTHING = "-"
_MOST_DIGITS = 4
_TOO_LONG = 1e15  #: from here on a number is written with an exponent: a float has no more digits
_EXPLODED = 1e6  #: times the smallest number of a column: such a number takes no digits from the others
_MINUTE, _HOUR = 60, 3600


def decimals(values: Iterable[float | None]) -> int:
    """How many decimal places a column needs to show about five digits of its largest number."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, int) for value in known):
        return 0
    usual = [abs(value) for value in known if abs(value) < explodes_at(known)]
    largest = min(max(usual, default=0), _TOO_LONG)
    digits_before = len(str(int(largest)))
    return max(0, _MOST_DIGITS + 1 - digits_before)


def explodes_at(values: Iterable[float | None]) -> float:
    """The size from which a number of these has exploded, such as an r2 of -1e19 beside one of 0.9."""
    sizes = [abs(value) for value in values if value is not None]
    return _EXPLODED * max(1.0, min(sizes, default=0.0))


def fixed(value: float | None, places: int) -> str:
    if value is None:
        return NOTHING
    text = f"{value:.{places}f}"
    is_lost = value != 0 and float(text) == 0
    is_too_long = abs(value) >= (_EXPLODED if places else _TOO_LONG)
    return f"{value:.1e}" if is_lost or is_too_long else text


def bounds(low: float, high: float, places: int) -> str:
    """An interval. A bound that is nothing beside the other one is written as 0, without an exponent."""
    written = [fixed(low, places), fixed(high, places)]
    if max(abs(low), abs(high)) >= 10.0**-places:
        written = [
            f"{0:.{places}f}" if float(f"{bound:.{places}f}") == 0 else text
            for bound, text in zip((low, high), written, strict=True)
        ]
    return " to ".join(written)


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
