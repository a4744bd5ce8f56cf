from pathlib import Path

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from bakeoff.domain.candidate import Candidate
from bakeoff.notebook.candidates.write_estimator_as_data import (
    CannotBeWrittenError,
    write_class,
    write_estimator,
    write_function,
)
from registry.code.model_building import build


def no_code(thing: object) -> str:
    raise AssertionError(f"{thing} is not of this session")


def written(model: object) -> tuple[str, dict]:
    found = write_estimator(model, no_code, name="it")
    return found.path, dict(found.params)


def built_again(model: object, root: Path) -> object:
    path, params = written(model)
    return build(Candidate(id="it", version="1", path=path, params=params), root=root, seed=None)


def test_only_parameters_that_differ_from_the_defaults_are_written() -> None:
    assert written(RandomForestClassifier(n_estimators=50)) == (
        "sklearn.ensemble:RandomForestClassifier",
        {"n_estimators": 50},
    )


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(C=0.5)),
        make_pipeline(
            ColumnTransformer(
                [("a", StandardScaler(), ["x"]), ("b", OneHotEncoder(), ["y"])], remainder="drop"
            ),
            LogisticRegression(class_weight={0: 1.0, 1: 5.0}),
        ),
        make_pipeline(FunctionTransformer(np.log1p), SelectKBest(f_classif, k=3), LogisticRegression()),
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=KFold(4, shuffle=True, random_state=1)),
        RidgeCV(alphas=np.logspace(-3, 3, 4)),
        MLPClassifier(hidden_layer_sizes=(8, 4)),
        GaussianProcessClassifier(kernel=ConstantKernel(2.0) * RBF(length_scale=0.5)),
        make_pipeline(SimpleImputer(missing_values=-1), MLPClassifier((3,))),
    ],
    ids=lambda model: type(model).__name__,
)
def test_what_is_written_is_built_again_as_it_was(model: object, tmp_path: Path) -> None:
    assert repr(built_again(model, tmp_path)) == repr(model)


def test_of_a_metric_without_a_name_it_is_said_which_function_to_write() -> None:
    with pytest.raises(
        CannotBeWrittenError, match=r"write `def name\(y_true, y_pred\)` around what it calls"
    ):
        write_function(make_scorer(fbeta_score, beta=2), no_code)


def test_nan_as_a_parameter_survives(tmp_path: Path) -> None:
    model = make_pipeline(SimpleImputer(fill_value=float("nan"), strategy="constant"), LogisticRegression())
    assert np.isnan(built_again(model, tmp_path).steps[0][1].fill_value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            make_pipeline(FunctionTransformer(lambda x: x), LogisticRegression()),
            r"it\.steps\[0\]\[1\]\.func is a lambda, which has no name to be found by: write `def name",
        ),
        (
            RandomForestClassifier(random_state=np.random.RandomState(0)),
            r"it\.random_state is a RandomState, whose state is not written down: give an integer",
        ),
        (
            RidgeCV(alphas=np.zeros(20_000)),
            r"it\.alphas is an array of 20,000 values, and a parameter has 10,000",
        ),
        (
            LogisticRegression(C=open),
            None,
        ),
        (LogisticRegression(C=object()), r"it\.C is <object object at .*>, of type object, which cannot be"),
        (LogisticRegression(C={1, 2}), r"it\.C is a set, which has no order: give a list or a tuple"),
        (
            LogisticRegression(C=float("-inf")),
            r"it\.C is -inf, which cannot be written: give a finite number",
        ),
    ],
)
def test_a_parameter_that_cannot_be_written_is_named_with_the_cure(
    model: object, message: str | None
) -> None:
    if message is None:
        assert written(model)[1] == {"C": {"object": "io:open"}}
        return
    with pytest.raises(CannotBeWrittenError, match=message):
        written(model)


def test_a_class_is_written_without_parameters() -> None:
    assert write_class(StandardScaler, no_code).path == "sklearn.preprocessing:StandardScaler"


def test_an_object_that_forgets_a_parameter_is_refused() -> None:
    class Forgetful(LogisticRegression):
        get_params = property()  # type: ignore[assignment]

        def __init__(self, depth: int = 3) -> None:
            """Keeps nothing."""

    with pytest.raises(CannotBeWrittenError, match=r"does not keep its parameter 'depth': set `self.depth`"):
        write_estimator(Forgetful(), no_code, name="mine")
