"""Which candidates, which data and which rules a run gets, from a request, a catalog and a configuration."""

import math
import re
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bakeoff.domain.candidate import Candidate, CandidateKind, Learns, OutputKind
from bakeoff.domain.errors import InfrastructureError, InvalidInputError, NotFoundError
from bakeoff.domain.runs.model_saving import SavePolicy, SaveRequest
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.evaluation.planning.run_plan import make_plan
from bakeoff.settings.configuration import Configuration, load
from registry.catalog.live_catalog import Catalog, CatalogContents

CLASSES = "a,b,y\n" + "".join(f"{n % 7},{n % 3},{'yes' if n % 2 else 'no'}\n" for n in range(40))
NUMBERS = "a,b,y\n" + "".join(f"{n % 7},{n % 3},{n / 4 + 0.1}\n" for n in range(40))
SETTINGS = """
seed: 7
testSize: 0.2
datasets:
  answers: {source: csv, path: answers.csv, target: y, positiveLabel: "no"}
  prices: {source: csv, path: prices.csv, target: y}
  bad: {source: csv, path: nowhere.csv, target: y}
"""


def candidate(name: str, learns: Learns | None = None, **more) -> Candidate:
    return Candidate(id=name, version="1", path=f"zoo:{name.title()}", learns=learns, **more)


TREE = candidate("tree", Learns.CLASSES)
FOREST = candidate("forest", Learns.CLASSES)
LINE = candidate("line", Learns.NUMBERS)
MINE = candidate("mine")
SCORER = candidate("scorer", Learns.NUMBERS, output_kind=OutputKind.SCORE)
JUDGE = candidate("judge", Learns.CLASSES, output_kind=OutputKind.PROBA)
SIGNAL = candidate("signal", kind=CandidateKind.SIGNAL)
OFF = candidate("off", enabled=False)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text(SETTINGS)
    (tmp_path / "answers.csv").write_text(CLASSES)
    (tmp_path / "prices.csv").write_text(NUMBERS)
    return load(tmp_path / "config", environment={})


@pytest.fixture
def plan(configuration):
    """As it is made of what is in the catalog once that has been checked."""

    def plan(*candidates, dataset="answers", registry=None, **asked):
        catalog = Catalog(configuration.catalog_file)
        catalog._contents = CatalogContents.of(candidates)
        request = RunRequest(dataset=dataset, **asked)
        configured = load(configuration.file, overrides={"modelRegistry": registry}, environment={})
        return make_plan(request, catalog=lambda: catalog, configuration=configured, pin=pin)

    return plan


def ids(plan):
    return [candidate.id for candidate in plan.candidates]


def test_without_names_all_that_are_enabled_take_part_behind_the_baseline(plan):
    made = plan(TREE, MINE, OFF, SIGNAL)

    assert ids(made) == ["dummy", "tree", "mine"]
    assert made.baseline_id == "dummy"
    assert made.left_out == ()


@pytest.mark.parametrize(
    ("dataset", "taking_part", "left_out", "dummy"),
    [
        ("answers", ["dummy", "judge", "mine", "scorer", "tree"], ("line",), "sklearn.dummy:DummyClassifier"),
        ("prices", ["dummy", "line", "mine", "scorer"], ("tree", "judge"), "sklearn.dummy:DummyRegressor"),
    ],
)
def test_who_learns_something_else_than_the_target_is_stays_at_home(
    plan, dataset, taking_part, left_out, dummy
):
    made = plan(TREE, LINE, MINE, SCORER, JUDGE, dataset=dataset)

    assert sorted(ids(made)) == taking_part
    assert made.left_out == left_out
    assert made.candidates[0].path == dummy


def test_named_candidates_come_once_each_in_the_order_they_are_named(plan):
    made = plan(TREE, FOREST, MINE, models=["mine", "tree", "mine"])

    assert ids(made) == ["dummy", "mine", "tree"]


@pytest.mark.parametrize("models", [["dummy", "tree"], ["tree", "dummy", "dummy"], ["tree"], None])
def test_the_baseline_is_there_once_whether_it_is_named_or_not(plan, models):
    assert ids(plan(TREE, models=models)) == ["dummy", "tree"]


