"""Candidates that choose parameters and thresholds, with the designs that these have to respect."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.projects.in_process import InProcessProject

from bakeoff.cell.inside.cell_api import EntryFailure

SPACE = {"n_neighbors": [1, 3]}
CANDIDATES: dict[str, Any] = {
    "neighbours": {"path": "sklearn.neighbors:KNeighborsClassifier", "tune": {"trials": 6, "params": SPACE}},
    "bayes": {"path": "sklearn.naive_bayes:GaussianNB"},
    "majority": {"path": "sklearn.dummy:DummyClassifier"},
    "short": {"path": "zoo.py:Short"},
    "ridge": {"path": "sklearn.linear_model:RidgeClassifier"},
}
SHORT = """
class Short:
    def fit(self, X, y): ...
    def predict(self, X): return ["no"] * len(X)
    def predict_proba(self, X): return [0.5]
"""
COSTS = {"false_positive": 1.0, "false_negative": 10.0}


def visits() -> str:
    """Subjects come several times and hardly change; their labels were drawn by lot."""
    random = np.random.RandomState(0)
    subject = np.repeat(np.arange(50), 4)
    frame = pd.DataFrame(random.normal(size=(50, 2))[subject], columns=["a", "b"])
    frame["subject"], frame["y"] = subject, random.randint(0, 2, 50)[subject]
    return frame.to_csv(index=False)


def wear() -> str:
    random = np.random.RandomState(1)
    frame = pd.DataFrame(random.normal(size=(400, 2)), columns=["a", "b"])
    frame["y"] = (frame["a"] + frame["b"] + random.normal(size=400) > 2).map({True: "yes", False: "no"})
    return frame.to_csv(index=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> InProcessProject:
    folder = tmp_path_factory.mktemp("choosing")
    project = InProcessProject(folder / "project", CANDIDATES, {"visits": visits(), "wear": wear()})
    (project.folder / "zoo.py").write_text(SHORT)
    return project


def test_a_search_sees_no_row_of_a_group_on_both_sides(project: InProcessProject) -> None:
    """If it did, one neighbour would know the labels that were drawn by lot: 1.0."""
    split = project.evaluate("neighbours", "visits", metrics=["accuracy"], design={"group": "subject"})
    folds = project.evaluate(
        "neighbours", "visits", metrics=["accuracy"], design={"group": "subject", "folds": 3}
    )

    found = [*split.details["tuning"], *folds.details["tuning"]]
    assert len(found) == 1 + 3
    assert all(0.2 < trial["value"] < 0.8 for one in found for trial in one["trials"])


def test_at_random_it_is_as_deceived_as_the_design_is(project: InProcessProject) -> None:
    found = project.evaluate("neighbours", "visits", metrics=["accuracy"]).details["tuning"][0]

    assert found["value"] > 0.85


@pytest.mark.parametrize("model", ["bayes", "ridge"])
def test_a_tuned_threshold_costs_less_than_the_usual_one(project: InProcessProject, model: str) -> None:
    usual = project.evaluate(model, "wear", costs=COSTS, positive_label="yes")
    tuned = project.evaluate(model, "wear", costs=COSTS, positive_label="yes", threshold="tuned")

    before, after = usual.metrics["expected_cost"], tuned.metrics["expected_cost"]
    assert before is not None
    assert after is not None
    assert after < before * 0.8
    assert tuned.details["thresholds"][0] < (0.5 if model == "bayes" else 0)


def test_a_baseline_with_a_threshold_of_its_own_still_answers_the_majority(project: InProcessProject) -> None:
    usual = project.evaluate("majority", "wear", metrics=["accuracy"])
    tuned = project.evaluate("majority", "wear", metrics=["accuracy"], threshold="tuned")

    assert tuned.metrics["accuracy"] == usual.metrics["accuracy"]


def test_a_candidate_that_chooses_is_fitted_with_each_seed(project: InProcessProject) -> None:
    request = {"metrics": ["accuracy"], "design": {"seeds": 3}}
    neighbours = project.evaluate("neighbours", "wear", **request)
    bayes = project.evaluate("bayes", "wear", threshold="tuned", **request)

    assert len(neighbours.details["tuning"]) == 3
    assert len(bayes.details["thresholds"]) == 3


def test_bad_predictions_are_told_as_such_while_it_chooses_too(project: InProcessProject) -> None:
    with pytest.raises(EntryFailure, match="returned 1 values for") as raised:
        project.evaluate("short", "wear", threshold="tuned")

    assert raised.value.type == "BadPredictions"


def test_each_fold_has_a_threshold_of_its_own(project: InProcessProject) -> None:
    found = project.evaluate("bayes", "wear", threshold="tuned", design={"folds": 3}).details

    assert len(found["thresholds"]) == 3
