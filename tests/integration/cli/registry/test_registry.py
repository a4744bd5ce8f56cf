"""`bakeoff registry`: what is in the registry of trained models, and how it is kept."""

import json
import os
import pickle
import pty
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from fixtures.places import ROOT
from fixtures.projects.command_line import TERMINAL
from fixtures.servers import warm
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from bakeoff.domain.model_version import VersionOrigin
from registry import ModelRegistry

MODEL = LinearRegression().fit(np.arange(6).reshape(3, 2), [1, 2, 3])
SPRING, AUTUMN = VersionOrigin(dataset_id="a" * 64), VersionOrigin(dataset_id="b" * 64)


@pytest.fixture
def registry(project, make_registry):
    """The one of the project, empty."""
    return make_registry(project.root / "data" / "models" / "registry")


@pytest.fixture
def stocked(registry):
    """Three versions of churn, one of fraud."""
    four = {"f1": 0.75, "rmse": 2.0, "r2": 0.5, "mae": 1.0}
    registry.save_model(MODEL, "churn", metrics=four, tags={"team": "growth"}, origin=SPRING)
    registry.save_model(
        MODEL,
        "churn",
        metrics={"f1": 0.875, "rmse": None},
        hyperparameters={"depth": 3},
        description="who leaves",
        preprocessor_artifact=StandardScaler().fit([[1, 2]]),
        input_example=[[1.5, 2]],
        origin=SPRING,
    )
    registry.save_model(MODEL, "churn", "Tree", {"f1": 0.5}, origin=AUTUMN)
    registry.save_model(MODEL, "fraud", metrics={"f1": 0.625}, tags={"team": "ops"})
    registry.transition_model_stage("churn/1.0.0", "Production", by="ada", reason="the first")
    registry.transition_model_stage("churn/1.0.1", "Production", by="bob")
    registry.set_alias("churn", "champion", "churn/1.0.1")
    return registry


def said(project, *arguments, **options):
    """What the command printed, when all went well."""
    done = project.bakeoff("registry", *arguments, **options)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def refused(project, *arguments):
    done = project.bakeoff("registry", *arguments)
    return done.exit_code, done.stderr


def uris(project, *arguments):
    return [version["uri"] for version in json.loads(said(project, "list", "--json", *arguments))]


# looking


def test_models_are_listed_newest_first_with_what_matters(project, stocked):
    lines = said(project, "list", env={"TZ": "UTC"}).splitlines()

    assert [line.split()[0][-5:] for line in lines] == ["model", "1.0.0", "1.0.2", "1.0.1", "1.0.0"]
    assert lines[1].startswith("fraud/1.0.0  Development           LinearRegression  f1 0.6250  ")
    assert "churn/1.0.1  Production @champion  LinearRegression  f1 0.8750, rmse -  " in lines[3]
    assert (
        "churn/1.0.0  Archived              LinearRegression  f1 0.7500, rmse 2.0000, r2 0.5000, …  20"
        in lines[4]
    )


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--name", "fraud"], ["fraud/1.0.0"]),
        (["--type", "Tree"], ["churn/1.0.2"]),
        (["--stage", "production"], ["churn/1.0.1"]),
        (["--tag", "team=growth"], ["churn/1.0.0"]),
        (["--tag", "team=growth", "--name", "fraud"], []),
        (["--min", "f1=0.75"], ["churn/1.0.1", "churn/1.0.0"]),
        (["--min", "f1=0.5", "--min", "r2=0.5"], ["churn/1.0.0"]),
        (["--dataset", "a" * 64], ["churn/1.0.1", "churn/1.0.0"]),
        (["--run", "unknown"], []),
        (["--limit", "1"], ["fraud/1.0.0"]),
        (["--limit", "2", "--offset", "1"], ["churn/1.0.2", "churn/1.0.1"]),
    ],
)
@pytest.mark.usefixtures("stocked")
def test_models_are_chosen(project, filters, found):
    assert uris(project, *filters) == [f"models:/{name}" for name in found]


@pytest.mark.usefixtures("stocked")
def test_a_page_says_where_the_next_one_begins(project):
    assert said(project, "list", "--limit", "3").splitlines()[-1] == "more: --offset 3"
    assert said(project, "list", "--limit", "3", "--offset", "3").splitlines()[-1].startswith("churn/1.0.0")
    assert said(project, "list", "--name", "nobody") == "no such models\n"


