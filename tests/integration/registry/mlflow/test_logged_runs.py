"""Runs go to MLflow by `bakeoff track` and by workers, and a server that is away stops neither."""

import json
from collections.abc import Iterator
from typing import Any

import mlflow
import pytest
import yaml
from fixtures.page_visits import Browser
from fixtures.projects import project as projects
from fixtures.projects.command_line import Project, a_mixed_run
from fixtures.projects.project import a_project, wait_for
from fixtures.servers.mlflow_servers import MLflow

from bakeoff.domain.runs.run import RunState
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs.results import tracking_rows
from bakeoff.store.database.engine_and_transactions import writing
from bakeoff.worker.tracker_process import Tracker

pytestmark = pytest.mark.services

AWAY = {"BAKEOFF_TRACKING": "http://somebody:secret@127.0.0.1:1", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


def runs_in(uri: str, experiment: str) -> dict[str, Any]:
    client = mlflow.MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None, [one.name for one in client.search_experiments()]
    return {run.info.run_name: run for run in client.search_runs([found.experiment_id])}


def test_what_is_logged_follows_from_what_is_stored(project: Project, mlflow_database: str) -> None:
    run = a_mixed_run(project)
    done = project.bakeoff("track", "spring", "--json", env={"BAKEOFF_TRACKING": mlflow_database})

    assert done.exit_code == 0, done.output
    [told] = json.loads(done.stdout)
    logged = runs_in(mlflow_database, run.dataset.name)
    assert (told["runId"], told["state"], told["error"]) == (run.id, "done", "")
    assert told["mlflowRunId"] == logged["spring"].info.run_id
    assert set(logged) == {"spring", "dummy", "tree", "forest", "worse", "broken", "slow"}
    assert {name: one.info.status for name, one in logged.items() if one.info.status != "FINISHED"} == {
        "broken": "FAILED",
        "slow": "FAILED",
    }
    forest = logged["forest"].data
    assert forest.metrics["f1"] == 0.875
    assert (forest.metrics["fit_seconds"], forest.metrics["peak_memory_mb"]) == (12.0, 120.4)
    assert forest.params["dataset"] == run.dataset.name
    assert forest.params["class"] == "models.tree:Tree"
    assert forest.tags["bakeoff.split_id"] == run.dataset.split_id
    assert logged["broken"].data.tags["bakeoff.error"].startswith("ValueError: bad")
    client = mlflow.MlflowClient(mlflow_database)
    files = {
        name: [one.path for one in client.list_artifacts(run.info.run_id)] for name, run in logged.items()
    }
    assert files["spring"] == ["report.html"]
    assert files["forest"] == ["result.json"]
    assert files["broken"] == ["error.txt", "result.json"]
    again = project.bakeoff("track", "spring", env={"BAKEOFF_TRACKING": mlflow_database})
    assert again.exit_code == 0, again.output
    assert len(runs_in(mlflow_database, run.dataset.name)) == 7
    assert f"mlflow     experiment {run.dataset.name}, sqlite" in project.bakeoff("show", "spring").stdout
    setup = Browser(Context(load(project.root / "config"))).page(f"/runs/{run.id}/setup")
    assert f"experiment {run.dataset.name}, sqlite" in setup


def test_experiment_and_files_are_as_the_settings_say(project: Project, mlflow_database: str) -> None:
    a_mixed_run(project)
    settings = {"mlflow": mlflow_database, "experiment": "nightly", "artefacts": False}
    done = project.bakeoff("track", env={"BAKEOFF_TRACKING": json.dumps(settings)})

    assert done.exit_code == 0, done.output
    logged = runs_in(mlflow_database, "nightly")
    client = mlflow.MlflowClient(mlflow_database)
    assert [client.list_artifacts(run.info.run_id) for run in logged.values()] == [[]] * 7


def test_a_server_that_is_away_is_told_of_without_its_password_and_is_asked_again(
    project: Project,
) -> None:
    run = a_mixed_run(project)
    done = project.bakeoff("track", env=AWAY)

    assert done.exit_code == 4
    assert "not yet: MLflow at http://***@127.0.0.1:1" in done.stdout
    assert "secret" not in done.output
    tracking = tracking_rows.of_run(project.engine, run.id)
    assert tracking is not None
    assert (tracking.done_at, tracking.tries) == (None, 1)
    shown = project.bakeoff("show").stdout
    assert "not yet: MLflow at" in shown
    assert "tried 1 time; again from" in shown
    at_once = project.bakeoff("track", "--waiting", env=AWAY)
    assert (at_once.exit_code, at_once.stdout[:30]) == (4, "0 logged; not yet: MLflow at h")
    found = json.loads(project.bakeoff("doctor", "--json", env=AWAY).stdout)
    said = [(one["level"], one["message"][:32]) for one in found if one["subject"] == "tracking"]
    assert [level for level, _ in said] == ["fail", "warn"]
    assert said[1][1] == "1 run waits to be logged: MLflow"


def test_the_process_of_a_worker_that_finds_no_server_leaves_the_run_for_later(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**AWAY, "BAKEOFF_CONFIG": str(project.root / "config")}.items():
        monkeypatch.setenv(name, value)
    run = a_mixed_run(project)
    with writing(project.engine) as connection:
        tracking_rows.begin(connection, run.id, run.created_at)
    tracker = Tracker(Context(load(project.root / "config")))
    assert tracker.is_busy()
    tracker.start_if_due()
    wait_for(lambda: not tracker.is_running(), "the end of the tracker")

    found = tracking_rows.of_run(project.engine, run.id)
    assert found is not None
    assert (found.tries, found.done_at, found.error[:10]) == (1, None, "MLflow at ")


def test_who_configured_no_server_is_told_how(project: Project) -> None:
    a_mixed_run(project)
    done = project.bakeoff("track")

    assert done.exit_code == 2
    assert "set `tracking: {mlflow: http://HOST:PORT}` in config/bakeoff.yaml" in done.output.replace(
        "\n", " "
    )


@pytest.fixture
def worked(mlflow_server: MLflow) -> Iterator[projects.Project]:
    """A project that logs to the server, with a worker."""
    with a_project({}, tracking={"mlflow": mlflow_server.uri}) as project:
        catalog = {
            "linear": {"path": "sklearn.linear_model:LogisticRegression", "params": {"max_iter": 500}},
            "no": {"path": "sklearn.dummy:DummyClassifier", "params": {"strategy": "nonsense"}},
        }
        (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": catalog}))
        with project.worker():
            yield project


def test_a_worker_logs_each_run_by_itself_once_it_has_ended(
    worked: projects.Project, mlflow_server: MLflow
) -> None:
    run_id = worked.start("linear", "no", baseline=True)
    assert worked.wait_for_end(run_id) is RunState.PARTIAL
    wait_for(lambda: (one := tracking_rows.of_run(worked.engine, run_id)) and one.done_at, "the logging")

    result = worked.results(run_id)["linear"]
    logged = runs_in(mlflow_server.uri, result.dataset_name)
    assert {name: one.info.status for name, one in logged.items() if name in {"linear", "no"}} == {
        "linear": "FINISHED",
        "no": "FAILED",
    }
    linear = logged["linear"].data
    metric, value = next(iter(result.metrics.items()))
    interval = result.intervals[metric]
    assert linear.metrics[metric] == value
    assert (linear.metrics[f"{metric}.low"], linear.metrics[f"{metric}.high"]) == (
        interval.low,
        interval.high,
    )
    assert linear.params["params.max_iter"] == "500"
    assert linear.tags["bakeoff.standing"] == "insufficient"  # on so few rows
    assert len(linear.tags["bakeoff.code_digest"]) == 64
    [parent] = [one for one in logged.values() if "bakeoff.verdict" in one.data.tags]
    assert linear.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.data.tags["bakeoff.recommended"] == "linear"
    assert parent.data.tags["mlflow.note.content"] == parent.data.tags["bakeoff.verdict"]
