"""What is baked in the benchmarks: T1 trivial candidates, T2 real ones, T3 cheap ones on large data.

The long ones come first, in the same order for everybody.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Entries = Mapping[str, Mapping[str, Any]]  #: of a catalog, by id


@dataclass(frozen=True, kw_only=True)
class Workload:
    dataset: Mapping[str, Any]  #: as in the configuration
    candidates: Entries
    copies: int = 1  #: each candidate takes part so many times
    write: Callable[[Path], None] = lambda _: None  #: the file that `dataset` names, into this folder


def trivial(number: int) -> Workload:
    return _constants(number, "benchmarks.parts.quick_candidates:Constant", lambda answer: {"answer": answer})


def trivial_of_library(number: int) -> Workload:
    """The same answers from scikit-learn, whose candidates may share a cell."""
    return _constants(
        number,
        "sklearn.dummy:DummyClassifier",
        lambda answer: {"strategy": "constant", "constant": answer},
    )


def _constants(number: int, path: str, params: Callable[[int], Mapping[str, Any]]) -> Workload:
    answers = {"no": 0, "yes": 1}
    return Workload(
        dataset={"source": "sklearn", "name": "breast_cancer"},
        candidates={name: {"path": path, "params": params(answer)} for name, answer in answers.items()},
        copies=number // len(answers),
    )


def real() -> Workload:
    return Workload(
        dataset={"source": "parquet", "path": "d.parquet", "target": "y"},
        candidates=_REAL,
        write=lambda folder: _write(folder, rows=20_000, columns=40, kind="float64"),
    )


def large() -> Workload:
    return Workload(
        dataset={"source": "parquet", "path": "d.parquet", "target": "y"},
        candidates=_CHEAP,
        write=lambda folder: _write(folder, rows=2_000_000, columns=50, kind="float32"),
    )


def _write(folder: Path, *, rows: int, columns: int, kind: str) -> None:
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng(0)
    values = chance.standard_normal(size=(rows, columns)).astype(kind)
    frame = pd.DataFrame(values, columns=[f"x{column}" for column in range(columns)])
    noise = chance.standard_normal(rows)
    frame["y"] = (values[:, 0] + values[:, 1] * values[:, 2] + noise > 0).astype("int64")
    frame.to_parquet(folder / "d.parquet")


def _entry(path: str, **params: Any) -> Mapping[str, Any]:
    return {"path": f"sklearn.{path}", "params": params, "preprocess": "none"}


_REAL: Entries = {
    "boosting_100": _entry("ensemble:GradientBoostingClassifier", n_estimators=20, subsample=0.3),
    "forest_100": _entry("ensemble:RandomForestClassifier", n_estimators=30),
    "forest_sqrt": _entry("ensemble:RandomForestClassifier", n_estimators=40, max_depth=8),
    "extra_trees": _entry("ensemble:ExtraTreesClassifier", n_estimators=80),
    "extra_shallow": _entry("ensemble:ExtraTreesClassifier", n_estimators=80, max_depth=10),
    "bagging": _entry("ensemble:BaggingClassifier", n_estimators=6),
    "ada_boost": _entry("ensemble:AdaBoostClassifier", n_estimators=20),
    "mlp": _entry("neural_network:MLPClassifier", hidden_layer_sizes=[16], max_iter=10),
    "histogram_wide": _entry("ensemble:HistGradientBoostingClassifier", max_iter=60),
    "histogram": _entry("ensemble:HistGradientBoostingClassifier", max_iter=30),
    "knn_5": _entry("neighbors:KNeighborsClassifier", n_neighbors=5, algorithm="brute"),
    "knn_25": _entry("neighbors:KNeighborsClassifier", n_neighbors=25, algorithm="brute"),
    "linear_svc": _entry("svm:LinearSVC", C=0.1),
    "tree": _entry("tree:DecisionTreeClassifier"),
    "tree_8": _entry("tree:DecisionTreeClassifier", max_depth=8),
    "tree_entropy": _entry("tree:DecisionTreeClassifier", criterion="entropy", max_depth=6),
    "logistic_weak": _entry("linear_model:LogisticRegression", C=0.01, max_iter=200),
    "logistic": _entry("linear_model:LogisticRegression", max_iter=200),
    "sgd": _entry("linear_model:SGDClassifier"),
    "lda": _entry("discriminant_analysis:LinearDiscriminantAnalysis"),
    "qda": _entry("discriminant_analysis:QuadraticDiscriminantAnalysis"),
    "ridge": _entry("linear_model:RidgeClassifier"),
    "naive_bayes": _entry("naive_bayes:GaussianNB"),
    "centroid": _entry("neighbors:NearestCentroid"),
}

#: Cheap in memory, too, so that what is added to the data can be seen.
_CHEAP: Entries = {
    "tree_3": _entry("tree:DecisionTreeClassifier", max_depth=3, max_features=3),
    "tree_2": _entry("tree:DecisionTreeClassifier", max_depth=2, max_features=4),
    "tree_2_few": _entry("tree:DecisionTreeClassifier", max_depth=2, max_features=2),
    "stump": _entry("tree:DecisionTreeClassifier", max_depth=1, max_features=6),
    "stump_few": _entry("tree:DecisionTreeClassifier", max_depth=1, max_features=3),
    "stump_entropy": _entry("tree:DecisionTreeClassifier", max_depth=1, max_features=5, criterion="entropy"),
    "chance_tree_8": _entry("tree:ExtraTreeClassifier", max_depth=8, max_features=10),
    "chance_tree_6": _entry("tree:ExtraTreeClassifier", max_depth=6, max_features=10),
    "chance_tree_4": _entry("tree:ExtraTreeClassifier", max_depth=4, max_features=10),
    "chance_tree_3": _entry("tree:ExtraTreeClassifier", max_depth=3, max_features=20),
    "chance_tree_2": _entry("tree:ExtraTreeClassifier", max_depth=2, max_features=20),
    "prior": _entry("dummy:DummyClassifier"),
}
