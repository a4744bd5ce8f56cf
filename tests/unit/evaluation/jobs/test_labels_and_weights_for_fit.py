"""Which fits are given weights, and under which name."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from bakeoff.evaluation.jobs.labels_and_weights_for_fit import weight_arguments
from registry.columns.classifier_with_coded_labels import CodedClassifier

WEIGHTS = np.array([1.0, 0.0, 2.0])


class OfTheUser:
    def fit(self, X: Any, y: Any, *, sample_weight: Any = None) -> None: ...


class Untaught:
    fit = None


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Ridge(), "sample_weight"),
        (OfTheUser(), "sample_weight"),
        (make_pipeline(StandardScaler(), Ridge()), "ridge__sample_weight"),
        (
            make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Ridge())),
            "pipeline__ridge__sample_weight",
        ),
        (CodedClassifier(DecisionTreeClassifier()), "sample_weight"),
    ],
)
def test_a_fit_that_takes_weights_gets_them_by_the_name_of_its_step(model: Any, name: str) -> None:
    found = weight_arguments(model, WEIGHTS)

    assert list(found) == [name]
    np.testing.assert_array_equal(found[name], WEIGHTS)


@pytest.mark.parametrize(
    "model",
    [
        KNeighborsClassifier(),
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
        CodedClassifier(KNeighborsClassifier()),
        Untaught(),
    ],
)
def test_a_fit_that_takes_none_gets_none(model: Any) -> None:
    assert weight_arguments(model, WEIGHTS) == {}


def test_without_weights_there_is_nothing_to_give() -> None:
    assert weight_arguments(Ridge(), None) == {}


def test_a_classifier_that_learns_codes_passes_the_weights_on() -> None:
    X, y = np.array([[0.0], [0.0], [1.0]]), np.array(["no", "yes", "yes"])

    learnt = CodedClassifier(DecisionTreeClassifier()).fit(X, y, sample_weight=np.array([1.0, 5.0, 1.0]))

    assert learnt.predict(np.array([[0.0]])).tolist() == ["yes"]