@pytest.mark.parametrize("models", [["tree"], None])
def test_the_baseline_can_be_left_out(plan, models):
    made = plan(TREE, models=models, baseline=False)

    assert ids(made) == ["tree"]
    assert made.baseline_id is None


@pytest.mark.parametrize(
    ("models", "more", "said"),
    [
        (["tree", "dummy"], {"baseline": False}, "dummy is named and left out at once: drop one of the two"),
        (["dummy"], {}, "no candidate is named but the baseline: name others beside dummy, or none"),
        ([], {}, "no candidate is named but the baseline"),
        (["tre"], {}, "there is no candidate 'tre' to run: did you mean 'tree'?"),
        (["off"], {}, "there is no candidate 'off' to run: it is disabled: set `enabled: true`"),
        (["signal"], {}, "signal is a signal model, which takes part in no bake-off"),
    ],
)
def test_what_cannot_be_named_is_explained(plan, models, more, said):
    with pytest.raises(InvalidInputError) as caught:
        plan(TREE, OFF, SIGNAL, models=models, **more)

    assert str(caught.value).startswith(said)


def test_a_wrong_name_is_told_before_the_data_are_read(plan):
    with pytest.raises(NotFoundError, match="there is no candidate 'tre'"):
        plan(TREE, dataset="bad", models=["tre"])


def test_a_named_candidate_that_learns_something_else_is_an_error(plan):
    with pytest.raises(InvalidInputError) as numbers:
        plan(TREE, LINE, MINE, models=["mine", "line"])
    with pytest.raises(InvalidInputError) as classes:
        plan(TREE, FOREST, LINE, dataset="prices", models=["tree", "line", "forest"])

    assert str(numbers.value) == (
        "line learns numbers, and the target 'y' of answers is classes: `bakeoff models` shows which "
        "candidates learn classes; or, if it is numbers, give the dataset `task: regression`"
    )
    assert str(classes.value) == (
        "tree, forest learn classes, and the target 'y' of prices is numbers: `bakeoff models` shows which "
        "candidates learn numbers; or, if it is classes, give the dataset `task: multiclass`"
    )


def test_if_nobody_is_left_it_says_whom_there_were_and_what_they_learn(plan):
    with pytest.raises(InvalidInputError) as caught:
        plan(TREE, FOREST, dataset="prices")

    said = "no candidate is left: tree, forest learn classes, and the target 'y' of prices is numbers: "
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("candidates", [[], [OFF, SIGNAL]])
def test_a_catalog_in_which_nothing_is_enabled_is_an_error(plan, candidates):
    with pytest.raises(InvalidInputError, match=r"no candidate takes part: enable one in .*config/models\.y"):
        plan(*candidates)


@pytest.mark.parametrize("models", [None, ["tree"], ["dummy"]])
def test_the_name_of_the_baseline_is_taken(plan, models):
    with pytest.raises(InvalidInputError) as caught:
        plan(TREE, candidate("dummy"), models=models)

    assert str(caught.value).startswith(
        "the catalog has a candidate 'dummy', which is the name of the baseline: give it another id in "
    )
    assert ids(plan(TREE, candidate("dummy", enabled=False))) == ["dummy", "tree"]


def test_a_dataset_is_found_by_its_name_in_the_configuration(plan, configuration):
    made = plan(TREE)

    assert (made.dataset.name, made.dataset.target, made.dataset.classes) == ("answers", "y", ("no", "yes"))
    assert (made.dataset.train_rows, made.dataset.test_rows) == (32, 8)
    assert made.dataset.files == (str(configuration.root.resolve() / "answers.csv"),)


@pytest.mark.parametrize("suffix", [".csv", ".CSV"])
def test_a_dataset_is_a_file_and_its_target(plan, tmp_path, monkeypatch, suffix):
    monkeypatch.chdir(tmp_path)
    Path(f"mine{suffix}").write_text(CLASSES)

    made = plan(TREE, dataset=f"mine{suffix}", target="y")

    assert (made.dataset.name, made.dataset.target) == ("mine", "y")
    assert made.dataset.files == (str(tmp_path.resolve() / f"mine{suffix}"),)


