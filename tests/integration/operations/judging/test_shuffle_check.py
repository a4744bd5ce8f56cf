"""Candidates that know the test rows from elsewhere are seen by refits to shuffled labels; others pass."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL
from typing import Any

import numpy as np
import pytest
import yaml
from fixtures.projects.interrupted import INTERRUPTED, SAVER
from fixtures.projects.kitchen import ROOT
from fixtures.projects.project import Project, a_project, wait_for
from fixtures.servers import warm
from fixtures.values.samples import NOON
from sqlalchemy import update

from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.domain.runs.verdict_facts_in_words import verdict_facts
from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.operations.context import Context
from bakeoff.operations.judging import shuffle_check
from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
from bakeoff.operations.judging.shuffle_check import check_later, check_shuffled
from bakeoff.operations.runs.plan_preview import plan_ahead
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing

PLUGINS = '''
import json
from pathlib import Path

import numpy as np


class Knows:
    """Has a table with the answers of all rows beside its code."""

    def fit(self, X, y):
        self.answers = json.loads((Path(__file__).parent / "answers.json").read_text())

    def predict(self, X):
        return np.array([self.answers[f"{value:.6f}"] for value in X["a"]])


class Fussy:
    def fit(self, X, y):
        if abs(np.corrcoef(X["a"], y)[0, 1]) < 0.2:
            raise ValueError("these labels have nothing to do with a")

    def predict(self, X):
        return (X["a"] > 0).astype(int).to_numpy()
'''
CANDIDATES = {
    "knows": {"path": "plugins/leaks.py:Knows", "preprocess": "none"},
    "fussy": {"path": "plugins/leaks.py:Fussy", "preprocess": "none"},
    "line": {"path": "sklearn.linear_model:LogisticRegression"},
}


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    chance = np.random.default_rng(7)
    a, b = chance.normal(size=(2, 400)).round(6)
    y = (a + b + chance.normal(size=400) > 0).astype(int)
    datasets = {"rows": {"source": "csv", "path": "rows.csv", "target": "y"}}
    with a_project({}, datasets=datasets) as project:
        (project.folder / "rows.csv").write_text(
            "a,b,y\n" + "".join(f"{one},{two},{label}\n" for one, two, label in zip(a, b, y, strict=True))
        )
        (project.folder / "plugins" / "leaks.py").write_text(PLUGINS)
        # Some are wrong: a perfect score would be another finding.
        answers = {
            f"{one:.6f}": int(label) if place % 20 else 1 - int(label)
            for place, (one, label) in enumerate(zip(a, y, strict=True))
        }
        (project.folder / "plugins" / "answers.json").write_text(json.dumps(answers))
        (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": CANDIDATES}))
        yield project


@pytest.fixture(scope="module")
def runs(project: Project) -> list[str]:
    """A run of all of them, which asked for no check, and one with folds."""
    with project.worker():
        whole = project.start("knows", "fussy", "line", dataset="rows", baseline=True)
        folded = project.start("knows", dataset="rows", design={"folds": 3})
        for run_id in (whole, folded):
            project.wait_for_end(run_id)
            assert wait_for_verdict(project.context, run_id) is not None
    return [whole, folded]


@pytest.fixture
def run_id(runs: list[str]) -> str:
    return runs[0]


def command(project: Project, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return warm.run(
        [str(Path(sys.executable).parent / "bakeoff"), *arguments],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
    )


def saver(project: Project, *arguments: str, script: str) -> int:
    environment = {**project.environment, "PYTHONPATH": os.pathsep.join([str(ROOT), str(project.folder)])}
    command = [sys.executable, "-P", "-c", script, *arguments]
    return warm.Popen(command, cwd=project.folder, env=environment, stdin=subprocess.DEVNULL).wait(60)


def due_again(project: Project, run_id: str, **options: Any) -> None:
    """As if the run had been started with these options, and had just ended."""
    as_before = {"verdict": None, "done_at": None, "tries": 0, "due_at": NOON}
    with writing(project.engine) as connection:
        connection.execute(all_tables.shuffled_refits.delete())
        for table, key, values in (
            (all_tables.runs, all_tables.runs.c.id, {"options": {"shuffleCheck": True, **options}}),
            (all_tables.verdicts, all_tables.verdicts.c.run_id, as_before),
        ):
            connection.execute(update(table).where(key == run_id).values(values))


@pytest.fixture(scope="module")
def flagged(project: Project, runs: list[str]) -> RunVerdict:
    """Of a strict run that asks for the check, whose first saver was killed between two refits."""
    run_id = runs[0]
    due_again(project, run_id, strict=True)
    step = "bakeoff.store.bakeoffs.results.shuffled_refit_rows:keep"
    assert saver(project, str(SIGKILL), "after", step, script=INTERRUPTED) == -SIGKILL
    with writing(project.engine) as connection:  # so that a refit that is made again shows
        connection.execute(update(all_tables.shuffled_refits).values(above_chance=0.123))
    wait_for(lambda: verdict_rows.due(project.engine), "the end of the lease")
    assert saver(project, script=SAVER) == 0
    verdict = verdict_rows.of_run(project.engine, run_id)
    assert verdict is not None
    return verdict


def test_a_table_of_answers_is_found_and_a_strict_run_recommends_nobody_for_it(flagged: RunVerdict) -> None:
    [check] = flagged.shuffled
    [leak] = [one for one in flagged.findings if one.slug == "shuffled-labels-score"]

    assert (check.candidate, len(check.above_chance)) == ("knows", 10)
    assert (leak.severity, leak.candidates, leak.accepted) == ("high", ("knows",), None)
    assert flagged.recommended is None
    expected = "Nobody is recommended: strict is on, and shuffled-labels-score is open."
    assert flagged.sentence.startswith(expected)
    assert flagged.findings_on("knows") == ["shuffled-labels-score"]


def test_a_saver_that_is_killed_between_two_refits_leaves_the_rest_to_the_next(flagged: RunVerdict) -> None:
    first, *others = flagged.shuffled[0].above_chance

    assert (first, len(others), min(others) > 0.4) == (0.123, 9, True)


def test_an_honest_candidate_is_at_chance_soon_and_the_verdict_says_so(project: Project, run_id: str) -> None:
    verdict, check = check_later(project.context, run_rows.get(project.engine, run_id), "line")

    assert check.passed
    assert len(check.above_chance) < 10
    assert "fitted to shuffled labels, line predicts as chance does" in verdict_facts(verdict.to_record())
    assert not [one for one in verdict.findings if one.candidates == ("line",)]
    assert verdict_rows.of_run(project.engine, run_id) == verdict


def test_a_check_that_was_made_starts_no_cell_and_one_of_changed_code_begins_anew(
    project: Project, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_rows.get(project.engine, run_id)
    before = check_shuffled(project.context, run, "line")
    refits: list[int] = []
    monkeypatch.setattr(shuffle_check, "_make_more", lambda *given: refits.append(len(given[3])))

    assert check_shuffled(project.context, run, "line") == before
    assert refits == []
    with writing(project.engine) as connection:
        connection.execute(update(all_tables.shuffled_refits).values(made_of="other code"))
    assert check_shuffled(project.context, run, "line").above_chance == ()
    assert refits == [0]


def test_what_stops_the_check_is_a_finding_and_costs_no_verdict(project: Project, run_id: str) -> None:
    run = run_rows.get(project.engine, run_id)
    verdict, check = check_later(project.context, run, "fussy")
    [unknown] = [one for one in verdict.findings if one.candidates == ("fussy",)]

    assert check.problem == "ValueError in fit: these labels have nothing to do with a"
    assert (unknown.slug, unknown.severity) == ("shuffled-labels-unknown", "medium")

    hasty = Context(load(project.file, environment={"BAKEOFF_SHUFFLE_CHECK_TIMEOUT": "1e-9"}))
    late = check_shuffled(hasty, run, "fussy")
    assert late.problem == "its refits took longer than the 1e-09 s of shuffleCheckTimeout"


def test_with_folds_the_rows_of_the_first_one_are_asked_for(project: Project, runs: list[str]) -> None:
    check = check_shuffled(project.context, run_rows.get(project.engine, runs[1]), "knows")

    assert (len(check.above_chance), min(check.above_chance) > 0.35) == (10, True)


def test_a_command_checks_a_candidate_of_a_run_and_ends_with_one_for_a_leak(
    project: Project, run_id: str
) -> None:
    done = command(project, "judge", run_id, "--shuffle-check", "--model", "knows", "--json")
    told = json.loads(done.stdout)

    assert done.returncode == 1, done.stderr
    assert (told["passed"], [one["slug"] for one in told["findings"]]) == (False, ["shuffled-labels-score"])
    unknown = command(project, "judge", run_id, "--shuffle-check", "--model", "lime")
    assert unknown.returncode == 2
    assert "has no candidate 'lime' to check; did you mean 'line'?" in " ".join(unknown.stderr.split())


def test_a_plan_says_what_the_check_may_cost(project: Project) -> None:
    done = command(project, "plan", "rows", "--models", "line", "--shuffle-check")

    ahead = plan_ahead(project.context, RunSpec(dataset="rows", models=["line"], shuffle_check=True))
    [said] = ahead.beside_fits
    assert said.endswith("2 times on average, 10 at most, within 300 s")
    assert plan_ahead(project.context, RunSpec(dataset="rows", models=["line"])).beside_fits == []
    assert "is fitted to shuffled labels, too: 2 times on average, 10 at most, within 300 s" in " ".join(
        done.stdout.split()
    )


def test_processes_that_die_of_it_end_the_check_and_not_the_run(project: Project, run_id: str) -> None:
    with writing(project.engine) as connection:
        connection.execute(all_tables.shuffled_refits.delete())
    check = check_shuffled(project.context, run_rows.get(project.engine, run_id), "line", deaths=3)

    assert (check.above_chance, check.problem) == ((), "3 processes that were to judge the run died")


def test_what_a_dataset_accepts_is_shown_as_accepted_and_blocks_no_more(
    project: Project, run_id: str
) -> None:
    given = yaml.safe_load(project.file.read_text())
    given["datasets"]["rows"]["accept"] = [{"shuffled-labels-score": "a lookup"}]
    excused = project.folder / "config" / "excused.yaml"
    excused.write_text(yaml.safe_dump({**given, "strict": True}))
    context = Context(load(excused, environment={}))

    verdict, _ = check_later(context, run_rows.get(project.engine, run_id), "knows")

    [leak] = [one for one in verdict.findings if one.slug == "shuffled-labels-score"]
    assert (leak.accepted, leak.blocks) == ("a lookup", False)
