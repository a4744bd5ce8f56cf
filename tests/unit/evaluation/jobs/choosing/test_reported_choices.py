"""What the supervisor makes of the choices in the report of a cell. No cell is started."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.values.samples import a_candidate, a_job, a_result, a_run

from bakeoff.cell.host.cell_outcome import CellOutcome, CellUsage, End
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.runs.result import Fit, FittedModel
from bakeoff.domain.tuning import ChoosingRules, TunedThreshold, Tuning
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.jobs.cell_failure import Faulty
from bakeoff.evaluation.jobs.evaluation_job import EvaluationEnd, Scored, evaluate_in_cell, rescore
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import (
    EvaluationUnderWay,
    Grant,
    JobPaths,
    StopsNever,
)
from bakeoff.settings.setting_definitions import DatasetSettings

GUESS = a_candidate(id="guess", path="sklearn.dummy:DummyClassifier")
RULES = ChoosingRules(metric="accuracy", positive_label="1", average="binary")
TUNED = replace(GUESS, tune=Tuning(params={"strategy": ["prior"]}, trials=2, rules=RULES))
WITH_THRESHOLD = replace(GUESS, tuned_threshold=TunedThreshold(rules=RULES))
DESCRIPTION = {"type": "m", "feature_names": [], "libraries": {}, "input_example": {}, "hyperparameters": {}}
TRIAL = {"number": 0, "params": {"strategy": "prior"}, "state": "complete", "value": 0.5, "folds": [0.5]}
SEARCH = {"best": 0, "outOfTime": True, "trials": [{**TRIAL, "seconds": 1.0, "error": ""}]}
PLAIN = {
    "fitSeconds": 0.0,
    "predictSeconds": 0.0,
    "surroundings": {"numpy": "1"},
    "audit": {"files": [], "folders": [], "packages": [], "actions": []},
}
OUT_OF_TIME = "tuned with 1 of 2 trials: its time for that was over"


class Cell:
    """Stands for a warm parent: its cells predict ones and report what the test says."""

    def __init__(self, evaluation: EvaluationUnderWay, report: dict[str, Any]) -> None:
        self._evaluation = evaluation
        self._report = {**PLAIN, **report}

    def run(self, *_: Any, **__: Any) -> CellOutcome:
        paths, rows = self._evaluation.paths, self._evaluation.run.dataset.test_rows
        np.save(paths.predictions, np.ones(rows, dtype=int))
        if paths.model is not None:
            paths.model.write_bytes(b"a model")
        return CellOutcome(end=End.RETURNED, value=self._report, usage=CellUsage(wall_s=1.0))


@pytest.fixture
def under_way(tmp_path: Path) -> Callable[..., EvaluationUnderWay]:
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

    def under_way(candidate: Candidate) -> EvaluationUnderWay:
        return EvaluationUnderWay(
            job=a_job(run, candidate=candidate),
            run=run,
            paths=JobPaths(
                root=tmp_path,
                closed=(),
                snapshot=pinned.folder,
                log=tmp_path / "log",
                predictions=tmp_path / "p.npy",
                model=tmp_path / "m.pkl",
            ),
            grant=Grant(threads=1, memory_mb=None),
            permission=StopsNever(),
        )

    return under_way


def ended(evaluation: EvaluationUnderWay, **report: Any) -> EvaluationEnd:
    cell: Any = Cell(evaluation, report)
    return evaluate_in_cell(evaluation, cell)


def test_a_search_that_ran_out_of_time_is_never_reused_and_says_so(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    end = ended(under_way(TUNED), chosen={"tuning": SEARCH})
    in_time = ended(under_way(TUNED), chosen={"tuning": {**SEARCH, "outOfTime": False}})

    assert isinstance(end, Scored)
    assert isinstance(in_time, Scored)
    assert end.provenance is not None
    assert in_time.provenance is not None
    assert OUT_OF_TIME in end.scores.details["warnings"]
    assert "out of time" in end.provenance.obstacle
    assert "out of time" not in in_time.provenance.obstacle


def test_predictions_that_are_scored_anew_keep_the_warning_about_their_search(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    evaluation = under_way(TUNED)
    end = ended(evaluation, chosen={"tuning": SEARCH})
    assert isinstance(end, Scored)
    assert end.provenance is not None
    earlier = Fit(
        result=a_result(evaluation.job, details=end.scores.details),
        rules=evaluation.run.rules,
        train_rows=30,
        test_rows=10,
        provenance=end.provenance,
    )

    again = rescore(evaluation, earlier)

    assert isinstance(again, Scored)
    assert again.scores.details["warnings"].count(OUT_OF_TIME) == 1


@pytest.mark.parametrize("report", [{}, {"chosen": None}, {"chosen": {"threshold": None}}])
def test_a_report_without_its_choice_fails_the_job_and_not_the_supervisor(
    under_way: Callable[..., EvaluationUnderWay], report: dict[str, Any]
) -> None:
    fitted = {"description": {**DESCRIPTION, "signature": {"inputs": [], "outputs": []}}}

    end = ended(under_way(WITH_THRESHOLD), fitted=fitted, **report)

    assert isinstance(end, Faulty)
    assert end.error.type == "BadPredictions"


def test_a_model_is_saved_with_the_threshold_that_was_accepted(
    under_way: Callable[..., EvaluationUnderWay],
) -> None:
    fitted = {"description": {**DESCRIPTION, "signature": {"inputs": [], "outputs": []}}}

    end = ended(under_way(WITH_THRESHOLD), fitted=fitted, chosen={"threshold": 0.25})

    assert isinstance(end, Scored)
    assert isinstance(end.fitted, FittedModel), end.fitted
    assert end.fitted.metadata["threshold"] == 0.25
