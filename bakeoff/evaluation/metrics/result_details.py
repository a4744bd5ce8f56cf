"""Asking for a metric that is not ours: the answer is a number, or None, and then a note says why.

The details of a result: what stands behind the metrics of one candidate, as JSON of bounded size.
"""

import math
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bakeoff.domain.metric import ScoringRules
from bakeoff.evaluation.metrics.confusion_counts import LARGEST_TABLE, Counts, per_label

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


_PER_CLASS = ("precision", "recall", "f1")


def of_classes(counts: Counts, labels: Sequence[Any], rules: ScoringRules) -> dict[str, Any]:
    """Of many labels, those with the largest support; the confusion only if it shows all of them."""
    shown = _largest(counts)
    ratios = {name: per_label(name, counts, zero_division=rules.zero_division) for name in _PER_CLASS}
    details: dict[str, Any] = {
        "classes": [_label(labels[code]) for code in shown],
        "classCount": len(labels),
        "perClass": [
            {
                "label": _label(labels[code]),
                **{name: _number(values[code]) for name, values in ratios.items()},
                "support": int(counts.support[code]),
            }
            for code in shown
        ],
    }
    return details if counts.table is None else {**details, "confusion": counts.table.tolist()}


def without_nan(details: Mapping[str, Any]) -> dict[str, Any]:
    """Infinite and undefined numbers become None, also in the mappings within."""
    return {
        key: without_nan(value) if isinstance(value, Mapping) else _number(value)
        for key, value in details.items()
    }


def _largest(counts: Counts) -> list[int]:
    if len(counts.support) <= LARGEST_TABLE:
        return list(range(len(counts.support)))
    by_support = np.argsort(-counts.support, kind="stable")[:LARGEST_TABLE]
    return sorted(by_support.tolist())


def _label(label: Any) -> Any:
    return printable(label) if isinstance(label, str) else label


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
