"""The report of a run as CSV."""

import csv
import io

from fixtures.values.samples import a_candidate, a_job, a_run

from bakeoff.cli.output.runs.export_formats import to_csv
from bakeoff.domain.runs.race import RaceLook
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.operations.runs.read_stopped_candidates import StoppedCandidate
from bakeoff.operations.runs.run_report import RunReport
from bakeoff.store.bakeoffs.run_rows import RunSummary


def test_whom_a_race_stopped_has_its_place_and_its_family() -> None:
    run = a_run()
    look = RaceLook(
        number=1,
        looks=4,
        level=0.01,
        leader="line",
        p_values={"tree.depth-2": 0.001},
        stopped=("tree.depth-2",),
    )
    stopped = StoppedCandidate(
        job=a_job(run, candidate=a_candidate(id="tree.depth-2", family="tree")),
        look=look,
        design=Design(folds=5),
        folds=(),
    )
    report = RunReport(
        summary=RunSummary(run=run, jobs={}),
        metrics=("f1",),
        standings=[],
        unsuccessful=[],
        open=[],
        stopped=[stopped],
        verdict=RunVerdict(
            metric="f1",
            greater_is_better=True,
            level=0.05,
            method="draws",
            seed=7,
            rows=100,
            best="line",
            bands={"line": (1, 1), "tree.depth-2": (2, 3)},
        ),
    )

    [row] = csv.DictReader(io.StringIO(to_csv(report)))

    assert (row["band"], row["modelId"], row["family"]) == ("2-3", "tree.depth-2", "tree")
    assert row["error"] == "after 1 of 5 folds"
