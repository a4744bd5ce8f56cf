"""Bake-offs over HTTP: with a real server, a real Redis and a real worker."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
import pytest
from fixtures.projects.project import Project, a_project, wait_for
from fixtures.servers.api import EVALUATIONS, Api, an_api, at_once, errors
from sqlalchemy import text

from bakeoff.api.paging import cursor_after
from bakeoff.store.bakeoffs import run_progress_rows, run_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing

CANDIDATES: Mapping[str, Mapping[str, Any]] = {
    "good": {"path": "Means"},
    "better": {"path": "Means", "params": {"spread": 0.1}},
    "raises": {},
}
TINY = {"source": "csv", "path": "data.csv", "target": "y"}
DATASETS = {"tiny": TINY, "other": TINY, "lost": {**TINY, "path": "lost.csv"}}


@dataclass(frozen=True)
class Place:
    project: Project
    api: Api


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with a_project(CANDIDATES, datasets=DATASETS) as project, project.worker():
        waits = {"params": {"gate": str(project.gate("open"))}}
        project.write_catalog({**CANDIDATES, "waits": waits, "broken": {"path": "Nothing"}})
        with an_api(project) as api:
            yield Place(project, api)
            assert api.log.count("Traceback") == api.log.count("incident")


@pytest.fixture
def held(place: Place) -> Iterator[str]:
    """A run of which one job cannot end before the gate is opened; it has begun."""
    gate = place.project.gate("open")
    gate.unlink(missing_ok=True)
    run_id = place.api.started("good", "waits", name="held")
    wait_for(lambda: place.api.status(run_id)["progress"]["counts"]["completed"] == 1, "the first end")
    wait_for(lambda: place.api.status(run_id)["progress"]["counts"]["running"] == 1, "the other start")
    yield run_id
    gate.touch()
    place.api.wait_for_end(run_id)


def test_a_start_answers_with_the_run_its_jobs_and_where_to_look(place: Place) -> None:
    answer = place.api.start("good", "raises")

    said = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{EVALUATIONS}/{said['runId']}"
    assert set(said) == {"runId", "status", "jobs"}
    assert [set(job) for job in said["jobs"]] == [{"jobId", "modelId", "modelVersion", "status"}] * 2
    assert [(job["modelId"], job["modelVersion"]) for job in said["jobs"]] == [("good", "1"), ("raises", "1")]
    assert {job.id for job in place.project.jobs(said["runId"]).values()} == {
        job["jobId"] for job in said["jobs"]
    }
    assert place.api.ask("GET", answer.headers["location"]).status_code == 200


def test_results_are_the_records_with_what_failed_and_why_beside_them(place: Place) -> None:
    run_id = place.api.started("good", "better", "raises")
    assert place.api.wait_for_end(run_id)["status"] == "partial"
    said = place.api.get(f"{EVALUATIONS}/{run_id}/results")

    assert (said["runId"], said["status"]) == (run_id, "partial")
    stored = place.project.results(run_id)
    for record in said["results"]:
        assert stored[record["modelId"]].to_record().items() <= record.items()
        assert record["details"] is None
    assert [record["rank"] for record in said["results"]] == [1, 2]
    [failed] = said["failed"]
    assert (failed["modelId"], failed["status"], failed["attempt"]) == ("raises", "failed", 1)
    assert (failed["error"]["type"], failed["error"]["message"]) == ("ValueError", "no such luck")


def test_what_stands_behind_the_metrics_comes_when_it_is_asked_for(place: Place) -> None:
    run_id = place.api.started("good")
    place.api.wait_for_end(run_id)
    [record] = place.api.get(f"{EVALUATIONS}/{run_id}/results?details=true")["results"]

    assert sum(map(sum, record["details"]["confusion"])) == 20
    assert [row["label"] for row in record["details"]["perClass"]] == [0, 1]


def test_the_status_tells_how_far_a_run_is(place: Place, held: str) -> None:
    said = place.api.status(held)

    assert (said["status"], said["name"], said["datasetName"]) == ("running", "held", "tiny")
    assert {job["modelId"]: job["status"] for job in said["jobs"]} == {
        "good": "completed",
        "waits": "running",
    }
    assert said["progress"]["counts"] == {
        "queued": 0,
        "running": 1,
        "waiting": 0,
        "completed": 1,
        "failed": 0,
        "timed_out": 0,
        "cancelled": 0,
        "stopped": 0,
    }
    assert (said["progress"]["done"], said["progress"]["total"]) == (1, 2)
    assert said["progress"]["etaSeconds"] > 0


def test_a_cancelled_run_stops_and_keeps_what_had_completed(place: Place, held: str) -> None:
    assert place.api.ask("DELETE", f"{EVALUATIONS}/{held}").status_code == 202
    ended = place.api.wait_for_end(held)
    again = place.api.ask("DELETE", f"{EVALUATIONS}/{held}")

    assert ended["status"] == "cancelled"
    assert {job["modelId"]: job["status"] for job in ended["jobs"]} == {
        "good": "completed",
        "waits": "cancelled",
    }
    assert (again.status_code, again.json()["status"]) == (202, "cancelled")


def test_a_run_that_has_ended_is_not_cancelled(place: Place) -> None:
    run_id = place.api.started("good")
    place.api.wait_for_end(run_id)
    answer = place.api.ask("DELETE", f"{EVALUATIONS}/{run_id}")

    assert answer.status_code == 409
    assert errors(answer) == [("path.id", f"run {run_id} had ended already: completed")]


def test_a_retry_is_a_new_run_that_takes_over_what_had_completed(place: Place) -> None:
    before = place.api.started("good", "raises")
    place.api.wait_for_end(before)
    answer = place.api.ask("POST", f"{EVALUATIONS}/{before}/retry")
    after = answer.json()["runId"]
    ended = place.api.wait_for_end(after)

    assert (answer.status_code, answer.headers["location"]) == (202, f"{EVALUATIONS}/{after}")
    assert (ended["retryOf"], ended["status"]) == (before, "partial")
    [taken] = place.api.get(f"{EVALUATIONS}/{after}/results")["results"]
    assert taken["reusedFrom"] == place.project.results(before)["good"].evaluation_id


def test_a_retry_with_the_same_key_is_the_same_run(place: Place) -> None:
    before = place.api.started("good", "raises")
    place.api.wait_for_end(before)
    path, headers = f"{EVALUATIONS}/{before}/retry", {"Idempotency-Key": "once more"}
    answers = [place.api.ask("POST", path, headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [422, 422]  # a key has no blanks
    headers = {"Idempotency-Key": "once-more"}
    first, second = (place.api.ask("POST", path, headers=headers).json()["runId"] for _ in range(2))
    assert first == second != before
    clash = place.api.start("good", key="once-more")
    assert (clash.status_code, errors(clash)[0][0]) == (422, "header.Idempotency-Key")


def test_a_run_that_goes_on_is_not_retried(place: Place, held: str) -> None:
    answer = place.api.ask("POST", f"{EVALUATIONS}/{held}/retry")

    assert answer.status_code == 409
    assert errors(answer)[0][0] == "path.id"
    assert f"run {held} is running: wait for its end" in answer.json()["detail"]


def test_fifty_equal_requests_with_one_key_are_one_run(place: Place) -> None:
    before = len(run_rows.page(place.project.engine, limit=1000))
    answers = at_once(50, lambda _: place.api.start("good", name="one", key="k1"))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["runId"] for answer in answers}) == 1
    assert len(run_rows.page(place.project.engine, limit=1000)) == before + 1
    assert list(place.project.states(answers[0].json()["runId"])) == ["good"]


def test_of_different_requests_that_race_for_one_key_one_wins_and_the_others_are_told(place: Place) -> None:
    answers = at_once(10, lambda place_: place.api.start("good", seed=place_, key="k2"))

    won = [answer for answer in answers if answer.status_code == 202]
    lost = [answer for answer in answers if answer.status_code == 422]
    assert (len(won), len(lost)) == (1, 9)
    assert {errors(answer)[0][0] for answer in lost} == {"header.Idempotency-Key"}


def test_what_was_fitted_before_is_taken_over_unless_it_is_to_be_fresh(place: Place) -> None:
    first = place.api.started("good")
    place.api.wait_for_end(first)
    again = place.api.start("good", fresh=False)
    [record] = place.api.get(f"{EVALUATIONS}/{again.json()['runId']}/results")["results"]

    assert again.json()["status"] == "completed"
    assert record["reusedFrom"] == place.api.status(first)["jobs"][0]["jobId"]


def test_the_same_key_is_the_same_run_after_a_restart(place: Place) -> None:
    first = place.api.start("good", key="k3").json()["runId"]
    with an_api(place.project) as restarted:
        assert restarted.start("good", key="k3").json()["runId"] == first
        assert restarted.start("better", key="k3").status_code == 422


def test_what_a_key_says_in_other_words_is_the_same_request(place: Place) -> None:
    first = place.api.start("good", key="k4").json()["runId"]
    again = place.api.start("good", key="k4", zeroDivision=0, metrics=None)

    assert (again.status_code, again.json()["runId"]) == (202, first)


def test_pages_hold_every_run_once_newest_first(place: Place) -> None:
    started = [place.api.started("good", name="paged") for _ in range(5)]
    seen: list[str] = []
    pages, cursor = 0, None
    while pages == 0 or cursor:
        asked = {"name": "paged", "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = place.api.get(EVALUATIONS, params=asked)
        seen += [run["runId"] for run in page["items"]]
        pages, cursor = pages + 1, page["nextCursor"]

    assert (pages, seen) == (3, started[::-1])
    assert page["items"][0]["progress"]["total"] == 1


def test_lists_are_filtered_by_state_dataset_and_name(place: Place) -> None:
    run_id = place.api.started("good", name="filtered", dataset="other")
    place.api.started("raises", name="filtered")
    place.api.wait_for_end(run_id)

    def found(**asked: str) -> list[str]:
        return [run["runId"] for run in place.api.get(EVALUATIONS, params=asked)["items"]]

    assert found(name="filtered", dataset="other") == [run_id]
    assert found(name="filtered", state="completed") == [run_id]
    assert found(name="filtered", state="cancelled") == []
    assert len(found(name="filtered")) == 2
    assert found(dataset="nowhere") == []


def events_of(answer: httpx.Response) -> list[tuple[str, str | None, Any]]:
    """Kind, id and data."""
    told = []
    for block in answer.text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            told.append((lines["event"], lines.get("id"), json.loads(lines["data"])))
    return told


def test_the_stream_tells_progress_and_every_event_and_ends_with_the_run(place: Place) -> None:
    run_id = place.api.started("good", "raises")
    answer = place.api.ask("GET", f"{EVALUATIONS}/{run_id}/events")
    told = events_of(answer)

    assert answer.headers["content-type"].startswith("text/event-stream")
    said = [(kind, data) for kind, _, data in told if kind != "progress"]
    assert sorted(kind for kind, _ in said) == [
        "evaluation.completed",
        "evaluation.failed",
        "evaluation.started",
        "evaluation.started",
        "run.completed",
    ]
    assert told[-1][0] == "run.completed"
    assert [data["eventId"] for _, data in said] == [
        event.id for event in place.project.wait_for_events(run_id)
    ]
    last = [data for kind, _, data in told if kind == "progress"][-1]
    assert (last["status"], last["done"], last["total"], last["etaSeconds"]) == ("partial", 2, 2, 0.0)


def test_a_stream_goes_on_behind_the_last_event_that_was_seen(place: Place) -> None:
    run_id = place.api.started("good")
    whole = events_of(place.api.ask("GET", f"{EVALUATIONS}/{run_id}/events"))
    ids = [place_ for _, place_, _ in whole if place_]
    rest = place.api.ask("GET", f"{EVALUATIONS}/{run_id}/events", headers={"Last-Event-ID": ids[0]})
    none = place.api.ask("GET", f"{EVALUATIONS}/{run_id}/events", headers={"Last-Event-ID": ids[-1]})

    assert [place_ for _, place_, _ in events_of(rest) if place_] == ids[1:]
    assert (none.status_code, none.text) == (204, "")


def test_a_client_that_goes_away_leaves_nothing_behind(place: Place, held: str) -> None:
    server = psutil.Process(place.api.process.process.pid)

    def connections() -> int:
        return sum(c.status == "ESTABLISHED" for c in server.net_connections() if c.laddr.port == port)

    port = int(place.api.url.rpartition(":")[2])
    place.api.status(held)
    threads, before = server.num_threads(), connections()
    for _ in range(20):
        with place.api.client.stream("GET", f"{EVALUATIONS}/{held}/events") as stream:
            assert next(stream.iter_lines()) == "event: progress"
    wait_for(lambda: connections() <= before, "the end of the connections")
    assert server.num_threads() <= max(threads, 25)


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({}, "body.dataset", "field required"),
        (
            {"dataset": "tyni"},
            "body.dataset",
            "there is no dataset 'tyni' in the configuration; did you mean",
        ),
        ({"dataset": "data.csv", "target": "y"}, "body.dataset", "there is no dataset 'data.csv'"),
        ({"dataset": "lost"}, "body.dataset", "there is no file"),
        ({"dataset": "tiny", "target": "b"}, "body.target", "target 'b' goes with a file"),
        ({"dataset": "tiny", "models": ["good", "godo"]}, "body.models.1", "did you mean 'good'?"),
        ({"dataset": "tiny", "models": ["broken"]}, "body.models.0", "broken was rejected because"),
        ({"dataset": "tiny", "models": ["dummy"]}, "body.models", "no candidate is named but the baseline"),
        ({"dataset": "tiny", "models": "good"}, "body.models", "input should be a valid list"),
        ({"dataset": "tiny", "metrics": ["f1", "f2"]}, "body.metrics.1", "unknown metric 'f2'"),
        ({"dataset": "tiny", "metrics": ["os:abort"]}, "body.metrics.0", "must stand in the configuration"),
        ({"dataset": "tiny", "seed": -1}, "body.seed", "greater than or equal to 0"),
        ({"dataset": "tiny", "testSize": 1}, "body.testSize", "it is 1: input should be less than 1"),
        ({"dataset": "tiny", "positiveLabel": 7}, "body.positiveLabel", "is not a class of the target"),
        ({"dataset": "tiny", "average": "most"}, "body.average", "'macro'"),
        ({"dataset": "tiny", "zeroDivision": 2}, "body.zeroDivision", "must be 0, 1 or nan"),
        ({"dataset": "tiny", "name": "a\x00b"}, "body.name", "pattern"),
        ({"dataset": "tiny", "name": "x" * 201}, "body.name", "at most 200 characters"),
        ({"dataset": "tiny", "runId": "mine"}, "body.runId", "it is no key of it; /openapi.json lists"),
        ({"dataset": "tiny", "model": ["good"]}, "body.model", "it is no key of it; did you mean 'models'?"),
        ({"dataset": "tiny", "design": {"fold": 3}}, "body.design.fold", "did you mean 'folds'?"),
        (
            {"dataset": "tiny", "folds": 3},
            "body.folds",
            "is no key of it, but of design: write `design: {fol",
        ),
        ({"dataset": "tiny", "race": True}, "body.race", "say how many, such as `design.folds: 5`"),
        (
            {"dataset": "tiny", "threshold": "no"},
            "body.threshold",
            "it is 'no': input should be a valid number",
        ),
        ({"dataset": "tiny", "design": {"group": "whom"}}, "body.design.group", "no column 'whom'"),
    ],
)
def test_a_wrong_body_is_refused_with_the_field_that_is_to_blame(
    place: Place, body: dict[str, Any], field: str, said: str
) -> None:
    before = len(run_rows.page(place.project.engine, limit=1000))
    answer = place.api.ask("POST", EVALUATIONS, json=body)

    assert answer.status_code == 422
    [(blamed, message)] = errors(answer)
    assert (blamed, said in message) == (field, True), message
    assert len(run_rows.page(place.project.engine, limit=1000)) == before


_NOBODY = "00000000-0000-4000-8000-000000000000"
_JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("asked", "given", "status", "field"),
    [
        ("GET /nowhere", {}, 404, "path"),
        (f"GET {EVALUATIONS}/", {}, 404, "path"),
        (f"PUT {EVALUATIONS}", {}, 405, "method"),
        (f"GET {EVALUATIONS}/{_NOBODY}", {}, 404, "path.id"),
        (f"GET {EVALUATIONS}/{_NOBODY}/results", {}, 404, "path.id"),
        (f"GET {EVALUATIONS}/{_NOBODY}/events", {}, 404, "path.id"),
        (f"DELETE {EVALUATIONS}/{_NOBODY}", {}, 404, "path.id"),
        (f"POST {EVALUATIONS}/{_NOBODY}/retry", {}, 404, "path.id"),
        (f"GET {EVALUATIONS}/mine", {}, 422, "path.id"),
        (f"GET {EVALUATIONS}?limit=201", {}, 422, "query.limit"),
        (f"GET {EVALUATIONS}?cursor=abc", {}, 422, "query.cursor"),
        (f"GET {EVALUATIONS}?cursor={'_' * 48}", {}, 422, "query.cursor"),
        (f"GET {EVALUATIONS}?cursor={'%C3%BC' * 48}", {}, 422, "query.cursor"),
        (
            f"GET {EVALUATIONS}?cursor={cursor_after(_NOBODY)}",
            {},
            422,
            "query.cursor",
        ),
        (f"GET {EVALUATIONS}?state=done", {}, 422, "query.state"),
        (f"GET {EVALUATIONS}?stat=queued", {}, 422, "query.stat"),
        (f"GET {EVALUATIONS}?name=%00", {}, 422, "query.name"),
        ("GET /api/ml/models/nobody", {}, 404, "path.id"),
        (f"POST {EVALUATIONS}", {"content": b"{", "headers": _JSON}, 400, "body"),
        (f"POST {EVALUATIONS}", {"content": b"", "headers": _JSON}, 422, "body"),
        (f"POST {EVALUATIONS}", {"content": b"[]", "headers": _JSON}, 422, "body"),
        (f"POST {EVALUATIONS}", {"content": b'{"dataset": "\xff"}', "headers": _JSON}, 400, "body"),
        (f"POST {EVALUATIONS}", {"content": b"[" * 100_000, "headers": _JSON}, 400, "body"),
        (f"POST {EVALUATIONS}", {"content": b"9" * 10_000, "headers": _JSON}, 400, "body"),
        (f"POST {EVALUATIONS}", {"data": {"dataset": "tiny"}}, 415, "header.Content-Type"),
        (f"POST {EVALUATIONS}", {"content": b" " * 300_000, "headers": _JSON}, 413, "body"),
        (f"POST {EVALUATIONS}", {"content": iter([b" " * 200_000] * 2), "headers": _JSON}, 413, "body"),
    ],
)
def test_every_error_is_a_problem_with_its_field(
    place: Place, asked: str, given: dict[str, Any], status: int, field: str
) -> None:
    answer = place.api.ask(*asked.split(), **given)

    assert answer.status_code == status
    assert [blamed for blamed, _ in errors(answer)] == [field]


def test_a_wrong_id_and_a_candidate_that_is_not_there_are_told_at_their_places(place: Place) -> None:
    run = place.api.started("good")
    place.api.wait_for_end(run)
    [(blamed, message)] = errors(place.api.ask("GET", f"{EVALUATIONS}/{run[:8]}"))
    assert (blamed, "give it in full" in message) == ("path.id", True)
    [(blamed, message)] = errors(place.api.ask("GET", f"{EVALUATIONS}/{run}/rows?model=godo"))
    assert (blamed, "no result of 'godo'" in message) == ("query.model", True)


_LONG = "x" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        {"dataset": _LONG},
        {"dataset": "tiny", "models": [_LONG]},
        {"dataset": "tiny", "metrics": [_LONG]},
        {"dataset": "tiny", "metrics": [f"{_LONG}:f"]},
        {"dataset": "tiny", "target": _LONG},
        {"dataset": "tiny", "positiveLabel": _LONG},
        {"dataset": "tiny", "save": _LONG},
        {"dataset": "tiny", "saveAs": _LONG},
        {"dataset": "tiny", _LONG: 1},
        {"dataset": "tiny", **{f"{number}": 1 for number in range(10_000)}},
    ],
    ids=lambda body: "-".join(key[:9] for key in list(body)[:2]),
)
def test_an_error_quotes_no_more_of_the_request_than_a_person_reads(
    place: Place, body: dict[str, Any]
) -> None:
    answer = place.api.ask("POST", EVALUATIONS, json=body)

    assert answer.status_code == 422
    assert 1 <= len(errors(answer)) <= 20
    assert len(answer.content) < 5000


_JOBS = "SELECT id FROM evaluation_jobs WHERE run_id = :run"


def test_a_fault_of_ours_shows_an_id_that_stands_in_the_log_with_the_traceback(place: Place) -> None:
    run_id = place.api.started("good")
    place.api.wait_for_end(run_id)
    with writing(place.project.engine) as connection:
        spoilt = (
            all_tables.runs.update().where(all_tables.runs.c.id == run_id).values(rules={"metrics": "f1"})
        )
        connection.execute(spoilt)
    answer = place.api.ask("GET", f"{EVALUATIONS}/{run_id}")

    assert (answer.status_code, errors(answer)) == (500, [])
    incident = answer.json()["incident"]
    wait_for(lambda: incident in place.api.log, "the incident in the log")
    [line] = [json.loads(line) for line in place.api.log.splitlines() if incident in line]
    assert line["message"] == f"incident {incident} at {EVALUATIONS}/{run_id}"
    assert line["traceback"].startswith("Traceback ")
    assert "KeyError" in line["traceback"]
    with writing(place.project.engine) as connection:
        connection.execute(text("DELETE FROM evaluation_results WHERE run_id = :run"), {"run": run_id})
        for table in ("provenances", "sketches"):
            of_jobs = text(f"DELETE FROM {table} WHERE evaluation_id IN ({_JOBS})")
            connection.execute(of_jobs, {"run": run_id})
        connection.execute(text("DELETE FROM verdicts WHERE run_id = :run"), {"run": run_id})
        connection.execute(text("DELETE FROM evaluation_jobs WHERE run_id = :run"), {"run": run_id})
        connection.execute(text("DELETE FROM evaluation_runs WHERE id = :run"), {"run": run_id})


def test_without_a_broker_a_run_is_started_and_waits() -> None:
    with (
        a_project(CANDIDATES) as project,
        an_api(project, BAKEOFF_BROKER_URL="redis://127.0.0.1:1") as api,
    ):
        run_id = api.started("good")

        assert run_progress_rows.of_run(project.engine, run_id).jobs[0].state == "queued"
        assert api.get("/health/ready") == {"ready": True}
        health = api.get("/health")
        assert (health["broker"]["reachable"], health["jobs"]["queued"]) == (False, 1)
