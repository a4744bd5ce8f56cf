"""The registry on MLflow where others meddle: files that change, savers that die, no server at all."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from contract.model_registry import MODEL, ORIGIN, OTHER, SCALER, Trap, X, fitted, save, versions
from fixtures.places import ROOT
from fixtures.projects.crowd import in_processes

from bakeoff.domain.errors import InfrastructureError, InvalidInputError, TamperedError
from bakeoff.domain.model_version import Stage, VersionFilter
from registry import MLflowModelRegistry
from registry.models.mlflow.mlflow_calls import MLflowServer
from registry.models.registry_interface import Description

pytestmark = pytest.mark.services

FILES = ["MLmodel", "code/bakeoff_model.py", "example.json", "model.pkl", "preprocessor.pkl"]


@pytest.fixture
def registry(mlflow_database):
    return MLflowModelRegistry(mlflow_database)


def folder_of(registry, model_id):
    return Path(registry.get(model_id).file_path).parent


def full(registry, name="churn"):
    return save(registry, name, preprocessor_artifact=SCALER, input_example=X)


# files


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("how", ["changed", "cut", "emptied", "longer", "gone"])
def test_no_file_of_a_version_may_change(registry, file, how):
    target = folder_of(registry, full(registry)) / file
    data = target.read_bytes()
    changes = {"changed": data[:-1] + b"!", "cut": data[:-7], "emptied": b"", "longer": data + b"\n"}
    if how == "gone":
        target.unlink()
    else:
        target.write_bytes(changes[how])

    with pytest.raises(TamperedError, match=file):
        registry.load("churn/1.0.0")


def test_no_byte_of_a_model_may_change(registry):
    file = folder_of(registry, save(registry)) / "model.pkl"
    data, choice = file.read_bytes(), random.Random(11)
    for _ in range(20):
        changed = bytearray(data)
        changed[choice.randrange(len(data))] ^= 1 << choice.randrange(8)
        file.write_bytes(changed)
        with pytest.raises(TamperedError):
            registry.load("churn/1.0.0")
    file.write_bytes(data)

    assert registry.load("churn/1.0.0").model.coef_.tolist() == MODEL.coef_.tolist()


def test_the_files_of_two_versions_cannot_be_swapped(registry):
    one, other = save(registry), registry.save_model(OTHER, "churn")
    shutil.copytree(folder_of(registry, other), folder_of(registry, one), dirs_exist_ok=True)

    assert registry.load_model(model_id=one) is None
    assert registry.load_model(model_id=other) is not None


def test_a_folder_that_is_gone_does_not_load(registry):
    shutil.rmtree(folder_of(registry, save(registry)))

    with pytest.raises(TamperedError, match="is missing: it is not loaded; put the saved file back"):
        registry.load("churn/1.0.0")
    assert registry.delete_model("churn/1.0.0") is True


def test_code_in_a_file_that_was_put_there_is_not_run(registry, tmp_path):
    mark = tmp_path / "sprung"
    folder = folder_of(registry, full(registry))
    (folder / "model.pkl").write_bytes(fitted(tmp_path, Trap(mark)).model.read_bytes())
    assert registry.load_model("churn/1.0.0") is None

    full(registry)
    folder = folder_of(registry, "churn/1.0.1")
    for name in ["sitecustomize.py", "code/sklearn.py", "code/bakeoff_model.pyc", "joblib.py"]:
        (folder / name).write_text(f"from pathlib import Path\nPath({str(mark)!r}).touch()\n")

    assert registry.load_model("churn/1.0.1") is not None
    assert not mark.exists()


def test_a_description_that_names_other_code_is_not_followed(registry, tmp_path):
    folder = folder_of(registry, save(registry))
    described = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(described.replace("pickled_model: model.pkl", "pickled_model: other.pkl"))
    (folder / "other.pkl").write_bytes(fitted(tmp_path, Trap(tmp_path / "sprung")).model.read_bytes())

    assert registry.load_model("churn/1.0.0") is None
    assert not (tmp_path / "sprung").exists()


def test_deleting_removes_the_files_and_what_mlflow_shows_of_them(registry):
    folder = folder_of(registry, full(registry))
    registry.delete_model("churn/1.0.0")

    assert not folder.exists()
    assert list(registry._server.client.search_registered_models()[0].latest_versions) == []


def test_files_over_http_are_deleted_too(mlflow_server):
    registry = MLflowModelRegistry(mlflow_server.uri)
    file = mlflow_server.artifacts / registry.get(full(registry)).file_path.removeprefix("mlflow-artifacts:/")
    assert file.is_file()

    registry.delete_model("churn/1.0.0")
    assert not file.exists()


def test_a_model_that_cannot_be_pickled_leaves_nothing(registry):
    with pytest.raises(InvalidInputError, match="a lock cannot be saved"):
        registry.save_model(threading.Lock(), "churn")
    assert [found.name for found in registry._server.client.search_experiments()] == ["Default"]


# killed


def is_killed_at(request: int, act) -> bool:
    """Does it in a fork that dies by SIGKILL right before its so-manieth request, or behind it."""
    child = os.fork()
    if not child:
        try:
            _die_at(request)
            act()
            os._exit(0)
        finally:  # or it would go on as a second process of the tests
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, -signal.SIGKILL}
    return code == -signal.SIGKILL


def _die_at(request: int) -> None:
    asked, call = [0], MLflowServer.call

    def call_or_die(self, *args):
        asked[0] += 1
        if asked[0] == request:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(self, *args)

    MLflowServer.call = call_or_die


def test_a_saver_that_is_killed_at_any_request_leaves_nothing_that_is_listed_and_does_not_load(registry):
    full(registry)
    request = 1
    while is_killed_at(request, lambda: full(registry)):
        for version in registry.versions(limit=2):
            assert registry.load(version.id).model.coef_.tolist() == MODEL.coef_.tolist()
        request += 1

    numbers = versions(registry)
    assert request > 8
    assert len(set(numbers)) == len(numbers)


def test_a_first_saver_that_is_killed_at_any_request_is_in_nobodys_way(registry):
    request = 1
    while is_killed_at(request, lambda number=request: save(registry, f"name {number}")):
        save(registry, f"name {request}")
        request += 1

    assert request > 12
    assert len({version.name for version in registry.versions()}) == request


def test_a_promoter_that_is_killed_at_any_request_leaves_one_version_in_production(registry):
    for _ in range(2):
        save(registry)
    request = 1
    while is_killed_at(
        request,
        lambda number=request: registry.transition_model_stage(f"churn/1.0.{number % 2}", "Production"),
    ):
        lines = registry.history("churn")
        there = registry.versions(VersionFilter(name="churn", stage=Stage.PRODUCTION))
        assert [version.version for version in there] == [line.version for line in lines[:1]]
        request += 1

    assert request > 6


def test_a_deleter_that_is_killed_at_any_request_leaves_nothing_that_is_listed_and_does_not_load(registry):
    save(registry)
    request = 1
    while is_killed_at(request, lambda: registry.delete_model("models:/churn/latest")):
        for version in registry.versions():
            registry.load(version.id)
        save(registry)
        request += 1

    assert request > 3


# at once


def save_the_same(uri: str, folder: Path) -> str:
    registry = MLflowModelRegistry(uri)
    said = Description(type="LogisticRegression", origin=ORIGIN)
    return str(registry.save_fitted(fitted(folder), "churn", said))


def test_an_evaluation_that_several_save_at_once_is_one_version(registry, mlflow_database, tmp_path):
    folders = [tmp_path / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
    got = in_processes(save_the_same, [(mlflow_database, folder) for folder in folders])

    assert len(set(got)) == 1
    assert [version.id for version in registry.versions()] == got[:1]
    assert registry.load(got[0]).model.coef_.tolist() == MODEL.coef_.tolist()


def test_what_mlflow_shows_after_many_promoted_at_once_is_what_the_log_says(registry):
    model_ids = [save(registry) for _ in range(5)]

    def promote(model_id):
        registry.transition_model_stage(model_id, "Production")

    promoters = [threading.Thread(target=promote, args=(model_id,)) for model_id in model_ids]
    for promoter in promoters:
        promoter.start()
    for promoter in promoters:
        promoter.join(60)

    last = registry.history("churn")[0].version
    shown = {
        found.tags["bakeoff.version"]: found.tags["bakeoff.stage"]
        for found in registry._server.client.search_model_versions()
    }
    assert shown == {f"1.0.{n}": "Production" if f"1.0.{n}" == last else "Archived" for n in range(5)}
    assert registry.get("models:/churn@production").version == last
    assert [line.replaced for line in registry.history("churn")].count(None) == 1


def test_models_and_runs_can_be_kept_in_two_places(mlflow_database, mlflow_template, tmp_path):
    shutil.copy(mlflow_template, tmp_path / "models.db")
    registry = MLflowModelRegistry(mlflow_database, f"sqlite:///{tmp_path}/models.db")
    registry.transition_model_stage(save(registry), "Production")

    assert registry.load("models:/churn/Production").model.coef_.tolist() == MODEL.coef_.tolist()
    assert MLflowModelRegistry(mlflow_database).versions() == []


def test_what_was_saved_under_a_name_that_mlflow_forgot_is_not_used_again(registry):
    save(registry)
    registry._server.client.delete_model_version("churn", "1")
    registry._server.client.delete_registered_model("churn")

    save(registry)
    assert versions(registry) == ["1.0.1"]


# surroundings

QUIETLY = """
import json, sys
def watch(event, args):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        address = args[1] if event != "socket.getaddrinfo" else args[0]
        host = address[0] if isinstance(address, tuple) else address
        if host not in {"127.0.0.1", "localhost"}:
            calls.append(str(host))
