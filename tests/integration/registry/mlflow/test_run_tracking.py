"""A bake-off in MLflow's tracking: once, whole, and readable by those who have MLflow alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import mlflow
import pytest
from fixtures.servers.mlflow_servers import MLflow

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.runs.experiment_tracking import TrackedEnd, TrackedEntry, TrackedRun, TrackedValue
from registry.models.mlflow.mlflow_calls import MLflowServer
from registry.models.mlflow.run_tracking import open_tracking

pytestmark = pytest.mark.services

NOON = datetime(2026, 1, 30, 12, tzinfo=UTC)


def an_entry(number: int, name: str, **changed: Any) -> TrackedEntry:
    entry = TrackedEntry(
        id=f"{number:08}-0000-4000-8000-000000000000",
        name=name,
        status=TrackedEnd.FINISHED,
        started_at=NOON,
        ended_at=NOON + timedelta(seconds=3),
        params={"params.depth": "3", "dataset": "churn"},
        metrics=[
            TrackedValue(metric="f1", value=0.75),
            TrackedValue(metric="mine.py:gain", value=12.5),
            TrackedValue(metric="fold.f1", value=0.5, step=1),
            TrackedValue(metric="fold.f1", value=1.0, step=2),
        ],
        tags={"bakeoff.standing": "best"},
        note="It is the *best*.",
        files={"result.json": "{}\n"},
    )
    return replace(entry, **changed)


TRACKED = TrackedRun(
    run=an_entry(1, "nightly", files={"report.html": "<!doctype html>"}),
    candidates=[
        an_entry(2, "forest"),
        an_entry(3, "broken", status=TrackedEnd.FAILED, metrics=[], files={"error.txt": "ValueError"}),
    ],
    dataset="churn",
    dataset_id="d" * 64,
    split_id="e" * 64,
)


def everything(uri: str) -> list[dict[str, Any]]:
    """What MLflow shows of all its runs, by name."""
    client = mlflow.MlflowClient(uri)
    found = client.search_runs([one.experiment_id for one in client.search_experiments()])
    return [
        {
            "name": run.info.run_name,
            "status": run.info.status,
            "took": run.info.end_time - run.info.start_time,
            "params": run.data.params,
            "metrics": run.data.metrics,
            "tags": {k: v for k, v in run.data.tags.items() if k.startswith("bakeoff.")},
            "note": run.data.tags["mlflow.note.content"],
            "below": run.data.tags.get("mlflow.parentRunId"),
            "folds": [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "fold.f1")],
            "dataset": [(one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs],
            "files": [file.path for file in client.list_artifacts(run.info.run_id)],
        }
        for run in sorted(found, key=lambda run: run.info.run_name)
    ]


def test_a_bake_off_is_one_run_with_one_below_it_for_each_candidate(mlflow_server: MLflow) -> None:
    address = open_tracking(mlflow_server.uri, "churn").log(TRACKED)

    broken, forest, nightly = everything(mlflow_server.uri)
    assert forest == {
        "name": "forest",
        "status": "FINISHED",
        "took": 3000,
        "params": {"params.depth": "3", "dataset": "churn"},
        "metrics": {"f1": 0.75, "mine.py:gain": 12.5, "fold.f1": 1.0},
        "tags": {
            "bakeoff.standing": "best",
            "bakeoff.run_id": "00000001-0000-4000-8000-000000000000",
            "bakeoff.evaluation_id": "00000002-0000-4000-8000-000000000000",
        },
        "note": "It is the *best*.",
        "below": address.run_id,
        "folds": [(1, 0.5), (2, 1.0)],
        "dataset": [("churn", "d" * 36)],
        "files": ["result.json"],
    }
    assert (broken["status"], broken["below"], broken["files"]) == ("FAILED", address.run_id, ["error.txt"])
    assert (nightly["status"], nightly["below"], nightly["files"]) == ("FINISHED", None, ["report.html"])
    assert address.page == f"{mlflow_server.uri}/#/experiments/{address.experiment_id}/runs/{address.run_id}"
    assert address.experiment == "churn"


def test_a_bake_off_that_is_logged_again_is_still_there_once(mlflow_server: MLflow) -> None:
    first = open_tracking(mlflow_server.uri, "churn").log(TRACKED)
    before = everything(mlflow_server.uri)
    second = open_tracking(mlflow_server.uri, "churn").log(TRACKED)

    assert second == first
    assert everything(mlflow_server.uri) == before


class KilledError(BaseException):
    """Nobody catches it."""


def log_and_die(uri: str, monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Whoever logs the bake-off is gone after so many requests have been answered."""
    answered: list[object] = []
    real = MLflowServer.call

    def call(self: MLflowServer, request: Any) -> Any:
        if len(answered) == after:
            raise KilledError
        answer = real(self, request)
        answered.append(answer)
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(MLflowServer, "call", call)
        with pytest.raises(KilledError):
            open_tracking(uri, "churn").log(TRACKED)