def test_a_request_may_say_how_a_file_is_read_and_what_of_it_is_used(plan, tmp_path):
    (tmp_path / "odd.csv").write_text("a|b|c|y\n" + "1|2|x|no\n3|4|x|yes\n|6|x|\n" * 20, "utf-16-le")

    made = plan(
        TREE,
        dataset=str(tmp_path / "odd.csv"),
        target="y",
        encoding="utf-16-le",
        separator="|",
        drop=["c"],
        dtypes={"b": "float32"},
        drop_unlabelled=True,
    )

    assert (made.dataset.train_rows + made.dataset.test_rows, made.dataset.columns) == (40, 2)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"separator": ";"}, "separator can"),
        ({"separator": ";", "encoding": "latin-1"}, "separator and encoding can"),
    ],
)
def test_how_a_text_file_is_written_is_refused_of_another_source(plan, tmp_path, asked, said):
    rows = pa.table({"a": range(20), "y": ["no", "yes"] * 10})
    pq.write_table(rows, tmp_path / "odd.parquet")

    with pytest.raises(InvalidInputError) as caught:
        plan(TREE, dataset=str(tmp_path / "odd.parquet"), target="y", **asked)

    assert str(caught.value) == (
        f"{said} be said of CSV files only, and this dataset is of source parquet: "
        "leave out --sep and --encoding"
    )


def test_a_request_may_leave_out_columns_of_a_configured_dataset(plan):
    assert plan(TREE, drop=["b"]).dataset.columns == 1
    assert plan(TREE, features=["a"]).dataset.columns == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"dataset": "answer"},
            (
                "there is no dataset answer in the configuration, and it is no .csv or .parquet file; "
                "did you mean 'answers'?"
            ),
        ),
        (
            {"dataset": "zzz"},
            (
                "there is no dataset zzz in the configuration, and it is no .csv or .parquet file; "
                "there are 'answers', 'bad', 'prices'"
            ),
        ),
        (
            {"dataset": "x.csv"},
            "which column of x.csv is to be predicted? Name it: --target COLUMN",
        ),
        (
            {"dataset": "answers", "target": "a"},
            (
                "target 'a' goes with a file, and dataset answers has its own in the configuration: "
                "leave it out, or change it there"
            ),
        ),
    ],
)
def test_a_dataset_that_cannot_be_found_is_explained(plan, asked, said):
    with pytest.raises(InvalidInputError) as caught:
        plan(TREE, **asked)

    assert str(caught.value) == said


def test_the_target_of_a_configured_dataset_may_be_said_again(plan):
    assert plan(TREE, target="y").dataset.target == "y"


def test_a_file_that_is_not_there_is_named_with_the_nearest_one(plan, tmp_path):
    with pytest.raises(
        InvalidInputError, match=r"there is no file .*answer\.csv; did you mean 'answers.csv'"
    ):
        plan(TREE, dataset=str(tmp_path / "answer.csv"), target="y")


def test_the_configuration_rules_unless_the_request_says_otherwise(plan):
    from_file = plan(TREE)
    asked = plan(
        TREE,
        seed=0,
        test_size=0.5,
        metrics=["recall"],
        positive_label="yes",
        threshold=0.3,
        average="macro",
    )

    assert (from_file.seed, from_file.test_size) == (7, 0.2)
    assert from_file.rules.metrics == ("f1", "precision", "recall", "accuracy")
    assert from_file.rules.positive_label == "no"
    assert (from_file.rules.threshold, from_file.rules.average) == (None, "binary")
    assert (asked.seed, asked.test_size, asked.dataset.test_rows) == (0, 0.5, 20)
    assert asked.rules.metrics == ("recall",)
    assert (asked.rules.positive_label, asked.rules.threshold, asked.rules.average) == ("yes", 0.3, "macro")
    assert asked.dataset.dataset_id == from_file.dataset.dataset_id
    assert asked.dataset.split_id != from_file.dataset.split_id


