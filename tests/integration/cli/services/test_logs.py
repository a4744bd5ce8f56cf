"""One run through API, producer, worker and cell, followed by its ids in what they log."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fixtures.projects.project import Project, a_project, wait_for
from fixtures.servers.api import EVALUATIONS, an_api

CANDIDATES = {"good": {"path": "Means"}, "talks": {"path": "Logs"}, "raises": {"path": "Raises"}}
SECRET = "0123456789abcdef-secret"


@dataclass(frozen=True)
class Told:
    project: Project
    run_id: str
    api: str
    worker: str
    request_id: str  #: that the API gave

    def about_run(self, log: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, log.splitlines()) if line.get("runId") == self.run_id]


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    headers = {"Authorization": f"Bearer {SECRET}", "X-Request-ID": "order-7"}
    with (
        a_project(CANDIDATES) as project,
        an_api(project, BAKEOFF_API_TOKEN=SECRET) as api,
        project.launch(sys.executable, "-m", "bakeoff.cli.main", "worker") as worker,
    ):
        body = {"dataset": "tiny", "models": list(CANDIDATES), "baseline": False}
        started = api.ask("POST", EVALUATIONS, json=body, headers=headers)
        run_id = started.json()["runId"]
        project.wait_for_end(run_id)
        api.ask("GET", f"{EVALUATIONS}/{run_id}?token={SECRET}", headers=headers)
        other = api.ask("GET", "/health/live", headers={"X-Request-ID": "not one\tid"})
        wait_for(lambda: "in tiny-" in worker.log, "the line of a task")
        wait_for(lambda: f"GET {EVALUATIONS}" in api.log, "a line")
        yield Told(project, run_id, api.log, worker.log, other.headers["x-request-id"])


def test_every_line_of_a_service_that_nobody_watches_is_json(told: Told) -> None:
    for line in (told.api + told.worker).splitlines():
        assert {"timestamp", "level", "logger", "message"} <= json.loads(line).keys()


def test_the_api_and_its_producer_name_request_and_run(told: Told) -> None:
    lines = told.about_run(told.api)

    assert [(line["logger"], line["requestId"]) for line in lines] == [
        ("bakeoff.operations.runs.start_run", "order-7"),
        ("bakeoff.api.security.request_log", "order-7"),
    ]
    assert (lines[1]["method"], lines[1]["status"]) == ("GET", 200)


def test_no_line_holds_a_token(told: Told) -> None:
    assert SECRET not in told.api
    assert SECRET not in told.worker


def test_an_id_that_cannot_be_one_is_replaced(told: Told) -> None:
    assert len(told.request_id) == 36


def test_the_worker_names_run_job_and_model(told: Told) -> None:
    """Short jobs may share a task, and so its line."""
    ended = [line for line in told.about_run(told.worker) if line["logger"] == "celery.app.trace"]
    jobs = {(model, job.id, 1) for model, job in told.project.jobs(told.run_id).items()}

    assert ended
    assert {(line["modelId"], line["jobId"], line["attempt"]) for line in ended} <= jobs


def test_what_a_candidate_logs_names_run_job_and_model_unless_it_has_its_own_way(told: Told) -> None:
    first, *others = told.project.log(told.run_id, "talks").splitlines()
    job = told.project.job(told.run_id, "talks")
    line = json.loads(first)

    assert (line["level"], line["logger"], line["message"]) == ("info", "gallery", "fitting 60 rows")
    assert (line["runId"], line["jobId"], line["modelId"]) == (told.run_id, job.id, "talks")
    assert others == ["plain words", "own way: fitted"]
