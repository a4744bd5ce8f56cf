"""In the cell: what a custom metric says of itself, and its value for the predictions of a candidate."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bakeoff.cell.inside.cell_api import CellApi
from bakeoff.domain.dataset import DatasetRef
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric import MetricFacts, ScoringRules
from bakeoff.evaluation.metrics.metric_function import MetricFunction, load_metric
from bakeoff.evaluation.metrics.score_snapshot import PredictedFiles, score_snapshot


def describe(payload: Mapping[str, Any], _: CellApi) -> Mapping[str, Any]:
    """Imports one metric. An import that exits or never returns ends this cell."""
    try:
        return {"facts": asdict(load_metric(payload["metric"]).facts)}
    except InvalidInputError as exc:
        return {"problem": str(exc)}


def compute(payload: Mapping[str, Any], _: CellApi) -> Mapping[str, Any]:
    """Computes one metric, as all others of the run are computed: in folds, and for each seed."""
    name = payload["metric"]
    facts = MetricFacts.from_json(payload["facts"])
    try:
        function = MetricFunction(function=load_metric(name).function, facts=facts)
    except InvalidInputError as exc:
        return {"value": None, "warnings": [str(exc)], "folds": [], "seeds": [], "sums": None}
    scores = score_snapshot(
        PredictedFiles.from_json(payload["predicted"]).load(),
        Path(payload["snapshot"]),
        dataset=DatasetRef.from_json(payload["dataset"]),
        rules=ScoringRules.from_json(payload["rules"]),
        functions={name: function},
        sealed=payload["sealed"],
        sketched=payload["sketched"],
    )
    sketch = scores.sketches.get(name)
    return {
        "value": scores.metrics[name],
        "warnings": scores.details["warnings"],
        "folds": [fold["metrics"][name] for fold in scores.details.get("folds", ())],
        "seeds": [seed["metrics"][name] for seed in scores.details.get("seeds", ())],
        "sums": None if sketch is None else sketch.sums.tolist(),
        "seedVariance": 0.0 if sketch is None else sketch.seed_variance,
    }
