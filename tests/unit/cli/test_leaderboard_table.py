"""The leaderboard on a terminal, where a grid takes one line."""

import io
from dataclasses import replace

from fixtures.values.samples import a_candidate, a_job, a_result, a_run
from rich.console import Console, Group

from bakeoff.cli.output.runs.leaderboard_table import leaderboard
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.evaluation.reports.leaderboard import rank
from bakeoff.operations.runs.run_report import RunReport
from bakeoff.store.bakeoffs.run_rows import RunSummary

SCORES = {"forest.depth-2": 0.875, "forest.depth-4": 0.75, "forest.depth-8": 0.5, "line": 0.625}


def a_report(*, recommended: str | None = None) -> RunReport:
    run = a_run()
    jobs = [a_job(run, place, candidate=a_candidate(id=name)) for place, name in enumerate(SCORES)]
    results = [
        replace(a_result(job, metrics={"f1": SCORES[job.candidate.id]}), model_id=job.candidate.id)
        for job in jobs
    ]
    return RunReport(
        summary=RunSummary(run=run, jobs={}),
        metrics=("f1",),
        standings=rank(results, metric="f1", baseline_id=None),
        unsuccessful=[],
        open=[],
        families={name: "forest" for name in SCORES if name.startswith("forest")},
        verdict=RunVerdict(
            metric="f1",
            greater_is_better=True,
            level=0.05,
            method="draws",
            seed=7,
            rows=100,
            best=None,
            recommended=recommended,
        ),
    )


def drawn(report: RunReport, *, members: bool = False, width: int = 160) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(Group(*leaderboard(report, console, members=members)))
    return [line.rstrip() for line in console.file.getvalue().splitlines()[1:]]  # type: ignore[attr-defined]


def notes(lines: list[str]) -> dict[str, str]:
    rows = {word: line for line in lines for word in SCORES if f" {word} " in f" {line} "}
    said = ("take this one", "best of 3 of forest")
    return {name: ", ".join(word for word in said if word in row) for name, row in rows.items()}


def test_of_a_grid_the_best_member_stands_for_the_others() -> None:
    lines = drawn(a_report(recommended="line"))
    assert notes(lines) == {"forest.depth-2": "best of 3 of forest", "line": "take this one"}
    assert lines[-1] == "of a grid the best member is shown: --members shows all"


def test_the_member_to_take_is_shown_also_where_it_is_not_the_best() -> None:
    assert notes(drawn(a_report(recommended="forest.depth-4"))) == {
        "forest.depth-2": "best of 3 of forest",
        "forest.depth-4": "take this one",
        "line": "",
    }


def test_all_members_are_shown_on_demand() -> None:
    assert list(notes(drawn(a_report(), members=True))) == [
        "forest.depth-2",
        "forest.depth-4",
        "line",
        "forest.depth-8",
    ]


def test_in_a_narrow_terminal_the_notes_follow_the_table() -> None:
    lines = drawn(a_report(recommended="line"), width=36)

    assert "line: take this one, 1 warning" in lines
    assert any(line.startswith("forest.depth-2: best of 3 of forest") for line in lines)
