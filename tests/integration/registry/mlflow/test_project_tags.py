"""A project whose registry is MLflow: one key of the configuration, and the same commands."""

import json
import socket
from contextlib import closing

import joblib
import pytest
from contract.model_registry import MODEL

from bakeoff.settings.configuration import load
from registry import MLflowModelRegistry
from registry.models import registry_opening

pytestmark = pytest.mark.services


@pytest.fixture
def on(project):
    """Writes the configuration."""

    def write(tracking_uri):
        (project.root / "config" / "bakeoff.yaml").write_text(
            f"modelRegistry: {{backend: mlflow, trackingUri: '{tracking_uri}'}}\n"
        )
        return project

    return write


def test_the_configuration_chooses_mlflow(on, mlflow_database):
    project = on(mlflow_database)
    joblib.dump(MODEL, project.root / "mine.joblib")
    saved = project.bakeoff("registry", "save", str(project.root / "mine.joblib"), "--name", "mine")
    listed = project.bakeoff("registry", "list", "--json")

    assert saved.exit_code == 0
    assert [row["modelId"] for row in json.loads(listed.stdout)] == ["models:/mine/1"]
    assert [version.id for version in MLflowModelRegistry(mlflow_database).versions()] == ["models:/mine/1"]


def test_a_database_is_looked_for_in_the_project_and_made_by_the_first_save_alone(on):
    project = on("sqlite:///tracked/mlflow.db")
    configuration = load(project.root / "config" / "bakeoff.yaml")

    assert configuration.tracking_uri == f"sqlite:///{project.root}/tracked/mlflow.db"
    assert not registry_opening.has_registry(configuration)
    assert "no models yet" in project.bakeoff("registry", "list").stdout
    message = project.finding("registry")["message"]
    assert message.startswith("MLflow has no database yet, the first save makes it")
    assert not (project.root / "tracked").exists()


def test_mlflow_needs_an_address(project):
    (project.root / "config" / "bakeoff.yaml").write_text("modelRegistry: {backend: mlflow}\n")

    assert "backend mlflow needs trackingUri, such as http://" in project.bakeoff("config").stderr


def test_files_of_mlflow_are_closed_to_plugins(on):
    project = on("sqlite:///tracked/mlflow.db")

    secrets = load(project.root / "config" / "bakeoff.yaml").secrets
    assert {project.root / "tracked" / "mlflow.db", project.root / "tracked" / "mlartifacts"} <= set(secrets)


@pytest.mark.services
def test_the_doctor_asks_a_server_for_its_version(on, mlflow_process):
    assert on(mlflow_process.uri).finding("registry") == {
        "subject": "registry",
        "level": "ok",
        "message": f"MLflow 3.17.2 at {mlflow_process.uri}",
        "cure": "",
    }


def test_the_doctor_opens_a_database(on, mlflow_database):
    assert on(mlflow_database).finding("registry")["message"] == f"MLflow in {mlflow_database}"


def test_the_doctor_tells_of_a_database_that_is_none(on, tmp_path):
    (tmp_path / "mlflow.db").write_text("no database at all")
    found = on(f"sqlite:///{tmp_path}/mlflow.db").finding("registry")

    assert (found["level"], "file is not a database" in found["message"]) == ("fail", True)


def test_the_doctor_tells_of_a_server_that_is_not_there(on):
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        found = on(f"http://me:secret@127.0.0.1:{taken.getsockname()[1]}").finding("registry")

    assert found["level"] == "fail"
    assert "does not answer" in found["message"]
    assert "secret" not in found["message"]
    assert "start it, `mlflow server`" in found["cure"]


def test_a_command_says_of_a_server_that_is_not_there_what_ended_the_connection_and_the_cure(on, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = on(f"http://me:secret@{address}").bakeoff("registry", "list")

    assert said.exit_code == 4
    assert said.stderr == (
        f"error: MLflow at http://***@{address}: it cannot be reached ([Errno 111] Connection refused): "
        "start it, or correct its address\n"
    )


def test_the_doctor_does_not_wait_for_a_server_that_says_nothing(on):
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        found = on(f"http://127.0.0.1:{silent.getsockname()[1]}").finding("registry")

    assert (found["level"], "does not answer: timed out" in found["message"]) == ("fail", True)


def test_without_mlflow_the_cure_is_named(on, monkeypatch):
    project = on("http://127.0.0.1:5000")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)

    assert project.finding("registry")["cure"] == "pip install 'bakeoff[mlflow]'"
    assert "pip install 'bakeoff[mlflow]'" in project.bakeoff("registry", "list").stderr
