"""What the API says of itself, its broker, its database and its workers."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fixtures.projects.command_line import MIXED
from fixtures.projects.project import Project, a_project, wait_for
from fixtures.servers.api import EVALUATIONS, Api, an_api, at_once, errors
from fixtures.values.samples import a_candidate, a_job, a_run
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from bakeoff.domain.ids_and_times import utc_now
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.database.engine_and_transactions import writing
from bakeoff.store.database.schema_version import HEAD

CANDIDATES = {"good": {"path": "Means"}, "broken": {"path": "Nothing"}}


@dataclass(frozen=True)
class Place:
    project: Project
    api: Api


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Without a worker."""
    with a_project(CANDIDATES) as project, an_api(project) as api:
        yield Place(project, api)


_OF_RUNS = ("sketches", "verdicts", "provenances", "evaluation_results")


def test_it_names_the_candidates_that_are_ready_and_those_that_are_not_and_why(place: Place) -> None:
    said = place.api.get("/health")

    assert (said["live"], said["ready"]) == (True, True)
    assert said["models"] == [{"modelId": "good", "modelVersion": "1"}]
    [rejected] = said["rejected"]
    assert (rejected["modelId"], rejected["modelVersion"]) == ("broken", "1")
    assert "Nothing" in rejected["cause"]
    assert rejected["fix"]
    assert "candidate good, version 1, is ready" in place.api.log
    assert "candidate broken, version 1, was rejected" in place.api.log


def test_rejections_are_shown_with_those_of_earlier_starts(place: Place) -> None:
    place.api.ask("POST", "/api/ml/models/reload")
    said = place.api.get("/api/ml/models/broken")

    assert (said["candidate"], said["enabled"]) == (None, False)
    assert len(said["rejections"]) >= 2
    moments = [rejection["rejectedAt"] for rejection in said["rejections"]]
    assert moments == sorted(moments, reverse=True)
    assert [one["modelId"] for one in place.api.get("/api/ml/models")["rejected"]] == ["broken"]


def test_a_candidate_that_is_added_to_the_file_is_there_after_a_reload(place: Place) -> None:
    place.project.write_catalog({**CANDIDATES, "new": {"path": "Means"}})
    try:
        assert place.api.ask("GET", "/api/ml/models/new").status_code == 404
        reloaded = place.api.ask("POST", "/api/ml/models/reload").json()
        assert [one["modelId"] for one in reloaded["candidates"]] == ["good", "new"]
        assert place.api.get("/api/ml/models/new")["enabled"] is True
        assert place.api.start("new").status_code == 202
    finally:
        place.project.write_catalog(CANDIDATES)
        place.api.ask("POST", "/api/ml/models/reload")


def test_a_catalog_that_cannot_be_read_is_told_and_the_former_one_stays(place: Place) -> None:
    catalog = place.project.folder / "config" / "models.yaml"
    before = catalog.read_text()
    catalog.write_text("models: {good: {pth: x}}")
    try:
        answer = place.api.ask("POST", "/api/ml/models/reload")
    finally:
        catalog.write_text(before)

    assert answer.status_code == 422
    assert "models.yaml" in answer.json()["detail"]
    assert [one["modelId"] for one in place.api.get("/api/ml/models")["candidates"]] == ["good"]


def test_datasets_are_those_of_the_configuration(place: Place) -> None:
    [dataset] = place.api.get("/api/ml/datasets")["items"]
    about = {"name": "tiny", "source": "csv", "from": "data.csv", "target": "y", "task": None}
    assert dataset == about | {"findings": dataset["findings"]}


def test_queues_that_nobody_reads_are_told_and_how_long_the_oldest_job_has_waited(place: Place) -> None:
    place.api.started("good")
    wait_for(lambda: place.api.get("/health")["jobs"]["queued"], "the queued job")
    wait_for(lambda: place.api.get("/health")["queues"][0]["waiting"], "its message")
    said = place.api.get("/health")

    assert said["workers"] == []
    assert said["unreadQueues"] == ["evaluations", "control"]
    assert said["broker"] == {"reachable": True, "problem": None}
    assert 0 <= said["oldestQueuedSeconds"] < 600
    assert ("queue", "start a worker: `bakeoff worker`") in {
        (finding["subject"], finding["cure"]) for finding in said["findings"]
    }


def test_workers_are_named_once_they_read(place: Place) -> None:
    with place.project.worker():
        said = wait_for(
            lambda: found if (found := place.api.get("/health"))["workers"] else None, "the worker"
        )
        assert said["workers"] == ["eval@here"]
        assert said["unreadQueues"] == ["control"]
        wait_for(lambda: place.api.get("/health")["oldestQueuedSeconds"] is None, "the end of the queue")