def test_metrics_of_the_configuration_rule_where_none_are_asked_for(tmp_path, configuration):
    (tmp_path / "config" / "bakeoff.yaml").write_text(SETTINGS + "metrics: [recall, f1]\n")
    catalog = Catalog(configuration.catalog_file)
    catalog._contents = CatalogContents.of([TREE])

    made = make_plan(
        RunRequest(dataset="answers"),
        catalog=lambda: catalog,
        configuration=load(tmp_path / "config", environment={}),
        pin=pin,
    )

    assert made.rules.metrics == ("recall", "f1")


def test_numbers_are_scored_as_numbers(plan):
    made = plan(LINE, dataset="prices")

    assert made.rules.metrics == ("r2", "mae", "rmse")
    assert (made.rules.positive_label, made.rules.average) == (None, None)


def test_what_is_odd_about_the_data_comes_along(plan, tmp_path):
    (tmp_path / "odd.csv").write_text("a,b,y\n" + "".join(f"{n / 7},1,{n % 2}\n" for n in range(40)))

    findings = plan(TREE, dataset=str(tmp_path / "odd.csv"), target="y").findings

    assert [(one.slug, one.columns) for one in findings if one.columns] == [("useless-column", ("b",))]


def test_the_data_are_read_while_the_catalog_is_loaded(configuration):
    catalog = Catalog(configuration.catalog_file)
    catalog._contents = CatalogContents.of([TREE])
    pinned_at_last = []

    def slow():
        deadline = time.monotonic() + 20
        while not pinned_at_last and time.monotonic() < deadline:
            pinned_at_last.extend(configuration.snapshots.glob("[!.]*/*/open/*.json"))
            time.sleep(0.01)
        return catalog

    made = make_plan(RunRequest(dataset="answers"), catalog=slow, configuration=configuration, pin=pin)

    assert len(pinned_at_last) == 1
    assert ids(made) == ["dummy", "tree"]


def test_a_snapshot_is_not_pinned_where_other_machines_would_not_see_it(tmp_path, configuration):
    (tmp_path / "config" / "bakeoff.yaml").write_text(SETTINGS + "sharedDir: mnt\n")
    unmounted = load(tmp_path / "config", environment={})

    with pytest.raises(InfrastructureError, match=r"there is no folder .*/mnt: mount it"):
        make_plan(RunRequest(dataset="answers"), catalog=pytest.fail, configuration=unmounted, pin=pin)

    assert not (tmp_path / "mnt").exists()


def test_data_that_cannot_be_read_are_told_when_nobody_is_named_too(plan):
    with pytest.raises(InvalidInputError, match=r"there is no file .*nowhere\.csv"):
        plan(TREE, dataset="bad")


BODY = {"dataset": "answers"}


