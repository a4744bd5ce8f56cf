"""One worker serves strangers' candidates of every kind, and goes on as if nothing had happened."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from celery.result import AsyncResult
from fixtures.projects.kitchen import is_alive
from fixtures.projects.project import Project, Worker, a_project, celery_app, wait_for
from fixtures.servers import warm

from bakeoff.domain.ids_and_times import new_id
from bakeoff.store.bakeoffs.queue.queue_order import next_jobs

CANDIDATES: Mapping[str, Mapping[str, Any]] = {
    "good": {"path": "Means"},
    "better": {"path": "Means", "params": {"spread": 0.1}},
    "sleeps": {},
    "slow": {"path": "Sleeps", "timeout": 1},
    "raises": {},
    "late": {"path": "RaisesLate"},
    "exits": {},
    "leaves": {},
    "crashes": {},
    "kills": {"path": "KillsItself"},
    "short": {},
}
STRANGE = [name for name in CANDIDATES if name not in {"good", "better", "sleeps"}]


@dataclass(frozen=True)
class Place:
    project: Project
    worker: Worker


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with a_project(CANDIDATES) as project, project.worker() as worker:
        yield Place(project, worker)
        assert not worker.has_ended()
        assert "Traceback" not in worker.log


@pytest.fixture(scope="module")
def strange_run(place: Place) -> str:
    """All the strange ones, with a good one before and after them."""
    return place.project.run("good", *STRANGE, "better")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("raises", ("failed", "fit", "ValueError", "no such luck", "")),
        ("late", ("failed", "predict", "KeyError", "'column'", "")),
        ("exits", ("failed", "fit", "SystemExit", "3", "")),
        ("leaves", ("failed", "fit", "Exit", "it left with exit code 7", "It must return")),
        ("crashes", ("failed", "fit", "SIGSEGV", "it was ended by SIGSEGV", "A compiled library crashed")),
        (
            "kills",
            ("failed", "fit", "Killed", "killed 3 times by SIGKILL, out of memory?", "lower evalWorkers"),
        ),
        ("slow", ("timed_out", "fit", "Timeout", "it ran longer than 1 seconds", "Raise its timeout")),
        ("short", ("failed", "predict", "BadPredictions", "19", "")),
    ],
)
def test_each_way_to_fail_is_told_with_phase_message_and_hint(
    place: Place, strange_run: str, model: str, expected: tuple[str, str, str, str, str]
) -> None:
    state, phase, kind, message, hint = expected
    job = place.project.job(strange_run, model)

    assert (job.state, job.attempt) == (state, 3 if model == "kills" else 1)
    assert job.error is not None
    assert (job.error.phase, job.error.type) == (phase, kind)
    assert message in job.error.message
    assert hint in job.error.hint


def test_neighbours_of_strange_candidates_have_the_metrics_they_have_alone(
    place: Place, strange_run: str
) -> None:
    alone = place.project.run("good", "better")

    assert place.project.metrics(strange_run) == place.project.metrics(alone)
    assert place.project.metrics(alone)["good"] != place.project.metrics(alone)["better"]
    assert place.project.state(strange_run) == "partial"


def test_a_run_sends_as_many_messages_as_it_has_candidates_with_ids_alone(place: Place) -> None:
    celery_app().control.broadcast("cancel_consumer", {"queue": "evaluations"}, reply=True)
    try:
        run_id = place.project.start("good", "better", "raises", name="look")
        found = [json.loads(body) for body in place.project.redis.lrange("evaluations", 0, -1)]
    finally:
        celery_app().control.broadcast("add_consumer", {"queue": "evaluations"}, reply=True)
    place.project.wait_for_end(run_id)

    ids = {job.id for job in place.project.jobs(run_id).values()}
    bodies = [body for body in found if json.loads(_decoded(body))[1]["jobId"] in ids]
    sent = [body["headers"] for body in bodies]
    payloads = [json.loads(_decoded(body)) for body in bodies]
    assert [body["content-type"] for body in bodies] == ["application/json"] * 3
    assert {kwargs["jobId"] for _, kwargs, _ in payloads} == ids
    assert [(args, list(kwargs)) for args, kwargs, _ in payloads] == [([], ["jobId"])] * 3
    assert {header["argsrepr"] for header in sent} == {
        "(run=look, model=good)",
        "(run=look, model=better)",
        "(run=look, model=raises)",
    }
    assert {header["task"] for header in sent} == {"bakeoff.evaluate"}


def _decoded(body: dict[str, str]) -> bytes:
    return base64.b64decode(body["body"])


def test_celery_s_own_tools_see_the_worker(place: Place) -> None:
    inspect = celery_app().control.inspect(timeout=5, limit=1)

    stats = wait_for(inspect.stats, "an answer")["eval@here"]
    assert stats["pool"]["max-concurrency"] == 2
    assert [queue["name"] for queue in wait_for(inspect.active_queues)["eval@here"]] == ["evaluations"]
    assert wait_for(lambda: place.project.context.messenger.queue_readers()["evaluations"]) == ["eval@here"]
    assert wait_for(place.project.context.messenger.evaluations_are_read)


def test_the_events_that_flower_follows_are_sent(place: Place) -> None:
    seen: list[tuple[str, str | None]] = []
    with celery_app().connection_for_read() as connection:
        receiver = celery_app().events.Receiver(
            connection, handlers={"*": lambda event: seen.append((event["type"], event.get("args")))}
        )
        receiver.consume = receiver.itercapture(limit=None, timeout=30)
        run_id = None
        for _ in receiver.consume:
            run_id = run_id or place.project.start("good", name="followed")
            if any(kind == "task-succeeded" for kind, _ in seen):  # others may come with it
                break

    assert ("task-received", "(run=followed, model=good)") in seen
    assert {"task-sent", "task-started", "task-succeeded"} <= {kind for kind, _ in seen}


def test_one_line_in_the_log_says_how_a_job_ended(place: Place) -> None:
    run_id = place.project.run("raises", name="told")
    wait_for(lambda: "raises in told" in place.worker.log, "the line")

    lines = [line for line in place.worker.log.splitlines() if "told" in line]
    assert len(lines) == 1
    assert "raises in told: failed, ValueError: no such luck" in lines[0]
    assert place.project.state(run_id) == "failed"


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        ([], {"jobId": "nonsense"}, "'nonsense' is not an id: expected a UUID"),
        ([], {"jobId": 7}, "7 is not an id"),
        ([], {}, "None is not an id"),
        (["x", 1], {"job_id": "y"}, "None is not an id"),
        ([], {"jobId": "00000000-0000-4000-8000-000000000000"}, "there is no such job"),
    ],
)
def test_a_made_up_doorbell_is_refused_with_a_reason_and_changes_nothing(
    place: Place, args: list[object], kwargs: dict[str, object], said: str
) -> None:
    sent = celery_app().send_task("bakeoff.evaluate", args, kwargs)
    line = _line_about(place.worker, sent)

    assert said in line
    assert place.project.run("good")


def _line_about(worker: Worker, sent: AsyncResult) -> str:
    return wait_for(lambda: next((line for line in worker.log.splitlines() if sent.id in line), ""), "a word")


def test_doorbells_rung_again_and_again_give_one_result_and_one_attempt(place: Place) -> None:
    run_id = place.project.start("good", "better")
    for _ in range(5):
        place.project.context.messenger.send_doorbells(next_jobs(place.project.engine, limit=2))
    place.project.wait_for_end(run_id)
    late = [place.project.job(run_id, model).id for model in ("good", "better")]
    sent = [celery_app().send_task("bakeoff.evaluate", kwargs={"jobId": job_id}) for job_id in late]

    assert all("it has ended already" in _line_about(place.worker, one) for one in sent)
    assert [job.attempt for job in place.project.jobs(run_id).values()] == [1, 1]
    assert set(place.project.results(run_id)) == {"good", "better"}


def test_a_revoked_message_cancels_its_job(place: Place) -> None:
    task_id = new_id()
    celery_app().control.revoke(task_id)
    celery_app().control.broadcast("cancel_consumer", {"queue": "evaluations"}, reply=True)
    run_id = place.project.start("sleeps")
    place.project.redis.delete("evaluations")
    job_id = place.project.job(run_id, "sleeps").id
    celery_app().send_task("bakeoff.evaluate", kwargs={"jobId": job_id}, task_id=task_id)
    celery_app().control.broadcast("add_consumer", {"queue": "evaluations"}, reply=True)

    assert place.project.wait_for_end(run_id) == "cancelled"
    assert place.project.job(run_id, "sleeps").attempt == 0


def test_a_revoke_with_terminate_cancels_the_running_job_and_frees_its_slot(place: Place) -> None:
    run_id = place.project.start("sleeps")
    cell = place.project.wait_until_fitting(run_id, "sleeps")
    [task] = wait_for(celery_app().control.inspect(timeout=5, limit=1).active)["eval@here"]
    celery_app().control.revoke(task["id"], terminate=True)

    assert place.project.wait_for_end(run_id) == "cancelled"
    assert place.project.state(place.project.run("good", "better")) == "completed"
    assert not is_alive(cell)


@pytest.mark.parametrize(
    ("preload", "there"),
    [([], "pandas"), (["sklearn"], "pandas sklearn.tree"), (["wave"], "pandas wave")],
)
def test_a_cell_has_in_memory_what_preload_names(preload: list[str], there: str) -> None:
    with warm.children_by_exec(), a_project({"looks": {}}, preload=preload) as project, project.worker():
        run_id = project.run("looks")

        assert project.log(run_id, "looks") == f"there: {there}\n"
