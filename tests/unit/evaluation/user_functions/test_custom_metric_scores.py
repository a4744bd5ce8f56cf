"""What the supervisor believes of the cell of a custom metric: numbers, and nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.cell_outcome import CellOutcome, CellUsage, End
from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.machine.work_in_thread import StoppedError
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, TargetKind
from bakeoff.evaluation.metrics.score_predictions import Scores, score
from bakeoff.evaluation.metrics.score_snapshot import PredictedFiles
from bakeoff.evaluation.user_functions import custom_metric_scores
from bakeoff.evaluation.user_functions.custom_metric_scores import CustomScoring, with_custom_metrics
from registry.columns.check_predictions import Predictions

NAME = "mine:profit"
TRUE = np.arange(40) % 2
PREDICTIONS = Predictions(values=(np.arange(40) % 3 == 0).astype(int), output_kind=OutputKind.LABELS)
RULES = ScoringRules(metrics=("accuracy", NAME), positive_label="1", average=Average.BINARY)
DATASET = DatasetRef(
    dataset_id="d",
    split_id="s",
    name="coins",
    target="side",
    target_kind=TargetKind.BINARY,
    classes=("0", "1"),
    train_rows=0,
    test_rows=40,
    columns=1,
)
HONEST = {"value": 3.0, "warnings": [], "folds": [], "seeds": [], "sums": [0.25] * 40, "seedVariance": 0.0}


@pytest.fixture(autouse=True)
def _no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def order(name: str, _: CustomScoring) -> Order:
        return Order(
            entry="",
            payload={"metric": name},
            limits=custom_metric_scores.Limits(wall_s=1, threads=1),
            log=Path(),
        )

    def of_snapshot(predictions: Predictions, _: Path, *, rules: ScoringRules, **__: Any) -> Scores:
        return score(TRUE, predictions, rules=rules, target_kind=TargetKind.BINARY, classes=[0, 1])

    monkeypatch.setattr(custom_metric_scores, "_order", order)
    monkeypatch.setattr(custom_metric_scores, "score_snapshot", of_snapshot)
    monkeypatch.setattr(PredictedFiles, "load", lambda _: PREDICTIONS)


def scored(answer: Any, end: End = End.RETURNED) -> Scores:
    ours = score(
        TRUE, PREDICTIONS, rules=RULES.without_custom(), target_kind=TargetKind.BINARY, classes=[0, 1]
    )
    scoring = CustomScoring(
        rules=RULES,
        dataset=DATASET,
        snapshot=Path(),
        predicted=PredictedFiles(values=Path(), output_kind=OutputKind.LABELS),
        root=Path(),
        closed=(),
        log=Path(),
        longest_s=7,
    )
    return with_custom_metrics(ours, scoring, lambda _: CellOutcome(end=end, value=answer, usage=CellUsage()))


def test_the_value_and_its_influences_become_a_sketch_of_our_own_rows() -> None:
    found = scored(HONEST)

    assert list(found.metrics) == ["accuracy", NAME]
    assert found.metrics[NAME] == 3.0
    mine, ours = found.sketches[NAME], found.sketches["accuracy"]
    assert (mine.value, mine.split, mine.rows) == (3.0, ours.split, ours.rows)
    assert mine.sums.tolist() == [0.25] * 40


@pytest.mark.parametrize(
    "lie", [{"sums": [1.0]}, {"sums": [float("nan")] * 40}, {"seedVariance": -1.0}, {"sums": [[0.25] * 40]}]
)
def test_influences_that_fit_no_rows_of_ours_are_dropped_and_the_value_stays(lie: Mapping[str, Any]) -> None:
    found = scored({**HONEST, **lie})

    assert found.metrics[NAME] == 3.0
    assert list(found.sketches) == ["accuracy"]
    assert found.details["warnings"] == [
        f"{NAME} has no interval: the influences that its cell reported fit no rows"
    ]


@pytest.mark.parametrize(
    "lie", [None, [], {}, {**HONEST, "value": "much"}, {**HONEST, "sums": "x"}, {**HONEST, "folds": 3}]
)
def test_a_report_that_is_none_costs_the_column_of_the_metric(lie: Any) -> None:
    found = scored(lie)

    assert found.metrics[NAME] is None
    assert found.metrics["accuracy"] is not None
    assert found.details["warnings"][0].startswith(f"{NAME} failed: its cell reported ")


def test_a_value_that_is_no_finite_number_is_undefined() -> None:
    assert scored({**HONEST, "value": float("inf")}).metrics[NAME] is None


def test_a_job_that_may_not_go_on_is_stopped() -> None:
    with pytest.raises(StoppedError):
        scored(None, End.STOPPED)


def test_a_cell_that_took_too_long_says_so() -> None:
    assert scored(None, End.TIMED_OUT).details["warnings"] == [
        f"{NAME} took longer than 7 s: make it faster, or raise `metricTimeout`"
    ]
