"""Races with a real worker that has one slot: rounds, looks, who is stopped, and a worker that dies."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from fixtures.projects.project import Project, a_project, wait_for

from bakeoff.domain.runs.verdict import Standing
from bakeoff.notebook.results.result_frames import stopped
from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
from bakeoff.operations.judging.race_rounds import look_of
from bakeoff.operations.runs.run_report import read_report, report_record
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.bakeoffs.results import fold_rows, race_rows

FOLDS = {"folds": 4}

PLUGIN = '''
import sys, time
import numpy as np
from pathlib import Path


class Reads:
    """Predicts what stands in a column."""

    def __init__(self, column, gate=None, stumbles=False):
        self.column, self.gate, self.stumbles = column, gate, stumbles

    def fit(self, X, y):
        sys.stdout.write("fitted\\n")
        sys.stdout.flush()
        if self.stumbles and 17 not in set(X["id"]):
            raise ValueError("where is row 17?")
        if self.gate and 17 not in set(X["id"]):
            while not Path(self.gate).exists():
                time.sleep(0.01)

    def predict(self, X):
        return np.asarray(X[self.column]).astype(int)
'''


def table() -> str:
    random = np.random.RandomState(3)
    y = random.randint(0, 2, 400)
    shares = {"good": 0.95, "alike": 0.94, "bad": 0.6, "poor": 0.55}
    columns = {name: np.where(random.random(400) < share, y, 1 - y) for name, share in shares.items()}
    lines = zip(range(400), *columns.values(), y, strict=True)
    return "\n".join([",".join(["id", *columns, "y"]), *(",".join(map(str, line)) for line in lines), ""])


@contextmanager
def a_racing_project() -> Iterator[Project]:
    with a_project({}, leaseSeconds=2, evalWorkers=1) as project:
        (project.folder / "plugins" / "racers.py").write_text(PLUGIN)
        (project.folder / "data.csv").write_text(table())
        models = {
            name: {"path": "Reads", "params": {"column": name}} for name in ("good", "alike", "bad", "poor")
        }
        models["stumbles"] = {"path": "Reads", "params": {"column": "good", "stumbles": True}}
        models["slow"] = {"path": "Reads", "params": {"column": "alike", "gate": str(project.gate("row"))}}
        project.write_catalog(models)
        catalog = project.folder / "config" / "models.yaml"
        catalog.write_text(catalog.read_text().replace("gallery.py", "racers.py"))
        yield project


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with a_racing_project() as project, project.worker():
        yield project


@pytest.fixture(scope="module")
def run_id(project: Project) -> str:
    run_id = project.run(
        "good", "alike", "bad", "poor", "stumbles", design=FOLDS, race=True, metrics=["accuracy"]
    )
    assert wait_for_verdict(project.context, run_id) is not None
    return run_id


def folds(project: Project, run_id: str) -> dict[str, int]:
    jobs = {project.job(run_id, name).id: name for name in project.states(run_id)}
    return {jobs[job]: done for job, done in fold_rows.number_done(project.engine, run_id).items()}


def test_whoever_is_shown_not_to_be_the_best_has_no_further_fold(project: Project, run_id: str) -> None:
    states = project.states(run_id)
    assert {states[name] for name in ("good", "alike")} == {"completed"}
    assert {states[name] for name in ("bad", "poor")} == {"stopped"}
    assert states["stumbles"] == "failed"
    done = folds(project, run_id)
    assert (done["good"], done["alike"], done["bad"], done["poor"]) == (4, 4, 1, 1)
    assert project.log(run_id, "bad").split() == ["fitted"]


def test_a_candidate_that_fails_in_a_later_fold_keeps_nobody_waiting(project: Project, run_id: str) -> None:
    assert project.state(run_id) == "partial"
    looks = race_rows.looks(project.engine, run_id)
    assert [look.number for look in looks] == [1, 2, 3]
    assert [look.stopped for look in looks] == [("bad", "poor"), (), ()]
    assert looks[-1].is_last
    assert "stumbles" not in looks[-1].p_values


def test_the_verdict_names_who_was_stopped_and_spends_what_is_left(project: Project, run_id: str) -> None:
    verdict = wait_for_verdict(project.context, run_id)
    assert verdict is not None
    assert verdict.level == pytest.approx(0.03)
    assert verdict.sentence.endswith("The race stopped bad and poor before.")
    assert verdict.standings["bad"] is Standing.STOPPED
    assert (verdict.bands["good"], verdict.bands["bad"]) == ((1, 2), (3, 4))


def test_the_report_has_the_scores_of_the_folds_that_they_had(project: Project, run_id: str) -> None:
    record = json.loads(json.dumps(report_record(read_report(project.engine, run_id))))

    assert {row["modelId"] for row in record["leaderboard"]} == {"good", "alike"}
    [bad, poor] = sorted(record["stopped"], key=lambda one: one["modelId"])
    assert (bad["standing"], bad["afterFolds"], bad["ofFolds"], bad["leader"]) == ("stopped", 1, 4, "good")
    assert bad["metrics"] == bad["folds"][0]["metrics"]
    assert bad["pValue"] <= bad["level"] == pytest.approx(0.05 * 0.4 / 2 * 4 / 3)
    assert (poor["modelId"], len(poor["folds"])) == ("poor", 1)
    frame = stopped(read_report(project.engine, run_id))
    assert frame["after_folds"].to_dict() == {"bad": 1, "poor": 1}
    assert frame.loc["bad", "accuracy"] == bad["metrics"]["accuracy"]
    assert [one["modelId"] for one in record["failed"]] == ["stumbles"]


def test_the_same_race_again_finds_the_same_from_results_that_were_reused(
    project: Project, run_id: str
) -> None:
    again = project.run(
        "good", "alike", "bad", "poor", design=FOLDS, race=True, metrics=["accuracy"], fresh=False
    )

    assert project.states(again) == {
        "good": "completed", "alike": "completed", "bad": "stopped", "poor": "stopped",
    }  # fmt: skip
    assert project.results(again)["good"].reused_from == project.results(run_id)["good"].evaluation_id
    [first, *_], [repeated, *_] = (race_rows.looks(project.engine, one) for one in (run_id, again))
    assert {name: repeated.p_values[name] for name in ("bad", "poor")} == pytest.approx(
        {name: first.p_values[name] for name in ("bad", "poor")}, abs=2e-4
    )


def test_a_look_depends_on_what_was_predicted_alone(project: Project, run_id: str) -> None:
    """Whoever looks, and whenever: results of jobs that have ended give what the stored folds gave."""
    run = run_rows.get(project.engine, run_id)
    ended = look_of(project.context, run, 3)
    stored = race_rows.looks(project.engine, run_id)[2]

    assert ended.p_values == stored.p_values
    assert (ended.leader, ended.level) == (stored.leader, stored.level)


def test_a_race_whose_worker_is_killed_goes_on_with_the_looks_that_were_made() -> None:
    with a_racing_project() as project:
        with project.worker(name="first") as doomed:
            racing = project.start("good", "bad", "slow", design=FOLDS, race=True, metrics=["accuracy"])
            wait_for(lambda: len(project.log(racing, "slow").split()) == 3, "the third fold, of row 17")
            before = race_rows.looks(project.engine, racing)
            assert [look.stopped for look in before] == [("bad",), ()]
            doomed.kill()
        project.gate("row").touch()
        with project.worker(name="second"):
            assert project.wait_for_end(racing) == "completed"
        assert race_rows.looks(project.engine, racing)[:2] == before
        assert folds(project, racing) == {"good": 4, "slow": 4, "bad": 1}
