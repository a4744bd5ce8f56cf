"""Asking for a metric that is not ours: the answer is a number, or None, and then a note says why."""

import math
import traceback
import warnings
from collections.abc import Callable, Iterable
from typing import Any

_MOST_NOTES = 20
_LONGEST_NOTE = 300


def attempted(name: str, measure: Callable[[], Any], notes: list[str]) -> float:
    """NaN if it fails, with the reason among the notes; its warnings are notes too."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        value = _asked(name, measure, notes)
    notes += (f"{name}: {warning.message}" for warning in heard)
    return value


def _asked(name: str, measure: Callable[[], Any], notes: list[str]) -> float:
    try:
        return float(measure())
    except Exception as exc:  # noqa: BLE001 - strangers' code: what it raises must not take the other metrics along
        notes.append(f"{name} failed: {described(exc)}")
        return math.nan


def defined(name: str, value: float, notes: list[str]) -> float | None:
    """JSON has neither NaN nor infinity."""
    if math.isfinite(value):
        return value
    if not any(note.startswith((f"{name}:", f"{name} ")) for note in notes):
        notes.append(f"{name} is undefined for these predictions: {value}")
    return None


def described(exc: BaseException) -> str:
    """Class and message, also of an exception that cannot print itself."""
    return traceback.format_exception_only(exc)[-1].strip()


def bounded(notes: Iterable[str]) -> list[str]:
    """Each once, as many and as long as a record can bear."""
    return [printable(note, _LONGEST_NOTE) for note in list(dict.fromkeys(notes))[:_MOST_NOTES]]


def printable(text: str, longest: int = 100) -> str:
    """What databases and terminals take: no NUL, no half of a surrogate pair, no control character."""
    clean = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:longest]
    )
    return clean if len(text) <= longest else f"{clean}..."