def test_wherever_a_process_dies_the_next_one_completes_what_it_left(
    mlflow_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for after in (0, 1, 2, 3, 4, 6, 9, 11, 13):  # each dies further on than the one before
        log_and_die(mlflow_database, monkeypatch, after=after)
    address = open_tracking(mlflow_database, "churn").log(TRACKED)

    broken, forest, nightly = everything(mlflow_database)
    assert [one["name"] for one in (broken, forest, nightly)] == ["broken", "forest", "nightly"]
    assert [one["below"] for one in (broken, forest, nightly)] == [address.run_id, address.run_id, None]
    assert [one["status"] for one in (broken, forest, nightly)] == ["FAILED", "FINISHED", "FINISHED"]
    assert forest["folds"] == [(1, 0.5), (2, 1.0)]
    assert [one["files"] for one in (broken, forest)] == [["error.txt"], ["result.json"]]
    assert address.page is None


def test_of_runs_that_two_processes_created_at_once_one_is_kept(mlflow_database: str) -> None:
    client = mlflow.MlflowClient(mlflow_database)
    experiment = client.create_experiment("churn")
    for _ in range(2):
        client.create_run(experiment, tags={"bakeoff.run_id": TRACKED.run.id})
    open_tracking(mlflow_database, "churn").log(TRACKED)

    assert [one["name"] for one in everything(mlflow_database)] == ["broken", "forest", "nightly"]


def test_a_second_value_of_a_parameter_is_no_obstacle_since_the_first_one_stays(mlflow_database: str) -> None:
    open_tracking(mlflow_database, "churn").log(TRACKED)
    changed = replace(TRACKED, run=replace(TRACKED.run, params={"dataset": "another", "target": "left"}))
    open_tracking(mlflow_database, "churn").log(changed)

    *_, nightly = everything(mlflow_database)
    assert nightly["params"] == {"params.depth": "3", "dataset": "churn", "target": "left"}


def test_an_experiment_that_was_deleted_is_named_with_the_cure(mlflow_database: str) -> None:
    client = mlflow.MlflowClient(mlflow_database)
    client.delete_experiment(client.create_experiment("churn"))

    with pytest.raises(InfrastructureError, match=r"^the experiment 'churn' was deleted in MLflow: rest"):
        open_tracking(mlflow_database, "churn").log(TRACKED)


def test_files_that_mlflow_does_not_take_are_named_with_the_cure(mlflow_database: str, tmp_path: Any) -> None:
    (tmp_path / "a-file").touch()
    client = mlflow.MlflowClient(mlflow_database)
    client.create_experiment("churn", artifact_location=str(tmp_path / "a-file" / "below"))

    with pytest.raises(InfrastructureError, match=r"its files were not taken: .*`tracking.artefacts: false`"):
        open_tracking(mlflow_database, "churn").log(TRACKED)