def test_a_request_is_written_in_camel_case():
    request = RunRequest.parse(
        {
            "dataset": "answers",
            "models": ["tree"],
            "metrics": ["f1"],
            "seed": 3,
            "testSize": 0.5,
            "positiveLabel": 1,
            "threshold": 1,
            "average": "macro",
            "zeroDivision": 1,
            "baseline": False,
            "priority": -100,
            "name": "spring",
            "runId": "2f1c7f9e-5f0b-4f0c-9d3a-0f6a3c1f7b11",
        }
    )

    assert (request.test_size, request.positive_label, request.zero_division) == (0.5, 1, 1.0)
    assert (request.average, request.priority) == ("macro", -100)
    assert RunRequest.parse(BODY) == RunRequest(dataset="answers")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "dataset is missing"),
        ({"dataset": ""}, "dataset is '': string should have at least 1 character"),
        ({"dataset": 3}, "dataset is 3: input should be a valid string"),
        (BODY | {"metric": ["f1"]}, "metric is no key of it; did you mean 'metrics'?"),
        (BODY | {"zzz": 1}, "zzz is no key of it; there are 'dataset', 'target', 'features', 'drop', "),
        (BODY | {"models": "tree"}, "models is 'tree': input should be a valid list"),
        (BODY | {"models": ["tree", 3]}, "models.1 is 3: input should be a valid string"),
        (BODY | {"seed": -1}, "seed is -1: input should be greater than or equal to 0"),
        (BODY | {"seed": 2**32}, "seed is 4294967296: input should be less than 4294967296"),
        (BODY | {"seed": "7"}, "seed is '7': input should be a valid integer"),
        (BODY | {"seed": True}, "seed is True: input should be a valid integer"),
        (BODY | {"testSize": 1}, "testSize is 1: input should be less than 1"),
        (BODY | {"testSize": 0}, "testSize is 0: input should be greater than 0"),
        (BODY | {"testSize": math.nan}, "testSize is nan: input should be a finite number"),
        (BODY | {"threshold": math.inf}, "threshold is inf: input should be a finite number"),
        (BODY | {"zeroDivision": math.nan}, "zeroDivision is nan: input should be a finite number"),
        (BODY | {"average": "mean"}, "average is 'mean': input should be 'binary', 'macro', 'micro' or"),
        (BODY | {"positiveLabel": [1]}, "positiveLabel is [1]: input should be a valid string"),
        (BODY | {"priority": 101}, "priority is 101: input should be less than or equal to 100"),
        (BODY | {"priority": -101}, "priority is -101: input should be greater than or equal to -100"),
        (BODY | {"priority": 1.5}, "priority is 1.5: input should be a valid integer"),
        (BODY | {"baseline": "no"}, "baseline is 'no': input should be a valid boolean"),
        (BODY | {"name": "n" * 201}, "name is 'nnn"),
        ([BODY], "it is [{'dataset': 'answers'}], not a mapping of keys to values"),
        (None, "it is None, not a mapping of keys to values"),
    ],
)
def test_what_is_wrong_in_a_request_is_named_with_its_value(body, said):
    with pytest.raises(InvalidInputError) as caught:
        RunRequest.parse(body)

    assert str(caught.value).startswith(f"this is no request for a run: {said}")


def test_all_that_is_wrong_in_a_request_is_said_at_once():
    with pytest.raises(InvalidInputError) as caught:
        RunRequest.parse({"seed": "x", "modles": []})

    said = str(caught.value)
    assert said.count(";") == 3
    assert all(part in said for part in ("dataset is missing", "seed is 'x'", "did you mean 'models'?"))


@pytest.mark.parametrize(
    ("configured", "asked", "expected"),
    [
        ({}, {}, None),
        ({"save": "best"}, {}, SaveRequest(policy=SavePolicy.BEST, name="answers")),
        ({"save": "best"}, {"save": "all"}, SaveRequest(policy=SavePolicy.ALL, name="answers")),
        ({"save": "best"}, {"save": "none"}, None),
        ({}, {"save": "best", "save_as": "churn"}, SaveRequest(policy=SavePolicy.BEST, name="churn")),
        ({"save": "all"}, {"save_as": "churn"}, SaveRequest(policy=SavePolicy.ALL, name="churn")),
    ],
)
def test_what_is_saved_is_asked_for_or_configured_and_called_like_the_dataset(
    plan, configured, asked, expected
):
    assert plan(TREE, registry=configured, **asked).save == expected


NO_REGISTRY = (
    "there is no registry to save to, since modelRegistry.backend is none: set it, or save none instead of"
)


@pytest.mark.parametrize(
    ("configured", "asked", "said"),
    [
        ({}, {"save_as": "churn"}, "saveAs is 'churn', and nothing is saved: add save, which may be best or"),
        ({"backend": "none"}, {"save": "best"}, f"{NO_REGISTRY} best"),
        ({"backend": "none", "save": "all"}, {}, f"{NO_REGISTRY} all"),
        ({}, {"save": "best", "save_as": " "}, "a model cannot be named ' '"),
    ],
)
def test_what_can_never_be_saved_is_told_before_anything_is_read(plan, configured, asked, said):
    with pytest.raises(InvalidInputError, match=re.escape(said)):
        plan(TREE, dataset="bad", registry=configured, **asked)


