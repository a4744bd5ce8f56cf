"""The probabilities of a model that computes them for its labels anyway are computed once."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.jobs.probabilities_or_scores import beside_labels, overhearing

CHANCE = np.random.default_rng(0)
X = pd.DataFrame(CHANCE.standard_normal((120, 4)), columns=list("abcd"))
Y = (X["a"] + X["b"] > 0).to_numpy().astype(int)

ASK_THEMSELVES = [
    RandomForestClassifier(n_estimators=5, random_state=0),
    ExtraTreesClassifier(n_estimators=5, random_state=0),
    BaggingClassifier(n_estimators=3, random_state=0),
]


@pytest.mark.parametrize("model", ASK_THEMSELVES, ids=lambda model: type(model).__name__)
def test_what_is_overheard_is_what_the_model_answers_when_it_is_asked_again(model):
    model.fit(X, Y)
    before = set(vars(model))
    with overhearing(model, X) as heard:
        labels = model.predict(X)

    assert set(vars(model)) == before
    assert np.array_equal(labels, model.predict(X))
    found = beside_labels(model, X, TargetKind.BINARY, heard=heard)
    assert len(heard) == 1
    assert found.probabilities.tobytes() == model.predict_proba(X).tobytes()


@pytest.mark.parametrize("model", [DecisionTreeClassifier(random_state=0), LinearSVC(random_state=0)])
def test_a_model_that_does_not_ask_itself_is_asked(model):
    model.fit(X, Y)
    with overhearing(model, X) as heard:
        model.predict(X)

    found = beside_labels(model, X, TargetKind.BINARY, heard=heard)
    assert heard == []
    assert found.probabilities is not None or found.scores is not None


class OwnForest(RandomForestClassifier):
    """Not of scikit-learn: what it does with its own methods is not known."""


def test_only_these_rows_of_models_of_scikit_learn_are_overheard_and_only_if_wanted():
    forest = RandomForestClassifier(n_estimators=2, random_state=0).fit(X, Y)
    own = OwnForest(n_estimators=2, random_state=0).fit(X, Y)
    for model, rows, wanted in [(own, X, True), (forest, X.copy(), True), (forest, X, False)]:
        with overhearing(model, X, wanted=wanted) as heard:
            model.predict(rows)
        assert heard == []


def test_a_model_whose_predict_raises_keeps_its_own_method():
    forest = RandomForestClassifier(n_estimators=2, random_state=0).fit(X, Y)
    with pytest.raises(ValueError, match="feature"), overhearing(forest, X):
        forest.predict(X[["a"]])

    assert "predict_proba" not in vars(forest)
