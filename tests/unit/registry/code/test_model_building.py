import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fixtures.places import ROOT
from sklearn.base import clone

from bakeoff.domain.candidate import Candidate, PipelineStep
from bakeoff.domain.runs.job import Phase
from registry.code.model_building import LoadError, build

GOOD = """
class Mine:
    def __init__(self, depth=1):
        self.depth = depth
    def fit(self, X, y): ...
    def predict(self, X): return [self.depth for _ in X]
"""


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], "__file__", None)
        if not file or "site-packages" not in file:
            del sys.modules[name]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "plugs").mkdir(parents=True)
    return project


def plugin(root: Path, source: str, name: str = "plugs/mine.py") -> str:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    return f"{name}:Mine"


def make(root: Path, path: str, seed: int | None = 7, **params: object) -> object:
    return build(Candidate(id="c", version="1", path=path, params=params), root=root, seed=seed)


def refusal(root: Path, path: str, **params: object) -> LoadError:
    with pytest.raises(LoadError) as caught:
        make(root, path, **params)
    return caught.value


def test_a_file_below_the_root_gives_its_class_with_the_params(root):
    model = make(root, plugin(root, GOOD), depth=4)

    assert model.predict([1, 2]) == [4, 4]


def test_parameters_of_inner_estimators_are_set_in_them(root):
    svc = {"class": "sklearn.svm:SVC"}
    model = make(root, "sklearn.pipeline:Pipeline", steps=[["clf", svc]], clf__C=4.0)

    assert model.named_steps["clf"].C == 4.0
    assert "has no parameter 'clf__C'" in str(refusal(root, plugin(root, GOOD), clf__C=4.0))


def test_a_module_below_the_root_is_found_by_its_dotted_name(root):
    plugin(root, GOOD)

    assert make(root, "plugs.mine:Mine").depth == 1