def test_health_is_cheap_for_many(place: Place) -> None:
    answers = at_once(40, lambda _: place.api.ask("GET", "/health"))

    assert {answer.status_code for answer in answers} == {200}


def test_figures_are_those_of_the_database(place: Place) -> None:
    with writing(place.project.engine) as connection:
        for table in (*_OF_RUNS, "outbox", "evaluation_jobs", "evaluation_runs"):
            connection.execute(text(f"DELETE FROM {table}"))
    run = a_run(baseline_id="dummy", created_at=utc_now())
    jobs = [a_job(run, at, candidate=a_candidate(id=outcome.model)) for at, outcome in enumerate(MIXED)]
    assert run_rows.create(place.project.engine, run, jobs)
    for job, outcome in zip(jobs[:-1], MIXED[:-1], strict=True):
        outcome.happen(place.project.engine, job)

    def found() -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
        answer = place.api.ask("GET", "/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return _samples(answer.text)

    wait_for(lambda: found()["bakeoff_jobs"][("state", "failed"),] == 1, "the new figures")
    figures = found()
    assert figures["bakeoff_jobs"] == {
        (("state", "queued"),): 1,
        (("state", "running"),): 0,
        (("state", "completed"),): 4,
        (("state", "failed"),): 1,
        (("state", "timed_out"),): 0,
        (("state", "cancelled"),): 0,
        (("state", "waiting"),): 0,
        (("state", "stopped"),): 0,
    }
    assert figures["bakeoff_runs"][("state", "running"),] == 1
    plain = {name: values[()] for name, values in figures.items() if () in values}
    assert 0 <= plain.pop("bakeoff_oldest_queued_seconds") < 600
    assert plain == {
        "bakeoff_queue_depth": 1,
        "bakeoff_slots": 2,
        "bakeoff_slots_taken": 0,
        "bakeoff_leases_expired": 0,
        "bakeoff_job_restarts_total": 0,
        "bakeoff_evaluations_reused_total": 0,
        "bakeoff_events_unpublished": 10,
        "bakeoff_evaluation_duration_seconds_count": 4,
        "bakeoff_evaluation_duration_seconds_sum": 6,
    }
    buckets = figures["bakeoff_evaluation_duration_seconds_bucket"]
    assert [buckets[("le", bound),] for bound in ("1.0", "5.0", "+Inf")] == [0, 4, 4]
    assert {label for values in figures.values() for labels in values for label, _ in labels} == {
        "state",
        "le",
    }


def test_the_slots_follow_the_configuration_file(place: Place) -> None:
    def slots() -> float:
        return _samples(place.api.ask("GET", "/metrics").text)["bakeoff_slots"][()]

    assert slots() == 2
    before = place.project.file.read_text()
    place.project.file.write_text(before + "maxRunning: 7\n")
    try:
        wait_for(lambda: slots() == 7, "the new cap")
    finally:
        place.project.file.write_text(before)
    wait_for(lambda: slots() == 2, "the former cap")


def _samples(said: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    samples: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(said):
        for sample in family.samples:
            samples.setdefault(sample.name, {})[tuple(sample.labels.items())] = sample.value
    return samples


def test_a_database_that_fails_makes_it_unready_and_no_fault(place: Place) -> None:
    with writing(place.project.engine) as connection:
        connection.execute(text("ALTER TABLE evaluation_runs RENAME TO gone"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    try:
        answer = place.api.ask("GET", EVALUATIONS)
        unready = wait_for(
            lambda: found if (found := place.api.ask("GET", "/health/ready")).status_code == 503 else None,
            "the notice",
        )
        health = place.api.get("/health")
    finally:
        with writing(place.project.engine) as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO evaluation_runs"))
            connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": HEAD})

    assert (answer.status_code, answer.headers["retry-after"], errors(answer)) == (503, "5", [])
    assert "the database" in answer.json()["detail"]
    assert unready.json() == {"ready": False}
    assert place.api.get("/health/live") == {"live": True}
    assert (health["live"], health["ready"], health["jobs"]) == (True, False, None)
    assert "`bakeoff db upgrade`" in "".join(finding["cure"] for finding in health["findings"])
    wait_for(lambda: place.api.ask("GET", "/health/ready").status_code == 200, "its return")


def test_where_nothing_was_saved_nothing_is_listed_and_looking_makes_no_registry(place: Place) -> None:
    assert place.api.get("/api/ml/registry") == {"items": [], "nextCursor": None}
    assert place.api.get("/api/ml/registry/churn/history") == {"items": []}
    answer = place.api.ask("GET", "/api/ml/registry/best")
    assert (answer.status_code, "no model was ever saved here" in answer.text) == (404, True)
    assert not (place.project.configuration.registry_path / "registry.db").exists()
