"""Classifiers that accept no labels but 0, 1, 2, ... take part whatever the labels of the data are."""

import sys

import numpy as np
import pytest
from fixtures.projects.in_process import InProcessProject

BOOSTED = {"class": "xgboost:XGBClassifier", "params": {"n_estimators": 5}}
SELF_TRAINED = {"estimator": {"class": "sklearn.tree:DecisionTreeClassifier", "params": {"max_depth": 2}}}
CANDIDATES = {
    "boosted": {"path": "xgboost:XGBClassifier", "params": {"n_estimators": 5}},
    "scaled": {
        "steps": [{"path": "sklearn.preprocessing:StandardScaler"}, {"path": "xgboost:XGBClassifier"}]
    },
    "searched": {
        "path": "sklearn.model_selection:GridSearchCV",
        "params": {"estimator": BOOSTED, "param_grid": {"max_depth": [1, 2]}, "cv": 2},
    },
    "self": {"path": "sklearn.semi_supervised:SelfTrainingClassifier", "params": SELF_TRAINED},
    "picky": {"path": "plugins/picky.py:Picky"},
}
PICKY = """
from sklearn.base import BaseEstimator, ClassifierMixin

FITS = []


class Picky(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        FITS.append(len(X))
        raise RuntimeError("no luck")

    def predict(self, X):
        return X
"""
LABELS = {
    "words": ("no", "yes"),
    "three": ("high", "low", "middle"),
    "from_one": (1, 2, 3),
    "apart": (0, 1, 2, 5),
}


def table(*labels: object) -> str:
    """With a gap, words, and a column that tells the label."""
    values = np.random.default_rng(5).normal(size=(160, 2)).tolist()
    rows = [
        f"{a + 4 * (n % len(labels)):.3f},{b:.3f},{('Bonn', 'Rome')[n % 3 == 0]},{labels[n % len(labels)]}"
        for n, (a, b) in enumerate(values)
    ]
    return "\n".join(["a,b,city,y", f",0.5,Oslo,{labels[0]}", *rows, ""])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> InProcessProject:
    folder = tmp_path_factory.mktemp("codes")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "picky.py").write_text(PICKY)
    return InProcessProject(folder, CANDIDATES, {name: table(*labels) for name, labels in LABELS.items()})


@pytest.mark.parametrize("dataset", ["words", "three", "from_one", "apart"])
def test_a_classifier_that_wants_codes_answers_the_labels_of_the_data(
    project: InProcessProject, dataset: str
) -> None:
    result = project.evaluate("boosted", dataset, metrics=["accuracy"])

    accuracy = result.metrics["accuracy"]
    assert accuracy is not None
    assert accuracy > 0.9
    assert result.details["classes"] == list(LABELS[dataset])
    assert result.details["warnings"] == []


@pytest.mark.filterwarnings("ignore:y contains no unlabeled samples")
@pytest.mark.parametrize("candidate", ["scaled", "searched", "self"])
def test_so_do_those_that_hold_such_a_classifier(project: InProcessProject, candidate: str) -> None:
    accuracy = project.evaluate(candidate, "words", metrics=["accuracy"]).metrics["accuracy"]

    assert accuracy is not None
    assert accuracy > 0.9


def test_its_probabilities_belong_to_the_labels(project: InProcessProject) -> None:
    measured = project.evaluate("boosted", "words", metrics=["roc_auc"], positive_label="no").metrics

    assert measured["roc_auc"] is not None
    assert measured["roc_auc"] > 0.9


def test_a_fit_that_fails_for_another_reason_is_tried_on_few_rows_and_reported_as_it_was(
    project: InProcessProject,
) -> None:
    with pytest.raises(RuntimeError, match="no luck"):
        project.evaluate("picky", "words")

    (module,) = (module for name, module in sys.modules.items() if name.endswith("picky"))
    assert module.FITS[0] == 120
    assert max(module.FITS[1:]) <= 60