@pytest.mark.usefixtures("stocked")
def test_a_listed_model_leaves_the_system_with_all_that_is_known_in_camel_case(project):
    listed = json.loads(said(project, "list", "--json", "--name", "churn"))

    assert listed[1]["modelName"] == "churn"
    assert listed[1]["aliases"] == ["champion"]
    assert listed[1]["metrics"] == {"f1": 0.875, "rmse": None}
    assert (listed[1]["hasPreprocessor"], listed[1]["datasetId"]) == (True, "a" * 64)
    assert listed[1]["createdAt"].endswith("Z")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--stage", "live"], "'live' is no stage: there are Development, Staging, Production, Archived"),
        (["--tag", "team"], "--tag is 'team': expected KEY=VALUE"),
        (["--min", "f1=good"], "--min f1 is 'good': expected a number"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(project, options, problem):
    assert refused(project, "list", *options) == (2, f"error: {problem}\n")


def test_looking_into_a_registry_that_nobody_saved_to_makes_no_file(project):
    first = "`bakeoff run --save best` or `bakeoff registry save` saves the first one"

    assert said(project, "list") == f"no models yet: {first}\n"
    assert said(project, "list", "--json") == "[]\n"
    for command in (["show", "churn"], ["best"], ["delete", "churn/1.0.0", "--yes"], ["verify"], ["gc"]):
        assert refused(project, *command) == (
            2,
            f"error: no model was ever saved in {project.root}: {first}\n",
        )
    assert not (project.root / "data" / "models").exists()


def test_a_project_without_a_registry_says_how_to_have_one(project):
    (project.root / "config" / "bakeoff.yaml").write_text("modelRegistry: {backend: none}\n")

    assert refused(project, "list") == (
        2,
        (
            "error: there is no registry of trained models: modelRegistry.backend is none; "
            "set it to local or mlflow\n"
        ),
    )


@pytest.mark.usefixtures("stocked")
def test_all_that_is_known_of_a_version_is_shown(project):
    shown = said(project, "show", "churn/1.0.1", env={"TZ": "UTC"})

    for line in [
        "model        churn/1.0.1  id 2",
        "type         LinearRegression",
        "stage        Production @champion",
        "description  who leaves",
        "metrics      f1 0.8750, rmse -",
        "parameters   depth 3",
        "inputs       0 float, 1 integer",
        "beside it    a preprocessor and an input example",
        f"snapshot     {'a' * 64}",
    ]:
        assert line in shown.splitlines()
    assert "LinearRegression_1_0_1.pkl, " in shown
    assert shown.splitlines()[-2] == "stages, newest first"
    assert shown.splitlines()[-1].endswith("Development → Production, in place of 1.0.0 by bob")


@pytest.mark.parametrize(
    "name", ["2", "churn/1.0.1", "models:/churn/Production", "models:/churn@champion", "churn/2"]
)
@pytest.mark.usefixtures("stocked")
def test_a_version_is_shown_by_any_of_its_names(project, name):
    assert json.loads(said(project, "show", name, "--json"))["uri"] == "models:/churn/1.0.1"


@pytest.mark.usefixtures("stocked")
def test_a_name_alone_shows_its_newest_version(project):
    assert json.loads(said(project, "show", "churn", "--json"))["version"] == "1.0.2"


@pytest.mark.usefixtures("stocked")
def test_as_json_the_history_of_a_version_comes_with_it(project):
    history = json.loads(said(project, "show", "churn/1.0.0", "--json"))["history"]

    assert [(line["toStage"], line["by"], line["reason"]) for line in history] == [
        ("Production", "ada", "the first")
    ]


@pytest.mark.usefixtures("stocked")
def test_what_does_not_exist_is_refused(project):
    for command in (["show", "churn/9.9.9"], ["delete", "churn/9.9.9", "--yes"], ["verify", "churn/9.9.9"]):
        assert refused(project, *command) == (
            2,
            "error: the registry has no model churn/9.9.9: `bakeoff registry list` lists what it has\n",
        )


def test_what_strangers_wrote_does_not_steer_the_terminal(project, registry):
    registry.save_model(MODEL, "ch\x1b[31murn", description="\x1b[2J", tags={"a": "\x07"})

    for command in (["list"], ["show", "1"]):
        printed = said(project, *command, env=TERMINAL | {"NO_COLOR": "1"})
        assert not any(steering in printed for steering in ("\x1b[31m", "\x1b[2J", "\x07"))


# the best


@pytest.mark.usefixtures("stocked")
def test_the_best_is_looked_for_within_one_snapshot(project):
    """Of churn, the newest was measured on another one than the others."""
    assert said(project, "best", "--name", "churn") == (
        f"churn/1.0.2  f1 0.5000\nof those measured on snapshot {'b' * 64}\n"
    )
    assert said(project, "best", "--dataset", "a" * 64).startswith("churn/1.0.1  f1 0.8750\n")
    assert json.loads(said(project, "best", "--metric", "rmse", "--json"))["uri"] == "models:/churn/1.0.0"


@pytest.mark.usefixtures("stocked")
def test_whatever_was_measured_on_is_compared_when_told_to(project):
    assert said(project, "best", "--any-dataset") == "churn/1.0.1  f1 0.8750\nwhatever it was measured on\n"


def test_what_was_measured_on_nobody_knows_what_is_not_compared(project, registry):
    registry.save_model(MODEL, "churn", metrics={"f1": 0.5})
    assert said(project, "best").startswith("churn/1.0.0  f1 0.5000\n")
    registry.save_model(MODEL, "churn", metrics={"f1": 0.25})

    assert refused(project, "best") == (
        2,
        (
            "error: models:/churn/1.0.1 was saved without the snapshot that it was measured on: name one "
            "with --dataset, or compare whatever there is with --any-dataset\n"
        ),
    )


@pytest.mark.usefixtures("stocked")
def test_there_is_no_best_by_a_metric_that_nobody_has(project):
    assert refused(project, "best", "--metric", "profit") == (
        2,
        "error: no such model has a value of profit: `bakeoff registry list` shows what they have\n",
    )


# saving


def test_a_model_that_was_fitted_elsewhere_is_saved(project, tmp_path):
    joblib.dump(MODEL, tmp_path / "fitted.joblib", compress=3)
    options = ["--metric", "f1=0.5", "--metric", "loss=2", "--param", "depth=3", "--param", "kind=deep"]
    more = [
        "--tag",
        "team=ops",
        "--type",
        "Tree",
        "--version",
        "2.0.0",
        "--description",
        "new",
        "--dataset",
        "d",
    ]

    saved = said(project, "save", "fitted.joblib", "--name", "churn", *options, *more)

    registry = ModelRegistry(project.root / "data" / "models" / "registry")
    version = registry.get("churn/2.0.0")
    assert saved == f"saved models:/churn/2.0.0, {version.size_bytes} B\n"
    assert version.metrics == {"f1": 0.5, "loss": 2.0}
    assert version.hyperparameters == {"depth": 3, "kind": "deep"}
    assert (version.tags, version.type) == ({"team": "ops"}, "Tree")
    assert (version.description, version.origin.dataset_id) == ("new", "d")
    assert registry.load("churn/2.0.0").model.coef_.tolist() == MODEL.coef_.tolist()


def test_without_a_type_it_is_unknown(project, tmp_path):
    joblib.dump(MODEL, tmp_path / "fitted.joblib")

    assert (
        json.loads(said(project, "save", "fitted.joblib", "--name", "churn", "--json"))["modelType"]
        == "unknown"
    )


class Trap:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_what_is_saved_is_not_unpickled(project, tmp_path):
    (tmp_path / "trap.pkl").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))

    said(project, "save", "trap.pkl", "--name", "trap")
    said(project, "verify")

    assert not (tmp_path / "sprung").exists()


