"""What models rely on, measured in real cells: runs, folds, reuse, and wherever it is shown."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from fixtures.page_visits import Browser
from fixtures.projects.project import Project, a_project
from typer.testing import CliRunner

import bakeoff
from bakeoff.cli.main import app as commands
from bakeoff.domain.runs.column_importance import Importance, importance_in
from bakeoff.domain.runs.result import Result

MINE = """
import numpy as np


class ByAge:
    def fit(self, X, y):
        self.seen = list(X.columns)

    def predict(self, X):
        assert list(X.columns) == self.seen
        return np.where(X["age"] > 50, "yes", "no")


class Fragile(ByAge):
    def predict(self, X):
        if not getattr(self, "asked", False):
            self.asked = True
            return super().predict(X)
        raise ValueError("only once")


class Chance(ByAge):
    def predict(self, X):
        return 1 / (1 + np.exp(-(X["age"] - 50) / 5))
"""
CANDIDATES = {
    "by_age": {"path": "plugins/mine.py:ByAge"},
    "fragile": {"path": "plugins/mine.py:Fragile"},
    "chance": {"path": "plugins/mine.py:Chance", "output_kind": "proba"},
    "linear": {"path": "sklearn.linear_model:LogisticRegression", "params": {"max_iter": 300}},
}


def people() -> str:
    """Age says most of it, the city some, the number nothing."""
    chance = np.random.default_rng(3)
    lines = ["age,city,number,bought"]
    for _ in range(800):
        age, city = chance.uniform(20, 80), ("Bonn", "Rome")[int(chance.integers(2))]
        yes = age + 8 * (city == "Rome") + chance.normal(0, 4) > 54
        lines.append(f"{age:.1f},{city},{chance.normal():.3f},{('no', 'yes')[yes]}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    dataset = {"source": "csv", "path": "people.csv", "target": "bought"}
    with a_project({}, datasets={"people": dataset}) as project:
        (project.folder / "people.csv").write_text(people())
        (project.folder / "plugins" / "mine.py").write_text(MINE)
        (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": CANDIDATES}))
        with project.worker():
            yield project


@pytest.fixture(scope="module")
def run_id(project: Project) -> str:
    """A run of all candidates, with importance."""
    asked = {"dataset": "people", "importance": True, "baseline": True, "metrics": ["roc_auc", "f1"]}
    return project.run("chance", "linear", **asked)


@pytest.fixture(scope="module")
def labels_id(project: Project) -> str:
    return project.run("by_age", "fragile", dataset="people", importance=True, metrics=["accuracy"])


def importance(result: Result) -> Importance:
    found = importance_in(result.details)
    assert found is not None, result.details["warnings"]
    return found


def losses(result: Result) -> dict[str, float]:
    return {one.column: one.loss for one in importance(result).columns}


def test_what_a_model_does_not_look_at_loses_nothing_and_the_rest_in_its_order(
    project: Project, run_id: str, labels_id: str
) -> None:
    by_age = losses(project.results(labels_id)["by_age"])
    assert by_age["age"] > 0.2
    assert (by_age["city"], by_age["number"]) == (0.0, 0.0)

    results = project.results(run_id)
    assert losses(results["chance"])["age"] > 0.2
    linear = importance(results["linear"])
    assert [one.column for one in linear.columns] == ["age", "city", "number"]  # a column of text is one
    assert (linear.metric, linear.rows, linear.fits) == ("roc_auc", 200, 1)
    assert linear.score == pytest.approx(results["linear"].metrics["roc_auc"])
    assert {one.times for one in linear.columns} == {5}
    assert all(one.spread is not None and one.spread < 0.1 for one in linear.columns)
    assert "importance" not in results["dummy"].details


def test_a_model_that_fails_on_shuffled_columns_has_its_result_and_a_warning(
    project: Project, labels_id: str
) -> None:
    result = project.results(labels_id)["fragile"]

    assert result.metrics["accuracy"] is not None
    assert "importance" not in result.details
    assert (
        "its importance was not measured: its predictions failed on shuffled columns"
        in (result.details["warnings"])
    )


def test_no_file_of_shuffled_predictions_is_left(project: Project, run_id: str, labels_id: str) -> None:
    folder = project.context.configuration.predictions

    assert [file.name for file in folder.rglob("*importance*")] == []
    assert len(list((folder / run_id).glob("*.npy"))) >= 3


def test_with_folds_each_fit_is_asked_and_with_reuse_none(project: Project) -> None:
    asked = {"dataset": "people", "importance": True, "metrics": ["accuracy"], "fresh": False}
    folded = project.results(project.run("by_age", **asked, design={"folds": 3}))["by_age"]
    assert (importance(folded).fits, importance(folded).columns[0].times) == (3, 15)

    plain = project.results(project.run("by_age", dataset="people", metrics=["f1"], seed=5))["by_age"]
    assert plain.reused_from is None
    first = project.results(project.run("by_age", **asked, seed=5))["by_age"]
    assert first.reused_from is None  # there was no importance to be reused
    for metrics in (["accuracy"], ["accuracy", "f1"]):
        again = project.results(project.run("by_age", **{**asked, "metrics": metrics}, seed=5))["by_age"]
        assert again.reused_from == first.evaluation_id
        assert losses(again) == losses(first)
    by_f1 = project.results(project.run("by_age", **{**asked, "metrics": ["f1"]}, seed=5))["by_age"]
    assert (by_f1.reused_from, importance(by_f1).metric) == (None, "f1")  # accuracy says nothing of it


def test_command_http_python_and_the_page_of_the_job_say_the_same(
    project: Project, run_id: str, labels_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.folder)
    expected = importance(project.results(run_id)["linear"]).to_record()

    def command(*arguments: str) -> str:
        done = CliRunner().invoke(commands, ["show", run_id, *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    asked = ("--importance", "linear")
    shown = json.loads(command(*asked, "--json"))
    assert {key: shown[key] for key in expected} == expected
    rows = list(csv.DictReader(io.StringIO(command(*asked, "--format", "csv"))))
    assert [row["column"] for row in rows] == ["age", "city", "number"]
    table = command(*asked)
    assert "what it loses when a column is shuffled, 5 times" in " ".join(table.split())

    browser = Browser(project.context)

    def http(path: str, **asked: Any) -> httpx.Response:
        place = f"/api/ml/evaluations/{run_id}/{path}"
        return browser.get(place, params=asked, headers={"Accept": "application/json"})

    assert http("importance", model="linear").json() == shown
    assert http("importance").status_code == 200  # of the one to take
    missing, dummy = http("importance", model="linaer"), http("importance", model="dummy")
    assert (missing.status_code, "did you mean 'linear'?" in missing.text) == (404, True)
    assert (dummy.status_code, "it looks at no column" in dummy.text) == (404, True)

    page = http("rows", model="linear", limit=3).json()
    assert page == json.loads(command("--rows", "linear", "--top", "3", "--json"))
    assert len(page["items"]) == 3
    following = http("rows", model="linear", offset=page["next"]).json()
    assert following["items"][0]["row"] > page["items"][-1]["row"]

    job_page = browser.page(f"/jobs/{shown['evaluationId']}")
    assert "What it relies on" in job_page
    assert all(f'title="{one["column"]}"' in job_page for one in expected["columns"])

    result = bakeoff.project(project.folder).get_run(run_id).result()
    frame = result.importance("linear")
    assert frame["loss"].to_dict() == {one["column"]: one["loss"] for one in expected["columns"]}
    wrong = result.wrong_rows("linear", limit=3)
    assert wrong.index.tolist() == [item["row"] for item in page["items"]]
    assert wrong["city"].tolist() == [item["features"]["city"] for item in page["items"]]
