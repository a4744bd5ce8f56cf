"""What the others do for a bake-off: plain functions, each tuned as far as its documentation goes.

All of them map the same snapshot, score with the same functions, and write one row for each candidate, in a
transaction of its own, to an SQLite with the same settings as ours.
"""

import importlib
import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Self

from bakeoff.domain.candidate import Candidate
from bakeoff.evaluation.datasets.read_snapshot import classes, open_snapshot, sealed_labels
from bakeoff.evaluation.metrics.score_predictions import score
from bakeoff.evaluation.planning.run_plan import Plan
from bakeoff.settings.setting_definitions import Settings
from bakeoff.worker.worker_oven import preloaded
from benchmarks.bakeoffs.prepared_project import Stand
from registry.code.model_building import build
from registry.columns.check_predictions import Predictions

Metrics = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is the same for all candidates; short, for it is sent with each."""

    plan: Plan  #: without its candidates
    snapshot: Path
    root: Path

    @classmethod
    def of(cls, stand: Stand) -> Self:
        return cls(plan=replace(stand.plan, candidates=()), snapshot=stand.snapshot, root=stand.folder)


def evaluate(candidate: Candidate, subject: Subject) -> tuple[str, Metrics]:
    data = open_snapshot(subject.snapshot / "open")
    model = build(candidate, root=subject.root, seed=subject.plan.seed)
    model.fit(data.X_train, data.y_train)
    scores = score(
        sealed_labels(subject.snapshot),
        Predictions(values=model.predict(data.X_test), output_kind=candidate.output_kind),
        rules=subject.plan.rules,
        target_kind=subject.plan.dataset.target_kind,
        classes=classes(subject.snapshot),
    )
    return candidate.id, scores.metrics


@cache
def warm_up() -> None:
    """Load what a worker of ours has loaded, too."""
    for name in preloaded(Settings()):
        module, _, function = name.partition(":")
        loaded = importlib.import_module(module)
        if function:
            getattr(loaded, function)()


def wait_warm() -> None:
    """Long enough that a second one begins elsewhere."""
    warm_up()
    time.sleep(0.3)


class Rows:
    """The table of results, on a connection that is kept."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, timeout=30, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS results (model_id TEXT PRIMARY KEY, metrics TEXT, written_at REAL)"
        )

    def add(self, model_id: str, metrics: Metrics) -> None:
        row = (model_id, json.dumps(metrics), time.time())
        self._connection.execute("INSERT INTO results VALUES (?, ?, ?)", row)

    def clear(self) -> None:
        self._connection.execute("DELETE FROM results")

    def count(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM results").fetchone()[0])

    def metrics(self) -> dict[str, Any]:
        rows = self._connection.execute("SELECT model_id, metrics FROM results")
        return {model_id: json.loads(text) for model_id, text in rows}

    def last_written_at(self) -> float:
        return float(self._connection.execute("SELECT max(written_at) FROM results").fetchone()[0])
