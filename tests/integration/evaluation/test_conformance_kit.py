"""The conformance kit in real cells: each planted bug fails its own check alone, and good candidates pass."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fixtures.places import ROOT
from fixtures.servers import warm

from bakeoff.domain.candidate import Candidate, OutputKind
from bakeoff.domain.conformance_report import CANDIDATE_CHECKS, CheckOutcome, ConformanceReport
from bakeoff.evaluation.conformance.check_candidate import PRELOADED, KitLimits, check_candidate
from bakeoff.evaluation.temporary_oven import oven_for

PLUGINS = ROOT / "tests" / "plugins"


def planted() -> dict[str, list[str]]:
    """By class, the checks that it must fail: its docstring names them. The good ones fail none."""
    tree = ast.parse((PLUGINS / "planted_bugs.py").read_text("utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {
        one.name: [] if one.name.startswith("Good") else (ast.get_docstring(one) or "").split()
        for one in classes
    }


Check = Callable[..., ConformanceReport]


@pytest.fixture(scope="module")
def check() -> Iterator[Check]:
    """Hundreds of cells come from this oven, for which it merges its pages: it is a started one."""
    with warm.children_by_exec(), oven_for(PLUGINS, preload=PRELOADED) as run:

        def check(
            path: str, *, root: Path = PLUGINS, timeout_s: float = 90, **about: object
        ) -> ConformanceReport:
            candidate = Candidate(**{"id": path, "version": "1", "path": path, **about})
            return check_candidate(candidate, run, root=root, limits=KitLimits(timeout_s=timeout_s))

        yield check


@pytest.mark.parametrize(("name", "slugs"), planted().items())
def test_a_planted_bug_fails_its_own_check_and_no_other(check: Check, name: str, slugs: list[str]) -> None:
    report = check(f"planted_bugs:{name}")
    assert sorted(report.failed) == sorted(slugs), [one for one in report.checks if one.slug in report.failed]
    assert {one.slug for one in report.checks} == set(CANDIDATE_CHECKS)
    assert all(one.seen and one.cure for one in report.checks if one.outcome is CheckOutcome.FAILED)


def test_every_check_has_a_bug_that_fails_it() -> None:
    told_only = {"memorises"}
    assert {slug for slugs in planted().values() for slug in slugs} == set(CANDIDATE_CHECKS) - told_only


def test_a_failure_is_told_with_its_figures_and_a_cure(check: Check) -> None:
    [failed] = [one for one in check("planted_bugs:CountsRows").checks if one.slug == "row-order"]
    assert failed.seen.startswith("34 of 64 probabilities differ with the rows in another order: row ")
    assert failed.cure == "predict each row from its own values, and not from its place"


def test_a_check_that_hangs_fails_and_the_others_are_made(check: Check, tmp_path: Path) -> None:
    (tmp_path / "hangs.py").write_text(
        "import numpy as np, time\n"
        "class Hangs:\n"
        "    def fit(self, X, y):\n"
        "        return self\n"
        "    def predict(self, X):\n"
        "        while X.isna().any(axis=None):\n"
        "            time.sleep(1)\n"
        "        return np.zeros(len(X), dtype=int)\n"
    )
    report = check("hangs:Hangs", root=tmp_path, timeout_s=3)
    by_slug = {one.slug: one for one in report.checks}
    assert by_slug["missing-values"].seen == "it did not end within 3 s"
    assert by_slug["single-row"].outcome is CheckOutcome.PASSED


def test_probabilities_as_predictions_are_checked_as_such(check: Check, tmp_path: Path) -> None:
    (tmp_path / "sure.py").write_text(
        "import numpy as np\n"
        "class Sure:\n"
        "    def fit(self, X, y):\n"
        "        self.share = float(np.mean(y))\n"
        "        return self\n"
        "    def predict(self, X):\n"
        "        return np.full(len(X), self.share)\n"
    )
    assert check("sure:Sure", root=tmp_path, output_kind=OutputKind.PROBA).failed == []


#: One of each kind: of numbers, of classes, at random, of positive numbers, by distances, of another library.
ONE_OF_EACH_KIND = (
    "sklearn.linear_model:Ridge",
    "sklearn.linear_model:SGDClassifier",
    "sklearn.tree:DecisionTreeClassifier",
    "sklearn.naive_bayes:MultinomialNB",
    "sklearn.svm:SVC",
    "xgboost:XGBClassifier",
)

#: Each of them is right: these libraries do what the check warns of.
EXPECTED = {
    "lightgbm:LGBMClassifier": ["feature-names"],  # it goes by position, whatever the names
    "lightgbm:LGBMRegressor": ["feature-names"],
    # They keep similarities of pairs of rows, up to their cache_size; SVR has no random_state besides.
    "sklearn.svm:NuSVC": ["memory-linear"],
    "sklearn.svm:SVR": ["no-global-random", "memory-linear"],
    "sklearn.neighbors:NearestCentroid": ["proba-agrees"],  # its probabilities heed the shares of the classes
    "sklearn.kernel_ridge:KernelRidge": ["memory-linear"],  # a matrix of rows by rows
    "sklearn.gaussian_process:GaussianProcessClassifier": ["memory-linear"],
    "sklearn.gaussian_process:GaussianProcessRegressor": ["memory-linear"],
    "sklearn.semi_supervised:LabelSpreading": ["memory-linear"],
}

#: Fewer trees than by default: the checks are about how they behave, not about how well.
SMALLER: dict[str, dict[str, object]] = {
    "catboost:CatBoostClassifier": {"iterations": 10, "verbose": 0, "allow_writing_files": False},
    "catboost:CatBoostRegressor": {"iterations": 10, "verbose": 0, "allow_writing_files": False},
    "sklearn.ensemble:RandomForestClassifier": {"n_estimators": 10},
    "sklearn.ensemble:RandomForestRegressor": {"n_estimators": 10},
    "sklearn.ensemble:ExtraTreesClassifier": {"n_estimators": 10},
    "sklearn.ensemble:GradientBoostingClassifier": {"n_estimators": 10},
    "sklearn.ensemble:AdaBoostClassifier": {"n_estimators": 10},
}

OTHERS = (
    *EXPECTED,
    "sklearn.linear_model:BayesianRidge",
    "sklearn.tree:DecisionTreeRegressor",
    "sklearn.naive_bayes:GaussianNB",
    "sklearn.neighbors:KNeighborsClassifier",
    "sklearn.discriminant_analysis:LinearDiscriminantAnalysis",
    "sklearn.dummy:DummyClassifier",
    *(
        f"sklearn.linear_model:{name}"
        for name in [
            "LogisticRegression",
            "RidgeClassifier",
            "Perceptron",
            "PassiveAggressiveClassifier",
            "LinearRegression",
            "Lasso",
            "ElasticNet",
            "HuberRegressor",
            "SGDRegressor",
            "PoissonRegressor",
            "Lars",
        ]
    ),
    *(
        f"sklearn.ensemble:{name}"
        for name in [
            "RandomForestClassifier",
            "RandomForestRegressor",
            "ExtraTreesClassifier",
            "GradientBoostingClassifier",
            "HistGradientBoostingClassifier",
            "HistGradientBoostingRegressor",
            "AdaBoostClassifier",
            "BaggingClassifier",
        ]
    ),
    "sklearn.tree:ExtraTreeClassifier",
    "sklearn.naive_bayes:BernoulliNB",
    "sklearn.neighbors:KNeighborsRegressor",
    "sklearn.svm:LinearSVC",
    "sklearn.neural_network:MLPClassifier",
    "sklearn.discriminant_analysis:QuadraticDiscriminantAnalysis",
    "sklearn.calibration:CalibratedClassifierCV",
    "sklearn.cross_decomposition:PLSRegression",
    "xgboost:XGBRegressor",
    "catboost:CatBoostClassifier",
    "catboost:CatBoostRegressor",
)


@pytest.mark.parametrize("path", ONE_OF_EACH_KIND)
def test_estimators_of_known_libraries_pass(check: Check, path: str) -> None:
    assert check(path).failed == []


@pytest.mark.services  # no server, but half a minute of work
@pytest.mark.parametrize("path", OTHERS)
def test_other_estimators_pass_and_exceptions_are_named(check: Check, path: str) -> None:
    assert check(path, params=SMALLER.get(path, {})).failed == EXPECTED.get(path, [])
