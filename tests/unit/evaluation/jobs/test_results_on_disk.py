"""A result waits until the disk has its files; a part of one does not. No cell is started."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.values.samples import a_candidate, a_job, a_run

from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.cell_outcome import CellOutcome, CellUsage, End
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.jobs.evaluation_job import Scored, evaluate_in_cell
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import (
    EvaluationUnderWay,
    Grant,
    JobPaths,
    StopsNever,
)
from bakeoff.settings.setting_definitions import DatasetSettings

REPORT = {
    "fitSeconds": 0.0,
    "predictSeconds": 0.0,
    "surroundings": {"numpy": "1"},
    "audit": {"files": [], "folders": [], "packages": [], "actions": []},
}


class Cell:
    """Stands for a warm parent, whose cells predict ones."""

    def __init__(self, evaluation: EvaluationUnderWay) -> None:
        self._evaluation = evaluation
        self.orders: list[Order] = []

    def run(self, order: Order, **_: Any) -> CellOutcome:
        self.orders.append(order)
        np.save(
            self._evaluation.paths.predictions, np.ones(self._evaluation.run.dataset.test_rows, dtype=int)
        )
        return CellOutcome(end=End.RETURNED, value=REPORT, usage=CellUsage(wall_s=1.0))


@pytest.fixture
def evaluation(tmp_path: Path) -> EvaluationUnderWay:
    pd.DataFrame({"a": np.arange(40) % 7, "y": np.arange(40) % 2}).to_csv(tmp_path / "d.csv", index=False)
    pinned = pin(
        PinRequest(
            dataset=DatasetSettings(source="csv", path="d.csv", target="y"),
            name="d",
            root=tmp_path,
            snapshots=tmp_path / "snapshots",
            seed=0,
            test_size=0.25,
        )
    )
    rules = ScoringRules(metrics=("accuracy",), average=Average.BINARY, positive_label="1")
    run = a_run(dataset=pinned.ref, rules=rules)
    return EvaluationUnderWay(
        job=a_job(run, candidate=a_candidate(id="guess", path="sklearn.dummy:DummyClassifier")),
        run=run,
        paths=JobPaths(
            root=tmp_path,
            closed=(),
            snapshot=pinned.folder,
            log=tmp_path / "log",
            predictions=tmp_path / "p.npy",
        ),
        grant=Grant(threads=1, memory_mb=None),
        permission=StopsNever(),
    )


@pytest.mark.parametrize("is_part", [False, True])
def test_a_result_waits_for_its_predictions_on_the_disk_and_a_part_of_one_does_not(
    evaluation: EvaluationUnderWay, monkeypatch: pytest.MonkeyPatch, *, is_part: bool
) -> None:
    waited: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda file: waited.append(Path(f"/proc/self/fd/{file}").readlink()))
    cell = Cell(evaluation)

    end = evaluate_in_cell(replace(evaluation, is_part=is_part), cell)  # type: ignore[arg-type]

    assert isinstance(end, Scored)
    assert waited == ([] if is_part else [evaluation.paths.predictions])
    assert [order.synced for order in cell.orders] == [False]
