"""The search for parameters with a real worker: what a crash costs it, and what is saved of it."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fixtures.projects.project import Project, a_project, wait_for

from bakeoff.store.bakeoffs import saving_rows

LEASE_S = 2

#: The best cut is at 0.7. A cell knows how often it has fitted: its globals are its own.
PLUGIN = """
import os, signal, sys, time
from pathlib import Path

import numpy as np

FITS = []


class Cut:
    def __init__(self, cut):
        self.cut = cut

    def fit(self, X, y):
        FITS.append(len(X))
        sys.stdout.write(f"fitted with {self.cut}\\n")

    def predict(self, X):
        return (np.asarray(X["a"]) > self.cut / 10).astype(int)


class Fragile(Cut):
    def fit(self, X, y):
        super().fit(X, y)
        if self.cut > 7:
            os.kill(os.getpid(), signal.SIGKILL)


class Hopeless(Cut):
    def fit(self, X, y):
        os._exit(3)


class WaitsForGate(Cut):
    def __init__(self, gate, cut=5):
        super().__init__(cut)
        self.gate = gate

    def fit(self, X, y):
        super().fit(X, y)
        if len(FITS) == 7:
            sys.stdout.write("waiting\\n")
            while not Path(self.gate).exists():
                time.sleep(0.01)
"""


def table() -> str:
    a = np.random.RandomState(3).uniform(size=200).round(4)
    return "a,y\n" + "".join(f"{value},{int(value > 0.7)}\n" for value in a)


def entry(name: str, trials: int, **params: Any) -> dict[str, Any]:
    space = {"cut": {"integers": [1, 10]}}
    tune = {"params": space, "trials": trials, "folds": 2, "prune": False, "sampler": "random"}
    return {"path": name, "params": params, "tune": tune}


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with a_project({}, leaseSeconds=LEASE_S) as project:
        (project.folder / "plugins" / "tuned.py").write_text(PLUGIN)
        (project.folder / "data.csv").write_text(table())
        project.write_catalog(
            {
                "cut": entry("Cut", 12),
                "fragile": entry("Fragile", 12),
                "hopeless": entry("Hopeless", 12),
                "waits": entry("WaitsForGate", 5, gate=str(project.gate("trial"))),
            }
        )
        catalog = project.folder / "config" / "models.yaml"
        catalog.write_text(catalog.read_text().replace("gallery.py", "tuned.py"))
        yield project


@pytest.fixture(scope="module")
def resumed(project: Project) -> tuple[str, list[str]]:
    """A run whose worker was killed in the fourth trial, ended by another one; and what was in the file."""
    with project.worker(name="first") as doomed:
        run_id = project.start("waits")
        wait_for(lambda: "waiting" in project.log(run_id, "waits"), "the fourth trial")
        job = project.job(run_id, "waits")
        [file] = project.configuration.predictions_of(run_id, job.id).parent.glob("*.trials.jsonl")
        kept = [line for line in file.read_text().splitlines() if '"number"' in line]
        doomed.kill()
    project.gate("trial").touch()
    return run_id, kept


@pytest.fixture(scope="module")
def run_id(project: Project, resumed: tuple[str, list[str]]) -> Iterator[str]:
    with project.worker(name="second"):
        assert project.wait_for_end(resumed[0]) == "completed"
        run_id = project.run("cut", "fragile", "hopeless", save="best", save_as="cut", baseline=True)
        wait_for(lambda: is_saved(project, run_id), "the winner")
        yield run_id


def is_saved(project: Project, run_id: str) -> bool:
    saving = saving_rows.of_run(project.engine, run_id)
    return saving is not None and bool(saving.outcome and saving.outcome.saved)


def search_of(project: Project, run_id: str, model: str) -> dict[str, Any]:
    [found] = project.results(run_id)[model].details["tuning"]
    return dict(found)


def test_a_search_whose_worker_is_killed_loses_no_trial_that_had_ended(
    project: Project, resumed: tuple[str, list[str]], run_id: str
) -> None:
    waiting, kept = resumed
    before = [json.loads(line) for line in kept]
    trials = search_of(project, waiting, "waits")["trials"]

    assert [trial["number"] for trial in before] == [0, 1, 2]
    assert trials[:3] == before
    assert [trial["state"] for trial in trials] == ["complete"] * 5
    # Seven fits until the kill; then two more trials of two folds, and the fit with the best of them.
    assert project.log(waiting, "waits").count("fitted with") == 7 + 2 * 2 + 1


def test_a_trial_that_kills_its_cell_costs_itself_and_the_others_are_tried(
    project: Project, run_id: str
) -> None:
    trials = search_of(project, run_id, "fragile")["trials"]
    same = search_of(project, run_id, "cut")["trials"]

    assert len(trials) == 12
    assert [trial["params"] for trial in trials] == [trial["params"] for trial in same]
    deadly = [trial for trial in trials if trial["params"]["cut"] > 7]
    assert 1 <= len(deadly) <= 5
    assert {trial["state"] for trial in deadly} == {"failed"}
    assert all(trial["error"].startswith("it ended its cell: SIGKILL") for trial in deadly)
    assert all(trial["state"] == "complete" for trial in trials if trial not in deadly)
    warnings = project.results(run_id)["fragile"].details["warnings"]
    assert any(f"{len(deadly)} trial" in warning for warning in warnings)
    assert project.job(run_id, "fragile").attempt == 1


def test_a_search_whose_trials_all_end_their_cells_is_given_up(project: Project, run_id: str) -> None:
    job = project.job(run_id, "hopeless")

    assert (job.state, job.attempt) == ("failed", 1)
    assert job.error is not None
    assert job.error.message.startswith("6 of its trials ended their cell, the last one so: ")
    assert "below `tune`" in job.error.hint


#: In a process of its own: the class of the model is imported from the project.
PREDICT = """
import json, sys
import numpy as np, pandas as pd
from bakeoff.inference import ModelPredictor
from registry import ModelRegistry

sys.path.insert(0, sys.argv[2])
predictor = ModelPredictor(ModelRegistry(sys.argv[1]))
predictor.load_model("models:/cut/latest")
print(json.dumps(np.asarray(predictor.predict(pd.DataFrame({"a": np.linspace(0, 1, 101)}))).tolist()))
"""


def test_a_saved_model_predicts_with_the_parameters_that_were_chosen(project: Project, run_id: str) -> None:
    chosen = search_of(project, run_id, "cut")["params"]["cut"]

    arguments = str(project.configuration.registry_path), str(project.folder)
    with project.python(PREDICT, *arguments) as script:
        answers = json.loads(script.communicate()[0])

    assert chosen in {6, 7}
    assert answers == (np.linspace(0, 1, 101) > chosen / 10).astype(int).tolist()