def test_a_file_below_the_root_can_be_unpickled_by_any_process_that_has_the_root_on_its_path(root):
    (root / "model.pkl").write_bytes(pickle.dumps(make(root, plugin(root, GOOD), depth=3)))

    said = subprocess.run(
        [sys.executable, "-S", "-c", "import pickle; print(pickle.load(open('model.pkl', 'rb')).depth)"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout == "3\n"


def test_a_file_that_a_library_hides_is_loaded_all_the_same(root):
    path = plugin(root, GOOD, "json.py")

    model = make(root, path, depth=2)

    assert model.depth == 2
    assert sys.modules["json"].__file__ != str(root / "json.py")


def test_a_file_outside_the_root_is_loaded_once_and_goes_to_other_processes_by_value(root, tmp_path_factory):
    import cloudpickle

    outside = tmp_path_factory.mktemp("outside")
    plugin(outside, GOOD, "alone.py")
    path = f"{outside}/alone.py:Mine"
    first, second = make(root, path, depth=5), make(root, path)

    assert type(first) is type(second)
    assert pickle.loads(pickle.dumps(first)).depth == 5
    parcel = cloudpickle.dumps(first)
    del sys.modules[type(first).__module__]
    assert pickle.loads(parcel).depth == 5


def test_our_own_modules_stand_before_those_of_the_root(root):
    plugin(root, "raise RuntimeError('hides domain')", "domain/candidate.py")
    plugin(root, GOOD)

    assert make(root, "plugs.mine:Mine").depth == 1
    assert sys.path[-1] == str(root)


def test_the_models_folder_of_a_project_joins_ours(root):
    plugin(root, GOOD, "models/theirs.py")

    assert make(root, "models.theirs:Mine").depth == 1
    assert list(make(root, "models.baseline:Baseline").predict([[1], [2]])) == [0, 0]


def test_the_seed_becomes_every_random_state_that_was_left_open(root):
    tree = "sklearn.tree:DecisionTreeClassifier"
    model = make(
        root,
        "sklearn.ensemble:VotingClassifier",
        estimators=[
            ["open", {"class": tree}],
            ["null", {"class": tree, "params": {"random_state": None}}],
            ["given", {"class": tree, "params": {"random_state": 3}}],
        ],
    )

    assert [tree.random_state for _, tree in model.estimators] == [7, 7, 3]


def test_without_a_seed_no_random_state_is_touched(root):
    assert make(root, "sklearn.tree:DecisionTreeClassifier", seed=None).random_state is None


def test_what_splits_data_is_not_given_the_seed(root):
    model = make(
        root,
        "sklearn.linear_model:LogisticRegressionCV",
        cv={"class": "sklearn.model_selection:KFold", "params": {"n_splits": 3}},
    )

    assert (model.cv.n_splits, model.cv.random_state, model.random_state) == (3, None, 7)


def test_a_class_of_ones_own_that_takes_a_random_state_gets_the_seed(root):
    source = GOOD.replace("depth=1", "depth=1, random_state=99").replace(
        "= depth\n", "= depth; self.seen = random_state\n"
    )

    assert make(root, plugin(root, source)).seen == 7


def test_a_broken_get_params_is_no_fault(root):
    source = GOOD + "    def get_params(self, deep): raise OSError\n    def set_params(self): ...\n"

    assert make(root, plugin(root, source)).depth == 1


BAYES = {"class": "sklearn.naive_bayes:GaussianNB"}
SCALER = {"class": "sklearn.preprocessing:StandardScaler"}


@pytest.mark.parametrize(
    ("path", "params"),
    {
        "voting": ("sklearn.ensemble:VotingClassifier", {"estimators": [["bayes", BAYES]]}),
        "stacking": (
            "sklearn.ensemble:StackingClassifier",
            {"estimators": [["bayes", BAYES]], "final_estimator": BAYES, "cv": 2},
        ),
        "pipeline": ("sklearn.pipeline:Pipeline", {"steps": [["scale", SCALER], ["bayes", BAYES]]}),
        "columns": (
            "sklearn.pipeline:Pipeline",
            {
                "steps": [
                    [
                        "columns",
                        {
                            "class": "sklearn.compose:ColumnTransformer",
                            "params": {"transformers": [["scale", SCALER, [0]]]},
                        },
                    ],
                    ["bayes", BAYES],
                ]
            },
        ),
        "union": (
            "sklearn.pipeline:Pipeline",
            {
                "steps": [
                    [
                        "both",
                        {
                            "class": "sklearn.pipeline:FeatureUnion",
                            "params": {"transformer_list": [["scale", SCALER], ["again", SCALER]]},
                        },
                    ],
                    ["bayes", BAYES],
                ]
            },
        ),
    }.values(),
    ids=["voting", "stacking", "pipeline", "columns", "union"],
)
def test_named_estimators_stay_lists_and_scikit_learn_takes_them(root, path, params):
    model = make(root, path, **params)

    (name,) = params.keys() - {"cv", "final_estimator"}
    assert isinstance(getattr(model, name)[0], list)
    assert clone(model).fit([[0.0], [0.1], [0.9], [1.0]], [0, 0, 1, 1]).predict([[1.0]]) == [1]


@pytest.mark.parametrize(
    ("parameter", "given", "got"),
    [
        ("sizes=None", [1, 2], [1, 2]),
        ("sizes=()", [1, 2], (1, 2)),
        ("sizes=[3]", [1, 2], [1, 2]),
        ("sizes: tuple = None", [1, 2], (1, 2)),
        ("sizes: tuple[int, ...] = None", [1, 2], (1, 2)),
        ("sizes: tuple[int, int] | None = None", [1, 2], (1, 2)),
        ('sizes: "tuple[int, int] | None" = None', [1, 2], (1, 2)),
        ("sizes: list[tuple[int, int]] = None", [[1, 2]], [[1, 2]]),
        ("sizes: list | tuple = None", [1, 2], [1, 2]),
        ("sizes: dict = None", ["tree", {"class": "builtins:object"}], list),
        ("**sizes", [1, 2], [1, 2]),
    ],
)
def test_a_list_becomes_a_tuple_only_where_the_signature_asks_for_one(root, parameter, given, got):
    source = GOOD.replace("depth=1", f"depth=1, {parameter}").replace(
        "= depth\n", "= depth; self.seen = sizes\n"
    )

    seen = make(root, plugin(root, source), sizes=given).seen

    seen = seen.get("sizes", seen) if isinstance(seen, dict) else seen
    assert seen == got or (isinstance(got, type) and type(seen) is got)


def test_a_list_becomes_a_tuple_where_the_default_is_one(root):
    model = build(
        Candidate(
            id="c",
            version="1",
            steps=(
                PipelineStep(path="sklearn.preprocessing:MinMaxScaler", params={"feature_range": [-1, 1]}),
                PipelineStep(path="sklearn.naive_bayes:GaussianNB"),
            ),
        ),
        root=root,
        seed=7,
    )

    assert model.steps[0][1].feature_range == (-1, 1)


def test_pairs_become_a_dict_whose_keys_are_no_text(root):
    weights = {"pairs": [[0, 1.0], [1, 5.0]]}

    assert make(root, "sklearn.tree:DecisionTreeClassifier", class_weight=weights).class_weight == {
        0: 1.0,
        1: 5.0,
    }


@pytest.mark.parametrize(
    "value",
    [{"class": "a", "more": [1, ["b", 2]]}, {"class": 3}, {"class": "a:B", "params": 3}, {"params": {}}],
)
def test_other_mappings_and_lists_stay_as_they_are(root, value):
    assert make(root, plugin(root, GOOD), depth=value).depth == value


def test_steps_become_a_pipeline_that_fits_and_is_seeded(root):
    steps = (
        PipelineStep(path="sklearn.preprocessing:StandardScaler"),
        PipelineStep(
            path="sklearn.tree:DecisionTreeClassifier", params={"max_depth": 2, "random_state": None}
        ),
    )
    model = build(Candidate(id="c", version="1", steps=steps), root=root, seed=7)

    assert [name for name, _ in model.steps] == ["standardscaler", "decisiontreeclassifier"]
    assert model.steps[1][1].random_state == 7
    assert model.fit(np.array([[0.0], [1.0]]), [0, 1]).predict([[1.0]]) == [1]


def test_phases_are_heard_before_strangers_code_runs_in_them(root):
    heard = []
    candidate = Candidate(id="c", version="1", path=plugin(root, GOOD))
    build(candidate, root=root, seed=None, entering=heard.append)

    assert heard == [Phase.IMPORT, Phase.CONSTRUCT]


@pytest.mark.parametrize(
    ("path", "cause", "fix"),
    [
        ("nowhere.at.all:Mine", "there is no module 'nowhere'", "neither the project "),
        ("sklearn.tre:Tree", "there is no module 'sklearn.tre'", "did you mean 'tree'?"),
        ("sklearm.tree:Tree", "there is no module 'sklearm'", "did you mean 'sklearn'?"),
        (
            "sklearn.tree:DecisionTreeClassifer",
            "sklearn.tree has no class 'DecisionTreeClassifer'",
            "did you mean 'DecisionTreeClassifier'?",
        ),
        (
            "sklearn.tree:plot_tree",
            "sklearn.tree:plot_tree is a function, not a class",
            "name a class with fit and predict",
        ),
        ("math:pi", "math:pi is of type float, not a class", "name a class with fit and predict"),
        ("sklearn.tree", "the path 'sklearn.tree' names no class", "write `package.module:Class`"),
        (
            "sklearn.preprocessing:StandardScaler",
            "sklearn.preprocessing:StandardScaler has no method `predict`",
            "add `def predict(self, X)`",
        ),
        (
            "sklearn.ensemble:VotingClassifier",
            "sklearn.ensemble:VotingClassifier needs the parameter 'estimators'",
            "give it under `params`",
        ),
        (
            "registry.interface:Model",
            "registry.interface:Model has no method `fit`",
            "add `def fit(self, X, y)`",
        ),
    ],
)
def test_a_path_that_gives_no_model_is_answered_with_cause_and_fix(root, path, cause, fix):
    error = refusal(root, path)

    assert error.cause == cause
    assert error.fix.startswith(fix)
    assert str(error).startswith(f"{cause}: {fix}")


@pytest.mark.parametrize(
    ("source", "phase", "cause", "fix"),
    [
        (
            "import lightgbn\n" + GOOD,
            "import",
            "plugs/mine.py needs the module 'lightgbn', which is not there",
            "did you mean 'lightgbm'?",
        ),
        (
            "import cv2\n" + GOOD,
            "import",
            "plugs/mine.py needs the module 'cv2', which is not there",
            "`pip install opencv-python` where the workers run",
        ),
        (
            "import plugs.other\n" + GOOD,
            "import",
            "plugs/mine.py needs the module 'plugs.other', which is not there",
            "correct the name: plugs is that of ",
        ),
        (
            "raise SystemExit(3)",
            "import",
            "plugs/mine.py ended the process with exit code 3 at import",
            "remove the call of sys.exit",
        ),
        (
            "1 / 0",
            "import",
            "plugs/mine.py failed at import with ZeroDivisionError: division by zero",
            "mend",
        ),
        ("def (", "import", "plugs/mine.py failed at import with SyntaxError: invalid syntax", "mend"),
        ("class Other: ...", "import", "plugs/mine.py has no class 'Mine'", "it has Other"),
        (
            "Mine = 3",
            "import",
            "plugs/mine.py:Mine is of type int, not a class",
            "name a class with fit and predict",
        ),
        (
            "class Mine: ...",
            "construct",
            "plugs/mine.py:Mine has no method `fit`",
            "add `def fit(self, X, y)`",
        ),
        (
            "class Mine:\n    fit = 3\n    def predict(self, X): ...",
            "construct",
            "the `fit` of plugs/mine.py:Mine is of type int, not a method",
            "rename it",
        ),
        (
            GOOD.replace("self.depth = depth", "raise KeyError('no gpu')"),
            "construct",
            "plugs/mine.py:Mine failed at construct with KeyError: 'no gpu'",
            "mend what the traceback shows",
        ),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_answered_with_cause_and_fix(root, source, phase, cause, fix):
    error = refusal(root, plugin(root, source))

    assert (error.phase, error.cause.split(" (")[0]) == (phase, cause)
    assert error.fix.startswith(fix)


def test_an_unknown_parameter_is_named_with_the_nearest_one(root):
    error = refusal(root, "sklearn.tree:DecisionTreeClassifier", max_dept=3)

    assert str(error) == (
        "sklearn.tree:DecisionTreeClassifier has no parameter 'max_dept': did you mean 'max_depth'?"
    )


def test_an_unknown_parameter_far_from_any_is_answered_with_those_there_are(root):
    assert refusal(root, plugin(root, GOOD), zzz=3).fix == "it takes depth"


def test_a_class_that_takes_any_keyword_takes_any_parameter(root):
    source = GOOD.replace("depth=1):", "depth=1, **more):").replace("= depth\n", "= more\n")

    assert make(root, plugin(root, source), gamma=2).depth == {"gamma": 2}


def test_a_file_that_is_not_there_is_named_with_the_nearest_one(root):
    plugin(root, GOOD)
    error = refusal(root, "plugs/mien.py:Mine")

    assert str(error) == f"there is no file {root}/plugs/mien.py: did you mean 'mine.py'?"


@pytest.mark.parametrize(
    ("folder", "cure"),
    [("plugs", "import it as plugs.near"), ("../other", "put both files below the folder above config/")],
)
def test_a_file_that_imports_its_neighbour_by_its_bare_name_is_told_the_right_one(root, folder, cure):
    plugin(root, "", f"{folder}/near.py")
    error = refusal(root, plugin(root, "import near\n" + GOOD, f"{folder}/alone.py"))

    assert error.cause == f"{folder}/alone.py needs the module 'near', which is not there"
    assert error.fix == cure


def test_a_module_that_failed_to_load_is_not_left_behind(root, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    plugin(outside, "1 / 0", "alone.py")
    before = set(sys.modules)

    refusal(root, f"{outside}/alone.py:Mine")

    assert not {name for name in set(sys.modules) - before if name.startswith("alone")}


def test_a_step_before_the_last_must_transform(root):
    steps = (
        PipelineStep(path="sklearn.naive_bayes:GaussianNB"),
        PipelineStep(path="sklearn.naive_bayes:GaussianNB"),
    )

    with pytest.raises(
        LoadError, match=r"GaussianNB has no method `transform`: every step but the last must"
    ):
        build(Candidate(id="c", version="1", steps=steps), root=root, seed=0)


def test_the_last_step_must_predict(root):
    with pytest.raises(LoadError, match="StandardScaler has no method `predict`"):
        build(
            Candidate(
                id="c", version="1", steps=(PipelineStep(path="sklearn.preprocessing:StandardScaler"),)
            ),
            root=root,
            seed=0,
        )


def test_the_traceback_starts_in_the_strangers_code(root):
    error = refusal(root, plugin(root, "def f():\n    1 / 0\nf()\n"))

    lines = error.traceback.splitlines()
    assert lines[1] == f'  File "{root}/plugs/mine.py", line 3, in <module>'
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert "registry/" not in error.traceback
    assert "importlib" not in error.traceback


def test_what_we_notice_ourselves_has_no_traceback(root):
    assert refusal(root, "sklearn.tree:DecisionTreeClassifier", max_dept=3).traceback == ""


def test_an_exception_that_cannot_be_printed_is_still_explained(root):
    source = "class Odd(Exception):\n    def __str__(self): raise OSError\nraise Odd"

    error = refusal(root, plugin(root, source))

    assert error.cause == "plugs/mine.py failed at import with Odd: (its message cannot be printed)"


def test_a_shortage_of_memory_stays_what_it_is(root):
    with pytest.raises(MemoryError):
        make(root, plugin(root, "raise MemoryError"))


def test_a_load_error_crosses_processes(root):
    error = refusal(root, "sklearn.tree:DecisionTreeClassifier", max_dept=3)

    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_loader_imports_nothing_heavy():
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import registry.catalog.construct_candidates_in_cell, sys; print(*sys.modules)",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    heavy = {"numpy", "pandas", "sklearn", "joblib", "yaml", "pydantic", "sqlalchemy", "celery"}
    assert not heavy & set(said.stdout.split())
