"""Scores over several seeds: a metric is the mean of theirs, and its sketch counts how much they differ.

The details behind the metrics are those of the first seed; beside them stands what each seed scored.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bakeoff.evaluation.metrics.result_details import bounded
from bakeoff.evaluation.metrics.score_predictions import Scores
from bakeoff.evaluation.statistics import seeds


def over_seeds(scored: Sequence[Scores]) -> Scores:
    """Of a single seed, its own scores."""
    first = scored[0]
    if len(scored) == 1:
        return first
    values = {name: [one.metrics[name] for one in scored] for name in first.metrics}
    metrics = {name: _mean(of_seeds) for name, of_seeds in values.items()}
    undefined = [name for name, value in metrics.items() if value is None and first.metrics[name] is not None]
    warnings = [
        *first.details["warnings"],
        *(f"{name} is undefined with one of the seeds, so it has no mean" for name in undefined),
    ]
    details: dict[str, Any] = {
        **first.details,
        "warnings": bounded(warnings),
        "seeds": [{"seed": place + 1, "metrics": dict(one.metrics)} for place, one in enumerate(scored)],
    }
    if "folds" in first.details:
        details["folds"] = [
            {**fold, "seed": place + 1} for place, one in enumerate(scored) for fold in one.details["folds"]
        ]
    sketched = {
        name: seeds.over_seeds([one.sketches[name] for one in scored])
        for name, value in metrics.items()
        if value is not None and all(name in one.sketches for one in scored)
    }
    return replace(first, metrics=metrics, details=details, sketches=sketched)


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if len(defined) == len(values) else None
