"""The details of a result: what is behind the metrics of one candidate, as JSON of bounded size.

They hold the counts of each class, or the residuals, and notes: why a metric has no value, and its warnings.
"""

import math
import traceback
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.evaluation.metrics.built_in_metrics import LARGEST_TABLE, Counts, per_label

_MOST_NOTES = 20
_LONGEST_NOTE = 300


def value_or_nan(name: str, measure: Callable[[], Any], notes: list[str]) -> float:
    """Calls a metric that is not built in. If it fails the value is NaN and a note says why."""
    value = math.nan
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = float(measure())
        except MemoryError:  # before the limit of its cell ended it, which is said in the same words
            notes.append(f"{name} ran out of memory")
        except Exception as exc:  # noqa: BLE001 - a metric may be untrusted code; the other metrics must go on
            notes.append(f"{name} failed: {exception_line(exc)}")
    notes += (f"{name}: {warning.message}" for warning in caught)
    return value


def finite_or_none(name: str, value: float, notes: list[str]) -> float | None:
    """The value; None for NaN and infinity, which JSON does not have, and a note says so."""
    if math.isfinite(value):
        return value
    if not any(note.startswith((f"{name}:", f"{name} ")) for note in notes):
        notes.append(f"{name} is undefined for these predictions: {value}")
    return None


def exception_line(exc: BaseException) -> str:
    """Class and message, also of an exception whose __str__ fails."""
    return traceback.format_exception_only(exc)[-1].strip()


def bounded(notes: Iterable[str]) -> list[str]:
    """The notes without repetition, and no more and no longer ones than a record may hold."""
    return [printable(note, _LONGEST_NOTE) for note in list(dict.fromkeys(notes))[:_MOST_NOTES]]


def printable(text: str, longest: int = 100) -> str:
    """Escape what databases and terminals refuse: NUL, half a surrogate pair, control characters."""
    clean = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:longest]
    )
    return clean if len(text) <= longest else f"{clean}..."


_PER_CLASS = ("precision", "recall", "f1")


def of_classes(counts: Counts, labels: Sequence[Any], rules: ScoringRules) -> dict[str, Any]:
    """Details for each class. Of many classes, only those with the most rows, and no confusion table."""
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
    """Infinite and undefined numbers become None, also in nested mappings."""
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
