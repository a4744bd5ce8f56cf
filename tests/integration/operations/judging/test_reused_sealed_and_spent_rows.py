"""What follows from using the same test rows in run after run, with real workers."""

import random
from collections.abc import Iterator

import pytest
from fixtures.projects.project import Project, a_project

from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from bakeoff.operations.judging.compute_run_verdict import verdict_of as verdict_of_run
from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
from bakeoff.operations.judging.reused_sealed_and_spent_rows import steps_up
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.bakeoffs.results import verdict_rows

ROWS = 1000  #: half of them are for the test


def separable(seed: int) -> str:
    """Two classes that lie far enough apart for the nearest mean, without noise, to be right mostly."""
    chance = random.Random(seed)
    lines = []
    for _ in range(ROWS):
        label = chance.getrandbits(1)
        lines.append(f"{chance.gauss(label * 2, 1)},{chance.gauss(label * 2, 1)},{label}\n")
    return "a,b,y\n" + "".join(lines)


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    candidates = {
        "good": {"path": "Means", "params": {"spread": 0.0}},
        "good_too": {"path": "Means", "params": {"spread": 0.001}},
        "poor": {"path": "Dices"},
    }
    with a_project(candidates, testSize=0.5, reuse="spend", metrics=["accuracy"]) as project:
        (project.folder / "data.csv").write_text(separable(seed=3))
        with project.worker():
            yield project


def verdict_of(project: Project, *models: str, **request: object) -> RunVerdict:
    verdict = wait_for_verdict(project.context, project.run(*models, **request))
    assert verdict is not None
    return verdict


def test_scores_leave_the_sealed_rows_out_and_only_the_one_to_take_is_scored_on_them(
    project: Project,
) -> None:
    run_id = project.run("good", "poor", seal=0.2, seed=1)
    verdict = wait_for_verdict(project.context, run_id)

    assert verdict is not None
    sketches = verdict_rows.sketches_of_run(project.engine, run_id, "accuracy")
    assert {Sketch.from_bytes(one).rows for one in sketches.values()} == {400}
    assert verdict.sealed is not None
    assert (verdict.sealed.candidate, verdict.sealed.rows, verdict.sealed.opened) == ("good", 100, 1)
    assert verdict.sealed.value > 0.8
    assert " On 100 sealed rows, opened for the first time, the accuracy of good is 0." in verdict.sentence


def test_each_opening_of_the_sealed_rows_is_counted(project: Project) -> None:
    opened = [
        verdict_of(project, model, baseline=False, seal=0.2, seed=2).sealed for model in ("poor", "good")
    ]

    assert [one and one.opened for one in opened] == [1, 2]


def test_a_seal_of_less_than_a_row_is_told_of_and_the_run_is_judged(project: Project) -> None:
    verdict = verdict_of(project, "good", "poor", seal=0.0005, seed=6)

    assert (verdict.recommended, verdict.sealed) == ("good", None)
    assert [finding.message for finding in verdict.findings] == [
        "the sealed rows were not opened for good: 0.0005 of 500 test rows is less than one row"
    ]


def test_nothing_is_sealed_unless_asked_for(project: Project) -> None:
    assert verdict_of(project, "good", "poor", seed=3).sealed is None


def test_a_seal_that_another_run_breaks_is_told_of_in_both(project: Project) -> None:
    sealed = verdict_of(project, "good", "poor", seal=0.2, seed=5)
    opened = verdict_of(project, "good", "poor", seed=5)
    again = verdict_of(project, "good", "poor", seal=0.2, seed=5)

    told = [[one.message for one in verdict.findings] for verdict in (sealed, opened, again)]
    assert told[0] == []
    assert told[1] == ["rows that another run sealed are open in this run, so they are sealed no longer"]
    assert told[2] == [
        "rows that this run seals were open in another run, so a score on them may be too high"
    ]


def test_of_spent_rows_a_candidate_replaces_the_one_before_only_if_it_is_shown_to_be_better(
    project: Project,
) -> None:
    first = verdict_of(project, "poor", baseline=False, seed=4)
    better = verdict_of(project, "good", baseline=False, seed=4)
    no_better = verdict_of(project, "good_too", baseline=False, seed=4)
    spent = [one.spending for one in (first, better, no_better)]

    assert [one and one.run for one in spent] == [1, 2, 3]
    assert [one and round(one.level, 4) for one in spent] == [0.025, 0.0083, 0.0042]
    assert [one.recommended for one in (first, better, no_better)] == ["poor", "good", None]
    assert better.sentence.endswith(
        "good is shown to be better than poor of " + str(spent[1].champion)[8:] + "."
    )
    assert "good_too is not shown to be better than what was adopted before, good of" in no_better.sentence
    assert "Take" not in no_better.sentence
    assert no_better.sentence.endswith("which stays.")
    assert spent[1].adopted == spent[2].adopted != spent[0].adopted


def test_ten_improvements_in_a_row_are_warned_of(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = project.run("good", "poor", seed=7)
    run = run_rows.get(project.engine, run_id)

    def told(improvements: int) -> list[str]:
        scores = {"good": [place / 100 for place in range(improvements + 1)]}
        monkeypatch.setattr(verdict_rows, "scores_on_split", lambda *_, **__: scores)
        return [finding.message for finding in verdict_of_run(project.context, run).findings]

    assert told(9) == []
    assert told(10) == ["good was improved 10 times in a row on these test rows: its score is too high"]


@pytest.mark.parametrize(
    ("values", "steps"),
    [([], 0), ([0.5], 0), ([0.5, 0.6], 1), ([0.9, 0.5, 0.6, 0.7], 2), ([0.5, 0.6, 0.6], 0)],
)
def test_steps_up_are_the_last_scores_that_are_each_better_than_the_one_before(
    values: list[float], steps: int
) -> None:
    assert steps_up(values, greater_is_better=True) == steps
    assert steps_up([-value for value in values], greater_is_better=False) == steps
