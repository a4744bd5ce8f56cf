"""Every classifier and regressor of scikit-learn takes part, or is refused with a reason that is true."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.projects.in_process import InProcessProject
from sklearn.utils import all_estimators

from bakeoff.cell.inside.cell_api import EntryFailure
from bakeoff.domain.candidate import Learns

TREE = {"class": "sklearn.tree:DecisionTreeClassifier", "params": {"max_depth": 2}}
LOGISTIC = {"class": "sklearn.linear_model:LogisticRegression"}
RIDGE = {"class": "sklearn.linear_model:Ridge"}
PCA = {"class": "sklearn.decomposition:PCA"}

#: What those need that cannot be constructed without parameters, and what makes slow ones quick.
PARAMS: Mapping[str, Mapping[str, Any]] = {
    "ClassifierChain": {"estimator": LOGISTIC},
    "FixedThresholdClassifier": {"estimator": LOGISTIC},
    "HistGradientBoostingClassifier": {"max_iter": 3},
    "HistGradientBoostingRegressor": {"max_iter": 3},
    "MultiOutputClassifier": {"estimator": LOGISTIC},
    "MultiOutputRegressor": {"estimator": RIDGE},
    "OneVsOneClassifier": {"estimator": LOGISTIC},
    "OneVsRestClassifier": {"estimator": LOGISTIC},
    "OutputCodeClassifier": {"estimator": LOGISTIC},
    "RadiusNeighborsClassifier": {"radius": 9.0},
    "RadiusNeighborsRegressor": {"radius": 9.0},
    "RegressorChain": {"estimator": RIDGE},
    "SelfTrainingClassifier": {"estimator": TREE},
    "StackingClassifier": {"estimators": [["tree", TREE], ["line", LOGISTIC]], "cv": 2},
    "StackingRegressor": {"estimators": [["line", RIDGE]], "cv": 2},
    "TunedThresholdClassifierCV": {"estimator": TREE},
    "VotingClassifier": {"estimators": [["tree", TREE]]},
    "VotingRegressor": {"estimators": [["line", RIDGE]]},
}
#: Estimators that are no classifiers by their class: they are what their inner estimator is.
OTHERS: Mapping[str, Mapping[str, Any]] = {
    "GridSearchCV": {"estimator": TREE, "param_grid": {"max_depth": [1, 2]}, "cv": 2},
    "HalvingGridSearchCV": {"estimator": TREE, "param_grid": {"max_depth": [1, 2]}, "cv": 2},
    "HalvingRandomSearchCV": {"estimator": TREE, "param_distributions": {"max_depth": [1, 2]}, "cv": 2},
}

REFUSED = "learns several targets at once, and a bake-off has one"
ONLY_SEVERAL_TARGETS = {
    "ClassifierChain",
    "MultiOutputClassifier",
    "MultiOutputRegressor",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "RegressorChain",
}
#: What they say of these data when they are fitted.
DO_NOT_FIT_THE_DATA = {
    "CCA": "upper bound is 1",
    "CategoricalNB": "Negative values in data",
    "ComplementNB": "Negative values in data",
    "IsotonicRegression": "should be a 1d array or 2d array with 1 feature",
    "MultinomialNB": "Negative values in data",
    "PLSCanonical": "upper bound is 1",
}


def entries() -> dict[str, dict[str, Any]]:
    classes = [
        (name, found.__module__)
        for kind in ("classifier", "regressor")
        for name, found in all_estimators(type_filter=kind)
    ]
    paths = {name: f"{module.partition('._')[0]}:{name}" for name, module in classes}
    paths |= {name: f"sklearn.model_selection:{name}" for name in OTHERS}
    return {
        name: {"path": path, "params": dict((PARAMS | OTHERS).get(name, {}))} for name, path in paths.items()
    }


ENTRIES = entries()


def table(target: Any) -> str:
    values = np.random.default_rng(3).normal(size=(120, 3))
    rows = [
        f"{a + 2 * (n % 2):.3f},{b:.3f},{c:.3f},{target(n, a)}" for n, (a, b, c) in enumerate(values.tolist())
    ]
    return "\n".join(["a,b,c,y", *rows, ""])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> InProcessProject:
    data = {
        "words": table(lambda n, _: ("no", "yes")[n % 2]),
        "amounts": table(lambda n, a: f"{5 + a + n % 2:.3f}"),
    }
    return InProcessProject(tmp_path_factory.mktemp("estimators"), ENTRIES, data)


def test_the_catalog_refuses_only_those_that_need_several_targets(project: InProcessProject) -> None:
    catalog = project.context.catalog()
    refused = {name: found.cause for name, found in catalog.rejected.items()}

    assert set(refused) == ONLY_SEVERAL_TARGETS
    assert all(cause.endswith(REFUSED) for cause in refused.values())


@pytest.mark.filterwarnings("ignore")  # of convergence and the like: it is about taking part
@pytest.mark.parametrize("name", sorted(ENTRIES.keys() - ONLY_SEVERAL_TARGETS))
def test_each_estimator_predicts_or_says_what_it_misses(project: InProcessProject, name: str) -> None:
    is_classifier = project.context.catalog().get(name).learns is Learns.CLASSES
    dataset, metric = ("words", "accuracy") if is_classifier else ("amounts", "mae")
    if name in DO_NOT_FIT_THE_DATA:
        with pytest.raises(ValueError, match=DO_NOT_FIT_THE_DATA[name]):
            project.evaluate(name, dataset)
        return
    assert project.evaluate(name, dataset, metrics=[metric]).metrics[metric] is not None


def test_an_estimator_that_has_no_predict_even_when_fitted_says_so(tmp_path: Path) -> None:
    entry = {
        "path": "sklearn.model_selection:GridSearchCV",
        "params": {"estimator": PCA, "param_grid": {"n_components": [1, 2]}},
    }
    project = InProcessProject(
        tmp_path, {"parts": entry}, {"words": table(lambda n, _: ("no", "yes")[n % 2])}
    )

    with pytest.raises(EntryFailure, match="GridSearchCV has no method `predict` after its fit") as caught:
        project.evaluate("parts", "words")

    assert "its inner estimator must have `predict`, too" in caught.value.hint


def test_an_imputer_that_is_experimental_needs_no_import_of_ones_own(tmp_path: Path) -> None:
    steps = [{"path": "sklearn.impute:IterativeImputer"}, {"path": "sklearn.tree:DecisionTreeClassifier"}]
    gaps = table(lambda n, _: n % 2).replace("0.", "", 3)

    project = InProcessProject(tmp_path, {"imputes": {"steps": steps}}, {"gaps": gaps})

    assert project.evaluate("imputes", "gaps", metrics=["accuracy"]).metrics["accuracy"] is not None