def test_a_file_that_is_no_pickle_is_refused(project):
    assert refused(project, "save", "config/bakeoff.yaml", "--name", "churn") == (
        2,
        "error: config/bakeoff.yaml is no pickle: give a file that pickle.dump or joblib.dump wrote\n",
    )
    assert not (project.root / "data" / "models").exists()


@pytest.mark.usefixtures("stocked")
def test_a_version_that_is_taken_is_refused(project, tmp_path):
    joblib.dump(MODEL, tmp_path / "fitted.joblib")

    code, problem = refused(project, "save", "fitted.joblib", "--name", "churn", "--version", "1.0.0")

    assert (code, problem.startswith("error: the model churn has, or once had, a version 1.0.0")) == (2, True)


# deleting


def test_a_version_is_deleted_when_somebody_says_yes(project, stocked):
    file = Path(stocked.get("churn/1.0.2").file_path)

    assert said(project, "delete", "churn/1.0.2", "--yes") == "deleted models:/churn/1.0.2\n"
    assert not file.exists()
    assert "models:/churn/1.0.2" not in uris(project)


@pytest.mark.usefixtures("stocked")
def test_where_nobody_can_be_asked_nothing_is_deleted(project):
    assert refused(project, "delete", "churn/1.0.2") == (
        2,
        (
            "error: delete models:/churn/1.0.2 (Development) and its files? "
            "There is no terminal to confirm on: give --yes\n"
        ),
    )
    assert "models:/churn/1.0.2" in uris(project)


