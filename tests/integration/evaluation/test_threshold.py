"""A threshold acts on every classifier of two classes, or is refused: the header says what happens."""

import numpy as np
import pytest
from fixtures.projects.in_process import InProcessProject

from bakeoff.cell.inside.cell_api import EntryFailure

TREE = {"class": "sklearn.tree:DecisionTreeClassifier", "params": {"max_depth": 2}}
CANDIDATES = {
    "line": {"path": "sklearn.linear_model:LogisticRegression"},
    "margin": {"path": "sklearn.svm:LinearSVC"},
    "boosted": {"path": "xgboost:XGBClassifier", "params": {"n_estimators": 5, "max_depth": 2}},
    "votes": {"path": "sklearn.ensemble:VotingClassifier", "params": {"estimators": [["tree", TREE]]}},
}


def table() -> str:
    values = np.random.default_rng(11).normal(size=(400, 2)).tolist()
    rows = [f"{a + 1.5 * (n % 2):.3f},{b:.3f},{('no', 'yes')[n % 2]}" for n, (a, b) in enumerate(values)]
    return "\n".join(["a,b,y", *rows, ""])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> InProcessProject:
    return InProcessProject(tmp_path_factory.mktemp("threshold"), CANDIDATES, {"words": table()})


def recall(project: InProcessProject, model: str, **request: object) -> float:
    value = project.evaluate(model, "words", metrics=["recall"], **request).metrics["recall"]
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("model", "low", "middle", "high"),
    [("line", 0.05, 0.5, 0.95), ("boosted", 0.05, 0.5, 0.95), ("margin", -2.0, 0.0, 2.0)],
)
def test_a_plain_classifier_finds_more_of_the_positive_class_the_lower_the_threshold(
    project: InProcessProject, model: str, low: float, middle: float, high: float
) -> None:
    found = [recall(project, model, threshold=threshold) for threshold in (low, middle, high)]

    assert found[0] > found[1] > found[2]
    assert recall(project, model) == found[1]


@pytest.mark.parametrize(("model", "low"), [("line", 0.05), ("boosted", 0.05), ("margin", -2.0)])
def test_the_threshold_is_of_the_positive_label_also_if_that_is_the_lesser_one(
    project: InProcessProject, model: str, low: float
) -> None:
    of_no = {"positive_label": "no"}

    assert recall(project, model, threshold=low, **of_no) > recall(project, model, **of_no)


def test_one_that_predicts_labels_alone_is_refused_with_the_cure(project: InProcessProject) -> None:
    with pytest.raises(EntryFailure) as caught:
        project.evaluate("votes", "words", threshold=0.3)

    assert caught.value.message == (
        "threshold 0.3 has nothing to act on: VotingClassifier has neither predict_proba nor "
        "decision_function"
    )
    assert "leave the threshold out" in caught.value.hint


def test_scores_rank_the_rows_of_one_that_has_no_probabilities(project: InProcessProject) -> None:
    area = project.evaluate("margin", "words", metrics=["roc_auc"]).metrics["roc_auc"]

    assert area is not None
    assert area > 0.8
