"""In the cell: a custom metric says what it needs, and scores the predictions of a candidate."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bakeoff.cell.inside.cell_api import CellApi
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import MetricFacts, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.metrics.custom_metric_function import MetricFunction, load_metric
from bakeoff.evaluation.metrics.score_predictions import Scores
from bakeoff.evaluation.metrics.score_snapshot import PredictedFiles, score_snapshot


def describe(payload: Mapping[str, Any], _: CellApi) -> Mapping[str, Any]:
    """Imports one metric. An import that exits or never returns ends this cell."""
    try:
        return {"facts": asdict(load_metric(payload["metric"]).facts)}
    except InvalidInputError as exc:
        return {"problem": str(exc)}


def compute(payload: Mapping[str, Any], _: CellApi) -> Mapping[str, Any]:
    """Computes one metric, as all others of the run are computed: in folds, and for each seed.

    The value comes first. Its influences, for which it is computed many times, must be there before the end
    of `sketchSeconds`: of all parts together, so the cell returns before its own time is over.
    """
    name, give_up_at = payload["metric"], time.monotonic() + payload["sketchSeconds"]
    facts = MetricFacts.from_json(payload["facts"])
    try:
        function = MetricFunction(function=load_metric(name).function, facts=facts)
    except InvalidInputError as exc:
        return {"value": None, "warnings": [str(exc)], "folds": [], "seeds": [], "sums": None}
    predictions = PredictedFiles.from_json(payload["predicted"]).load()

    def scored(function: MetricFunction, *, sketched: bool) -> Scores:
        return score_snapshot(
            predictions,
            Path(payload["snapshot"]),
            dataset=DatasetRef.from_json(payload["dataset"]),
            rules=ScoringRules.from_json(payload["rules"]),
            functions={name: function},
            sealed=payload["sealed"],
            sketched=sketched,
        )

    scores = scored(function, sketched=False)
    warnings, sketch = [*scores.details["warnings"]], None
    if scores.metrics[name] is not None:
        in_time = _InTime(function.function, give_up_at)
        repeated = scored(MetricFunction(function=in_time, facts=facts), sketched=True)
        sketch = None if in_time.has_given_up else repeated.sketches.get(name)
        if sketch is None:
            warnings.append(f"{name} takes too long to be computed many times: it has no interval")
    return {
        "value": scores.metrics[name],
        "warnings": warnings,
        "folds": [fold["metrics"][name] for fold in scores.details.get("folds", ())],
        "seeds": [seed["metrics"][name] for seed in scores.details.get("seeds", ())],
        "sums": None if sketch is None else sketch.sums.tolist(),
        "seedVariance": 0.0 if sketch is None else sketch.seed_variance,
    }


class _InTime:
    """The function, until a point in time: from then on it raises, which ends the jackknife at once."""

    def __init__(self, function: Callable[[Any, Any], Any], give_up_at: float) -> None:
        self._function = function
        self._give_up_at = give_up_at
        self.has_given_up = False

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        if time.monotonic() >= self._give_up_at:
            self.has_given_up = True
            raise TimeoutError
        return self._function(y_true, y_pred)
