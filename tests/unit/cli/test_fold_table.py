"""The scores of a run fold by fold, as the terminal shows them."""

import io
from dataclasses import replace

import pytest
from fixtures.values.samples import DATASET, a_candidate, a_job, a_result, a_run
from rich.console import Console, Group

from bakeoff.cli.output.runs.fold_table import fold_table
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.result import Cost, FoldResult, fold_record
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.evaluation.reports.leaderboard import rank
from bakeoff.operations.runs.run_report import RunReport
from bakeoff.store.bakeoffs.run_rows import RunSummary

COST = Cost(fit_s=0.0, predict_s=0.0, cpu_s=0.0, peak_memory_mb=0.0, granted_threads=1)


def a_report(design: Design, scores: list[float], *, failed_after: int = 0) -> RunReport:
    run = a_run(dataset=replace(DATASET, design=design))
    tree, broken = (
        a_job(run, place, candidate=a_candidate(id=name)) for place, name in enumerate(["tree", "broken"])
    )
    records = [fold_record(design, place, {"f1": score}) for place, score in enumerate(scores)]
    result = a_result(tree, metrics={"f1": sum(scores) / max(1, len(scores))}, details={"folds": records})
    kept = [
        FoldResult(place=place, metrics={"f1": 0.25}, cost=COST, duration_s=1.0)
        for place in range(failed_after)
    ]
    return RunReport(
        summary=RunSummary(run=run, jobs={}),
        metrics=("f1",),
        standings=rank([result], metric="f1", baseline_id=None) if scores else [],
        unsuccessful=[replace(broken, state=JobState.FAILED)] if failed_after else [],
        open=[],
        folds={broken.id: kept},
    )


def drawn(report: RunReport) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(Group(*fold_table(report)))
    return [line.split() for line in console.file.getvalue().splitlines() if line.strip()]  # type: ignore[attr-defined]


def test_each_fold_has_a_column_and_what_failed_shows_what_it_gave_before() -> None:
    lines = drawn(a_report(Design(folds=3), [0.5, 0.75, 1.0], failed_after=1))

    assert lines == [
        ["f1", "of", "each", "fold"],
        ["model", "mean", "spread", "lowest", "highest", "1", "2", "3"],
        ["tree", "0.7500", "0.2500", "0.5000", "1.0000", "0.5000", "0.7500", "1.0000"],
        ["broken", "-", "-", "0.2500", "0.2500", "0.2500", "-", "-"],
    ]


def test_of_many_folds_only_the_spread_is_shown() -> None:
    lines = drawn(a_report(Design(folds=6, repeats=2), [0.5, 1.0] * 6))

    assert lines[1:] == [
        ["model", "mean", "spread", "lowest", "highest"],
        ["tree", "0.7500", "0.2611", "0.5000", "1.0000"],
    ]


def test_a_run_with_one_split_says_how_to_get_folds() -> None:
    with pytest.raises(InvalidInputError, match=r"has one split; for folds: `bakeoff run \w+ --folds 5`"):
        fold_table(a_report(Design(), []))


def test_of_several_seeds_the_seeds_are_shown() -> None:
    report = a_report(Design(seeds=3), [0.5, 0.75, 1.0])
    result = report.standings[0].result
    seeds = [{"seed": place + 1, "metrics": {"f1": score}} for place, score in enumerate([0.5, 0.75, 1.0])]
    alike = replace(result, model_id="alike", details={})
    varied = replace(result, details={"seeds": seeds})
    report = replace(report, standings=rank([varied, alike], metric="f1", baseline_id=None))

    assert drawn(report) == [
        ["f1", "of", "each", "seed"],
        ["model", "mean", "spread", "lowest", "highest", "1", "2", "3"],
        ["alike", "0.7500", "-", "0.7500", "0.7500", "0.7500", "-", "-"],
        ["tree", "0.7500", "0.2500", "0.5000", "1.0000", "0.5000", "0.7500", "1.0000"],
    ]