def test_a_plan_with_folds_says_how_large_each_of_them_is(plan):
    made = plan(TREE, design={"folds": 3, "repeats": 2})

    assert made.folds == ((26, 14), (27, 13), (27, 13)) * 2
    assert (made.dataset.train_rows, made.dataset.test_rows) == (27, 40)
    assert plan(TREE).folds == ()


def test_models_of_folds_are_fitted_to_all_rows_or_not_saved(plan):
    folds = {"folds": 3}

    assert plan(TREE, design=folds, save="best").save == SaveRequest(policy=SavePolicy.BEST, name="answers")
    assert plan(TREE, design=folds, save="best", refit=False).save is None
    assert plan(TREE, save="best", refit=False).save is not None  # one split needs no refit


@pytest.mark.parametrize(
    ("design", "says"),
    [
        ({"folds": 3}, "seal is 0.2, and with folds every row is trained on in another one"),
        ({"fold_column": "b"}, "seal is 0.2, and with folds"),
        ({"group": "b"}, "seal is 0.2, and rows of one 'b' would be sealed and open"),
    ],
)
def test_rows_that_are_trained_on_elsewhere_cannot_be_sealed(plan, design, says):
    with pytest.raises(InvalidInputError) as refused:
        plan(TREE, design=design, seal=0.2)
    assert says in str(refused.value)
    assert refused.value.field == "seal"


def test_a_column_that_the_design_names_and_the_data_lack_is_named_with_the_nearest(plan):
    with pytest.raises(InvalidInputError, match=r"group: there is no column 'bb'; did you mean 'b'\?"):
        plan(TREE, design={"group": "bb"})


ZOO = """
class Tree:
    def __init__(self, depth=1, way="a"): ...
    def fit(self, X, y): ...
    def predict(self, X): ...
"""


@pytest.mark.parametrize(
    "asked", [{"tune": {"tree": {"params": {"dept": [1, 2]}}}}, {"grid": {"tree": {"dept": [1, 2]}}}]
)
def test_a_parameter_that_the_class_does_not_take_is_refused_before_anything_is_fitted(
    plan, asked, configuration
):
    (configuration.root / "zoo.py").write_text(ZOO)
    with pytest.raises(
        InvalidInputError, match=r"cannot be built: .*no parameter 'dept': did you mean 'depth'"
    ) as refused:
        plan(TREE, FOREST, models=["tree"], **asked)
    assert refused.value.field == next(iter(asked))


def test_a_grid_of_a_request_puts_its_members_in_the_place_of_the_candidate(plan, configuration):
    (configuration.root / "zoo.py").write_text(ZOO)
    grid = {"tree": {"depth": [2, None], "way": ["a"]}}

    assert ids(plan(MINE, TREE, FOREST, grid=grid)) == [
        "dummy",
        "mine",
        "tree.depth-2",
        "tree.depth-none",
        "forest",
    ]
    made = plan(TREE, models=["tree"], grid=grid)
    assert [dict(one.params) for one in made.candidates[1:]] == [
        {"depth": 2, "way": "a"},
        {"depth": None, "way": "a"},
    ]


def test_the_name_of_a_family_means_all_its_members(plan):
    members = [candidate(f"tree.depth-{depth}", family="tree") for depth in (2, 4)]

    made = plan(FOREST, *members, models=["tree"])

    assert ids(made) == ["dummy", "tree.depth-2", "tree.depth-4"]


def test_a_grid_for_one_who_does_not_take_part_names_the_nearest_who_does(plan):
    with pytest.raises(
        InvalidInputError, match=r"grid names 'tre', which does not take part; did you mean 'tree'"
    ):
        plan(TREE, grid={"tre": {"depth": [1]}})


def test_where_few_test_rows_are_of_a_class_two_metrics_join_the_defaults(plan, tmp_path):
    assert plan(TREE).rules.metrics == ("f1", "precision", "recall", "accuracy")
    rows = "".join(f"{n % 7},{n % 3},{'yes' if n % 20 == 0 else 'no'}\n" for n in range(200))
    (tmp_path / "answers.csv").write_text("a,b,y\n" + rows)

    assert plan(TREE).rules.metrics[4:] == ("roc_auc", "average_precision")