@pytest.mark.parametrize(("answer", "code", "left"), [(b"n\n", 1, True), (b"y\n", 0, False)])
@pytest.mark.usefixtures("stocked")
def test_on_a_terminal_it_is_asked(project, answer, code, left):
    ours, theirs = pty.openpty()
    asked = warm.Popen(
        [sys.executable, "-m", "bakeoff.cli.main", "registry", "delete", "churn/1.0.2"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    os.write(ours, answer)
    _, question = asked.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)

    assert asked.returncode == code
    assert b"delete models:/churn/1.0.2 (Development) and its files? [y/N]" in question
    assert ("models:/churn/1.0.2" in uris(project)) is left


@pytest.mark.usefixtures("stocked")
def test_what_is_in_production_is_deleted_by_force_alone(project):
    assert refused(project, "delete", "churn/1.0.1", "--yes") == (
        2,
        "error: churn/1.0.1 is in Production: promote another version, or give force=True (--force)\n",
    )
    assert json.loads(said(project, "delete", "churn/1.0.1", "--yes", "--force", "--json"))["deleted"] is True
    assert "models:/churn/1.0.1" not in uris(project)


# verifying and tidying up


@pytest.mark.usefixtures("stocked")
def test_a_registry_that_is_as_it_was_saved_is_verified(project):
    assert said(project, "verify") == "4 models verified\n"
    assert said(project, "verify", "churn/1.0.0") == "1 model verified\n"


def test_what_is_not_as_it_was_saved_is_code_1(project, stocked):
    file = Path(stocked.get("churn/1.0.1").file_path).with_suffix(".preprocessor.pkl")
    file.write_bytes(b"something else")

    done = project.bakeoff("registry", "verify")

    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] == "✗ models:/churn/1.0.1"
    assert done.stdout.splitlines()[1].startswith(f"  {file} is not the file that was saved: its SHA-256 is ")
    assert done.stdout.splitlines()[2] == "1 of 4 models not as saved"
    as_json = json.loads(project.bakeoff("registry", "verify", "--json").stdout)
    assert (as_json["verified"], [problem["uri"] for problem in as_json["problems"]]) == (
        4,
        ["models:/churn/1.0.1"],
    )


def test_what_is_left_over_is_told_and_removed(project, stocked):
    left = stocked.storage_path / "models" / "churn" / "Tree_9_9_9.pkl"
    left.write_bytes(b"left")

    assert said(project, "verify").splitlines()[-1] == "1 file left over: `bakeoff registry gc` removes them"
    assert said(project, "gc", "--dry-run") == f"{left}\n1 file left over\n"
    code, problem = refused(project, "gc")
    assert (code, problem) == (2, "error: remove them? There is no terminal to confirm on: give --yes\n")
    assert left.exists()
    assert said(project, "gc", "--yes") == f"{left}\n1 file left over\nremoved 1 file\n"
    assert not left.exists()
    assert json.loads(said(project, "gc", "--json")) == {"leftovers": [], "removed": 0}
    assert said(project, "verify") == "4 models verified\n"


# the schema


def test_the_schema_of_the_registry_is_told_and_upgraded_with_the_other(project, registry):
    where = f"sqlite:///{registry.storage_path}/registry.db"

    assert (
        f"{where} has schema registry_0001: up to date"
        in project.bakeoff("db", "upgrade").stdout.splitlines()
    )
    assert json.loads(project.bakeoff("db", "current", "--json").stdout)["registry"] == {
        "current": "registry_0001",
        "needed": "registry_0001",
    }
