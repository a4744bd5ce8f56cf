"""A class of a library that holds a function, class or object of the project has a cell of its own."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sklearn import (
    compose,
    ensemble,
    feature_selection,
    linear_model,
    model_selection,
    neighbors,
    pipeline,
    preprocessing,
    svm,
)
from sklearn.metrics import pairwise
from sklearn.naive_bayes import GaussianNB

from bakeoff.domain.candidate import Candidate
from bakeoff.notebook.candidates.write_estimator_as_data import write_estimator
from bakeoff.settings.setting_definitions import Settings
from registry.code.candidate_code import class_modules, code_at, is_installed_code

DEFAULT = tuple(Settings().shared_cells)

OWN_PARTS = """
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.gaussian_process.kernels import RBF
from sklearn.model_selection import KFold


def function(*given, **named): ...


class Splitter(KFold): ...


class Kernel(RBF): ...


class Model(TransformerMixin, BaseEstimator):
    def fit(self, X, y): return self

    def transform(self, X): return X

    def predict(self, X): return X
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module of the project, whose folder is the test's."""
    (tmp_path / "own_parts.py").write_text(OWN_PARTS)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("own_parts")
    del sys.modules["own_parts"]


def shares(root: Path, candidate: Candidate) -> bool:
    return is_installed_code(candidate, code_at(class_modules(candidate), root=root), packages=DEFAULT)


def given_to_compare(model: Any) -> Candidate:
    """As `bakeoff.compare` writes an estimator."""
    found = write_estimator(model, _no_module, name="x")
    return Candidate(id="x", version="1", path=found.path, params=found.params)


def _no_module(thing: Any) -> str:
    raise AssertionError(f"{thing} has a module")


def before_a_model(part: Any) -> Any:
    return pipeline.make_pipeline(part, linear_model.LogisticRegression())


def before_nothing(part: Any) -> Any:
    return pipeline.make_pipeline(preprocessing.StandardScaler(), part)


#: What makes the estimator; the part of the project that it is given; and one of a library, which may share.
CASES: Mapping[str, tuple[Callable[[Any], Any], str, Any]] = {
    "func": (
        lambda part: before_a_model(preprocessing.FunctionTransformer(func=part)),
        "function",
        preprocessing.normalize,
    ),
    "inverse_func": (
        lambda part: compose.TransformedTargetRegressor(
            linear_model.Ridge(), func=preprocessing.scale, inverse_func=part
        ),
        "function",
        preprocessing.scale,
    ),
    "score_func": (
        lambda part: before_a_model(feature_selection.SelectKBest(part, k=2)),
        "function",
        feature_selection.chi2,
    ),
    "importance_getter": (
        lambda part: feature_selection.RFE(linear_model.Ridge(), importance_getter=part),
        "function",
        "coef_",
    ),
    "columns": (
        lambda part: before_a_model(
            compose.ColumnTransformer([("scaled", preprocessing.MaxAbsScaler(), part)])
        ),
        "function",
        ["a", "b"],
    ),
    "scoring": (
        lambda part: model_selection.GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, scoring=part),
        "function",
        "accuracy",
    ),
    "several scores": (
        lambda part: model_selection.GridSearchCV(
            GaussianNB(), {"var_smoothing": [1e-9]}, scoring={"one": part}, refit=False
        ),
        "function",
        "accuracy",
    ),
    "metric": (
        lambda part: neighbors.KNeighborsClassifier(metric=part),
        "function",
        "cosine",
    ),
    "weights": (
        lambda part: neighbors.KNeighborsClassifier(weights=part),
        "function",
        "distance",
    ),
    "kernel": (lambda part: svm.SVC(kernel=part), "function", pairwise.rbf_kernel),
    "cv": (
        lambda part: model_selection.GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, cv=part),
        "Splitter",
        model_selection.KFold(3),
    ),
    "estimator": (
        ensemble.BaggingClassifier,
        "Model",
        GaussianNB(),
    ),
    "one of several": (
        lambda part: ensemble.VotingClassifier([("a", GaussianNB()), ("b", part)]),
        "Model",
        linear_model.LogisticRegression(),
    ),
    "a value of a search": (
        lambda part: model_selection.GridSearchCV(ensemble.BaggingClassifier(), {"estimator": [None, part]}),
        "Model",
        GaussianNB(),
    ),
    "deep in pipelines": (
        lambda part: before_a_model(
            compose.ColumnTransformer(
                [("all", pipeline.FeatureUnion([("one", before_nothing(part))]), ["a"])]
            )
        ),
        "Model",
        preprocessing.MaxAbsScaler(),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_part_of_the_project_keeps_a_class_of_a_library_apart(
    tmp_path: Path, own: ModuleType, case: str
) -> None:
    make, name, of_a_library = CASES[case]
    part = getattr(own, name) if name == "function" else getattr(own, name)()

    assert not shares(tmp_path, given_to_compare(make(part)))
    assert shares(tmp_path, given_to_compare(make(of_a_library)))


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("lightgbm:LGBMClassifier", {"objective": {"object": "own_parts:function"}}),
        ("xgboost:XGBClassifier", {"eval_metric": {"object": "own_parts.py:function"}}),
        ("xgboost:XGBClassifier", {"callbacks": [{"class": "own_parts:Model"}]}),
        (
            "sklearn.gaussian_process:GaussianProcessClassifier",
            {"kernel": {"class": "own_parts:Kernel", "params": {"length_scale": 2.0}}},
        ),
        ("sklearn.neighbors:KNeighborsClassifier", {"metric": {"object": "numpy:dot"}}),
    ],
)
def test_so_does_one_that_an_entry_of_a_catalog_names(
    tmp_path: Path, path: str, params: Mapping[str, Any]
) -> None:
    assert shares(tmp_path, Candidate(id="x", version="1", path=path))
    assert not shares(tmp_path, Candidate(id="x", version="1", path=path, params=params))


def test_a_class_that_derives_from_one_of_a_library_is_of_the_project(
    tmp_path: Path, own: ModuleType
) -> None:
    assert not shares(tmp_path, given_to_compare(own.Splitter()))
