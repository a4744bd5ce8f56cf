"""What verdicts cost: the sketches beside each metric of 500,000 rows, and the judging of 50 candidates."""

import time
import tracemalloc
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import CLASSIFICATION_METRICS, Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.metrics import score_predictions
from bakeoff.evaluation.metrics.score_predictions import score
from bakeoff.evaluation.statistics.reach_verdict import JudgedCandidate, judge
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from benchmarks.verdicts.rate_tables import Figure, Table
from benchmarks.verdicts.simulated_scores import accuracies, stream
from registry.columns.check_predictions import Predictions

_ROWS = 500_000
_CANDIDATES = 50
_SETS = {
    "the default metrics": CLASSIFICATION_METRICS,
    "roc_auc": ("roc_auc",),
    "average_precision": ("average_precision",),
}


def tables(runs: int, seed: int, _only: str) -> Iterator[Table]:
    yield Table(
        title=f"Scoring {_ROWS:,} rows of two classes, in ms, the median of {runs}",
        figures=[figure for name, metrics in _SETS.items() for figure in _scoring(name, metrics, runs, seed)],
    )
    yield Table(
        title=f"Judging {_CANDIDATES} candidates by accuracy, the median of {runs}",
        figures=[_judging(rows, runs, seed, column) for rows in (5000, _ROWS) for column in ("ms", "MB")],
    )


def _scoring(name: str, metrics: tuple[str, ...], runs: int, seed: int) -> Iterator[Figure]:
    chance = stream(seed, name)
    true = chance.integers(0, 2, _ROWS)
    probabilities = np.clip(0.5 + 0.2 * (true - 0.5) + 0.2 * chance.standard_normal(_ROWS), 0, 1)
    predictions = Predictions(values=probabilities, output_kind=OutputKind.PROBA)
    rules = ScoringRules(metrics=metrics, positive_label="1", average=Average.BINARY)

    def scored() -> Any:
        return score(true, predictions, rules=rules, target_kind=TargetKind.BINARY, classes=[0, 1])

    whole = _median_ms(scored, runs)
    sketched, score_predictions.sketches_of = score_predictions.sketches_of, lambda *_, **__: {}
    try:
        without = _median_ms(scored, runs)
    finally:
        score_predictions.sketches_of = sketched
    for column, value in (("without", without), ("with sketches", whole), ("added", whole - without)):
        yield Figure(case=name, column=column, value=value, error=0.0, runs=0)


def _judging(rows: int, runs: int, seed: int, column: str) -> Figure:
    sketches = accuracies(stream(seed, "cost"), rows, 0.6, [0.85] * _CANDIDATES)
    stored = [sketch.to_bytes() for sketch in sketches]

    def judged() -> Any:
        candidates = [
            JudgedCandidate(id=f"m{place}", sketch=Sketch.from_bytes(content))
            for place, content in enumerate(stored)
        ]
        return judge(candidates, metric="accuracy", greater_is_better=True)

    value = _median_ms(judged, runs) if column == "ms" else _peak_mb(judged)
    return Figure(case=f"{rows:,} rows", column=column, value=value, error=0.0, runs=0)


def _median_ms(act: Callable[[], Any], runs: int) -> float:
    act()  # imports and caches are there from here on, as in a worker
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        act()
        took.append(1000 * (time.perf_counter() - began))
    return median(took)


def _peak_mb(act: Callable[[], Any]) -> float:
    tracemalloc.start()
    act()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6
