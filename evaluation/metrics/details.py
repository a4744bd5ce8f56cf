"""The details of a result: what stands behind the metrics of one candidate, as JSON of bounded size."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from domain.scoring import ScoringRules
from evaluation.metrics.confusion import LARGEST_TABLE, Counts, per_label
from evaluation.metrics.measuring import printable

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