calls = []
sys.addaudithook(watch)
from sklearn.linear_model import LogisticRegression
from registry import MLflowModelRegistry
registry = MLflowModelRegistry(sys.argv[1])
model_id = registry.save_model(LogisticRegression().fit([[0], [1]], [0, 1]), "churn", metrics={"f1": 1.0})
registry.transition_model_stage(model_id, "Production")
assert registry.get_model_by_stage("churn", "Production")["model"].predict([[1]]).tolist() == [1]
registry.delete_model(model_id, force=True)
from mlflow.telemetry.client import get_telemetry_client
print(json.dumps({"calls": calls, "telemetry": get_telemetry_client() is not None}))
"""


@pytest.mark.parametrize("kind", ["mlflow_database", "mlflow_server"])
def test_nothing_calls_out_is_printed_or_is_left_where_one_works(request, kind, tmp_path):
    given = request.getfixturevalue(kind)
    uri = given if isinstance(given, str) else given.uri
    away = {
        name: value for name, value in os.environ.items() if not name.startswith(("CI", "MLFLOW", "PYTEST"))
    }
    done = subprocess.run(
        [sys.executable, "-c", QUIETLY, uri],
        cwd=tmp_path,
        env={**away, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert done.stderr == ""
    assert json.loads(done.stdout) == {"calls": [], "telemetry": False}
    assert list(tmp_path.iterdir()) == []


def test_the_files_of_a_sqlite_database_are_beside_it(registry, mlflow_database):
    folder = Path(mlflow_database.removeprefix("sqlite:///")).parent

    assert folder_of(registry, save(registry)).is_relative_to(folder / "mlartifacts")


def test_a_server_that_is_not_there_is_told_of_within_seconds(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InfrastructureError, match=f"MLflow at {uri}"):
            MLflowModelRegistry(uri).versions()


@pytest.mark.parametrize("uri", ["./mlruns", "nonsense://host"])
def test_what_mlflow_cannot_keep_models_in_is_refused_in_its_words(uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InfrastructureError, match=uri):
        MLflowModelRegistry(uri).versions()


def test_an_experiment_that_was_deleted_is_to_be_restored(registry):
    save(registry)
    client = registry._server.client
    client.delete_experiment(client.get_experiment_by_name("bakeoff/churn").experiment_id)

    with pytest.raises(InvalidInputError, match="mlflow experiments restore -x"):
        save(MLflowModelRegistry(registry._server.tracking_uri))


def test_a_password_in_the_uri_is_not_shown(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(InfrastructureError) as raised:
        MLflowModelRegistry("http://me:secret@127.0.0.1:9").versions()
    assert "secret" not in str(raised.value)


def test_values_of_numpy_and_words_of_mlflow_are_no_trouble(registry):
    model_id = registry.save_model(
        MODEL,
        "churn",
        metrics={"f1 (macro)": np.float32(0.5)},
        hyperparameters={"a (b)": None, "": 1, "../x": 2},
        tags={"mlflow.note.content": "mine", "bakeoff.version": "mine", "": "", "k" * 300: "v"},
    )
    found = registry.get(model_id)

    assert found.metrics == {"f1 (macro)": 0.5}
    assert found.hyperparameters == {"a (b)": None, "": 1, "../x": 2}
    assert found.tags == {"mlflow.note.content": "mine", "bakeoff.version": "mine", "": "", "k" * 300: "v"}
    assert found.version == "1.0.0"
