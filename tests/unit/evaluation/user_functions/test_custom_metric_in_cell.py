"""What the cell of a custom metric reports, and what the supervisor makes of it, on snapshots of any size."""

import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.cell_outcome import CellOutcome, CellUsage, End
from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import ONE_SPLIT, Design, Pinned
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.datasets.read_snapshot import sealed_labels
from bakeoff.evaluation.metrics.score_predictions import Scores
from bakeoff.evaluation.metrics.score_snapshot import PredictedFiles, score_snapshot
from bakeoff.evaluation.statistics.pairwise_comparison import ComparedScores, compare_all
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from bakeoff.evaluation.user_functions.custom_metric_in_cell import compute
from bakeoff.evaluation.user_functions.custom_metric_scores import CustomScoring, with_custom_metrics
from bakeoff.settings.setting_definitions import DatasetSettings

MODULE = "metric_of_a_cell_test"
HITS = f"{MODULE}:hits"


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module: Any = ModuleType(MODULE)
    module.hits = lambda true, predicted: float((true == predicted).mean())
    monkeypatch.setitem(sys.modules, MODULE, module)
    return module  # type: ignore[no-any-return]


def pinned(folder: Path, *, design: Design = ONE_SPLIT) -> Pinned:
    """1000 rows, of which 500 are for testing where there are no folds."""
    rows = np.arange(1000)
    frame = pd.DataFrame({"x": rows / 7, "who": rows % 300, "counts": 1 + rows % 3, "y": rows * 7 % 10 > 4})
    frame.to_csv(folder / "rows.csv", index=False)
    return pin(
        PinRequest(
            dataset=DatasetSettings.model_validate({"source": "csv", "path": "rows.csv", "target": "y"}),
            name="rows",
            root=folder,
            snapshots=folder / "snapshots",
            seed=1,
            test_size=0.5,
            design=design,
        )
    )


def scored(
    data: Pinned, folder: Path, *names: str, wrong: float = 0.1, seeds: int = 1, longest_s: float = 60.0
) -> Scores:
    """The scores of answers of which this share is wrong, with the report of the cell as JSON."""
    true = np.tile(sealed_labels(data.folder), seeds)
    answers = np.where(np.random.RandomState(3).random_sample(len(true)) < wrong, ~true, true)
    np.save(folder / "answers.npy", answers)
    rules = ScoringRules(metrics=names, positive_label="True", average=Average.BINARY)
    predicted = PredictedFiles(values=folder / "answers.npy", output_kind=OutputKind.LABELS)
    ours = score_snapshot(predicted.load(), data.folder, dataset=data.ref, rules=rules.without_custom())
    scoring = CustomScoring(
        rules=rules,
        dataset=data.ref,
        snapshot=data.folder,
        predicted=predicted,
        root=folder,
        closed=(),
        log=folder / "log",
        longest_s=longest_s,
    )
    return with_custom_metrics(ours, scoring, in_process)


def in_process(order: Order) -> CellOutcome:
    report = compute(json.loads(json.dumps(order.payload)), None)  # type: ignore[arg-type]  # it is not asked
    return CellOutcome(end=End.RETURNED, value=json.loads(json.dumps(report)), usage=CellUsage())


@pytest.mark.parametrize(
    ("design", "groups"), [(ONE_SPLIT, None), (Design(group="who"), 150), (Design(weight="counts"), None)]
)
@pytest.mark.parametrize("beside", ["precision", "accuracy", "matthews_corrcoef"])
@pytest.mark.usefixtures("metrics")
def test_a_metric_of_many_rows_has_an_interval_whatever_stands_beside_it(
    tmp_path: Path, design: Design, groups: int | None, beside: str
) -> None:
    found = scored(pinned(tmp_path, design=design), tmp_path, HITS, beside)

    sketch = found.sketches[HITS]
    assert found.details["warnings"] == []
    assert found.intervals[HITS].low < found.metrics[HITS] < found.intervals[HITS].high
    assert len(sketch.sums) == (groups or 200)
    assert (sketch.rows, sketch.groups) == (500, groups)
    assert sketch.base == (groups or 500)


@pytest.mark.usefixtures("metrics")
def test_two_candidates_are_compared_by_it_as_by_the_accuracy_that_it_is(tmp_path: Path) -> None:
    data = pinned(tmp_path)
    both = {
        str(wrong): scored(data, tmp_path, HITS, "accuracy", wrong=wrong).sketches for wrong in (0.05, 0.25)
    }

    def p_value(metric: str) -> float:
        compared = {id_: sketches[metric] for id_, sketches in both.items()}
        return float(compare_all(ComparedScores.of(compared, greater_is_better=True)).claims.p_values[0])

    assert p_value(HITS) < 0.001
    assert p_value(HITS) == pytest.approx(p_value("accuracy"), abs=0.001)


@pytest.mark.usefixtures("metrics")
def test_with_folds_and_seeds_its_interval_is_that_of_the_metric_that_it_copies(tmp_path: Path) -> None:
    data = pinned(tmp_path, design=Design(folds=2, seeds=3))
    found = scored(data, tmp_path, HITS, "accuracy", seeds=3)

    mine, ours = found.sketches[HITS], found.sketches["accuracy"]
    assert found.metrics[HITS] == pytest.approx(found.metrics["accuracy"])
    assert [part["metrics"][HITS] for part in found.details["folds"]] == [
        part["metrics"]["accuracy"] for part in found.details["folds"]
    ]
    assert mine.se == pytest.approx(ours.se, rel=0.2)
    assert about(mine) == about(ours)


def about(sketch: Sketch) -> tuple[object, ...]:
    return sketch.rows, sketch.base, sketch.seeds, sketch.variance_factor, sketch.split


def test_one_that_is_too_slow_to_be_repeated_keeps_its_value_and_says_why_it_has_no_interval(
    tmp_path: Path, metrics: Any
) -> None:
    def slow(true: np.ndarray, predicted: np.ndarray) -> float:
        time.sleep(0.005)
        return float((true == predicted).mean())

    metrics.slow = slow
    data = pinned(tmp_path, design=Design(folds=4))
    began = time.monotonic()
    found = scored(data, tmp_path, f"{MODULE}:slow", "accuracy", longest_s=1.0)

    assert time.monotonic() - began < 2  # all folds with all blocks would take four seconds
    assert found.metrics[f"{MODULE}:slow"] == pytest.approx(found.metrics["accuracy"])
    assert None not in [fold["metrics"][f"{MODULE}:slow"] for fold in found.details["folds"]]
    assert list(found.sketches) == ["accuracy"]
    assert found.details["warnings"] == [
        f"{MODULE}:slow takes too long to be computed many times: it has no interval"
    ]


def test_one_that_is_gone_when_it_is_needed_is_undefined_and_the_reason_is_told(
    tmp_path: Path, metrics: Any
) -> None:
    del metrics.hits
    found = scored(pinned(tmp_path), tmp_path, HITS, "accuracy")

    assert found.metrics[HITS] is None
    assert found.metrics["accuracy"] is not None
    assert found.details["warnings"] == [
        f"metric '{HITS}': module {MODULE} has no function hits; define it there"
    ]
