"""Starting runs, trying them again, and what the world is told of them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from fixtures.projects.project import Project, Worker, a_project, celery_app, wait_for
from sqlalchemy import func, select

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.event import Event
from bakeoff.domain.ids_and_times import new_id
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.operations.context import Context
from bakeoff.operations.doorbells import sweep, why_nothing_runs
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import outbox, run_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import reading
from tasks import enqueue
from tasks.celery import messenger_for

CANDIDATES: Mapping[str, Mapping[str, Any]] = {
    "good": {"path": "Means"},
    "better": {"path": "Means", "params": {"spread": 0.1}},
    "raises": {},
}


@dataclass(frozen=True)
class Place:
    project: Project
    worker: Worker


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """With one worker for both queues, as nobody should have it who has long evaluations."""
    with a_project(CANDIDATES) as project, project.worker("-Q", "evaluations,control") as worker:
        yield Place(project, worker)
        assert not worker.has_ended()
        assert "Traceback" not in worker.log


def told(events: list[Event], project: Project, run_id: str) -> list[str]:
    names = {job.id: model for model, job in project.jobs(run_id).items()}
    return [
        f"{event.type} {names.get(event.payload.get('evaluationId', ''), '')}".strip() for event in events
    ]


def number_of_runs(project: Project) -> int:
    with reading(project.engine) as connection:
        return connection.execute(select(func.count()).select_from(all_tables.runs)).scalar_one()


def test_each_change_is_told_once_and_in_order(place: Place) -> None:
    run_id = place.project.run("good", "raises", "better")
    events = place.project.wait_for_events(run_id)

    said = told(events, place.project, run_id)
    assert sorted(said) == [
        "evaluation.completed better",
        "evaluation.completed good",
        "evaluation.failed raises",
        "evaluation.started better",
        "evaluation.started good",
        "evaluation.started raises",
        "run.completed",
    ]
    assert said[-1] == "run.completed"
    for model, end in (("good", "completed"), ("better", "completed"), ("raises", "failed")):
        assert said.index(f"evaluation.started {model}") < said.index(f"evaluation.{end} {model}")
    assert len({event.id for event in events}) == 7
    assert [event.occurred_at for event in events] == sorted(event.occurred_at for event in events)
    assert events[-1].payload["status"] == "partial"
    assert events[-1].payload["jobs"] == {"completed": 2, "failed": 1}


def test_a_retry_takes_over_what_had_completed_and_runs_the_rest_again(place: Place) -> None:
    before = place.project.run("good", "raises", name="again", priority=3)
    after = enqueue.retry(before)
    place.project.wait_for_end(after)

    old, new = place.project.results(before)["good"], place.project.results(after)["good"]
    assert (new.reused_from, new.metrics, new.attempt) == (old.evaluation_id, old.metrics, 0)
    assert new.evaluation_id != old.evaluation_id
    assert {model: job.attempt for model, job in place.project.jobs(after).items()} == {
        "good": 0,
        "raises": 1,
    }
    run = run_rows.get(place.project.engine, after)
    assert (run.retry_of, run.name, run.priority, run.state) == (before, "again", 3, "partial")
    assert told(place.project.wait_for_events(after), place.project, after) == [
        "evaluation.completed good",
        "evaluation.started raises",
        "evaluation.failed raises",
        "run.completed",
    ]


def test_what_was_taken_over_twice_names_the_evaluation_that_was_run(place: Place) -> None:
    first = place.project.run("good", "raises")
    second = enqueue.retry(first)
    place.project.wait_for_end(second)
    third = enqueue.retry(second)
    place.project.wait_for_end(third)

    origin = place.project.results(first)["good"].evaluation_id
    assert place.project.results(third)["good"].reused_from == origin


def test_the_same_id_twice_is_one_run(place: Place) -> None:
    run_id = new_id()
    number = number_of_runs(place.project)

    assert place.project.run("good", run_id=run_id) == run_id
    assert place.project.start("good", "better", run_id=run_id.upper()) == run_id
    assert number_of_runs(place.project) == number + 1
    assert list(place.project.states(run_id)) == ["good"]


def test_another_service_starts_a_run_by_the_name_of_the_task(place: Place) -> None:
    run_id = new_id()
    payload = {"dataset": "tiny", "models": ["good"], "runId": run_id, "testSize": 0.5, "name": "theirs"}
    for _ in range(3):
        celery_app().send_task("bakeoff.start_run", kwargs=payload)
    wait_for(lambda: run_rows.exists(place.project.engine, run_id), "the run")
    place.project.wait_for_end(run_id)
    wait_for(lambda: place.worker.log.count(f"'{run_id}'") == 3, "three answers")

    run = run_rows.get(place.project.engine, run_id)
    assert (run.state, run.name, run.test_size, run.baseline_id) == ("completed", "theirs", 0.5, "dummy")
    assert list(place.project.states(run_id)) == ["dummy", "good"]


def test_a_request_without_an_id_has_that_of_its_message_and_delivered_twice_is_one_run(place: Place) -> None:
    message_id, number = new_id(), number_of_runs(place.project)
    for _ in range(2):
        celery_app().send_task(
            "bakeoff.start_run", kwargs={"dataset": "tiny", "models": ["good"]}, task_id=message_id
        )
    wait_for(lambda: place.worker.log.count(f"'{message_id}'") == 2, "two answers")

    place.project.wait_for_end(message_id)
    assert number_of_runs(place.project) == number + 1


def test_a_request_whose_message_has_an_id_that_is_no_uuid_makes_a_run_all_the_same(place: Place) -> None:
    number = number_of_runs(place.project)
    payload = {"dataset": "tiny", "models": ["good"], "runId": None}
    celery_app().send_task("bakeoff.start_run", kwargs=payload, task_id="order 17")

    wait_for(lambda: number_of_runs(place.project) == number + 1, "the run")


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"*": ["tiny"]}, "is given by name, as `kwargs`, and not as `args`"),
        ({}, "this is no request for a run: dataset is missing"),
        ({"dataset": "tiny", "model": ["good"]}, "model is no key of it"),
        ({"dataset": "tyni"}, "there is no dataset 'tyni' in the configuration; did you mean 'tiny'?"),
        ({"dataset": "tiny", "models": ["godo"]}, "there is no candidate 'godo'"),
        ({"dataset": "tiny", "runId": "mine"}, "'mine' is not an id: expected a UUID"),
    ],
)
def test_a_bad_request_is_refused_in_one_line_and_makes_no_run(
    place: Place, payload: dict[str, Any], said: str
) -> None:
    number = number_of_runs(place.project)
    nameless = payload.pop("*", ())
    sent = celery_app().send_task("bakeoff.start_run", args=nameless, kwargs=payload)
    wait_for(lambda: sent.id in place.worker.log, "its answer")
    lines = [json.loads(line) for line in place.worker.log.splitlines() if line.startswith("{")]
    answer = next(n for n, line in enumerate(lines) if sent.id in line["message"])
    warning = next(
        line for line in lines[answer::-1] if line["logger"] == "tasks.start_sweep_and_score_tasks"
    )

    assert said in lines[answer]["message"]
    assert (warning["level"], said in warning["message"]) == ("warning", True)
    assert warning.get("runId") == payload.get("runId")
    assert number_of_runs(place.project) == number


def test_a_run_that_goes_on_is_not_retried(place: Place) -> None:
    celery_app().control.broadcast("cancel_consumer", {"queue": "evaluations"}, reply=True)
    try:
        run_id = place.project.start("good")
        with pytest.raises(InvalidInputError, match=f"run {run_id} is queued: wait for its end"):
            enqueue.retry(run_id)
        assert (
            why_nothing_runs(place.project.context, [run_id])
            == "no worker reads the queue evaluations: start one with `bakeoff worker`"
        )
        with pytest.raises(TimeoutError, match=r"is still queued after 0\.3 s: no worker reads"):
            enqueue.wait(run_id, timeout_s=0.3)
    finally:
        celery_app().control.broadcast("add_consumer", {"queue": "evaluations"}, reply=True)
    assert enqueue.wait(run_id, timeout_s=60) == "completed"


def test_results_are_a_frame_with_the_best_first(place: Place) -> None:
    run_id = place.project.run("good", "better", metrics=["accuracy", "f1"])
    frame = enqueue.results(run_id)

    assert list(frame["rank"]) == [1, 2]
    assert list(frame["accuracy"]) == sorted(frame["accuracy"], reverse=True)
    assert set(frame["modelId"]) == {"good", "better"}


def test_without_a_broker_a_run_is_kept_and_told_later() -> None:
    """Starting it takes no longer than anybody would wait."""
    with a_project(CANDIDATES) as project:
        away = load(project.file, overrides={"brokerUrl": "redis://localhost:1"}, environment={})
        without_broker = Context(away, messenger_for)
        request = RunRequest(dataset="tiny", models=["good"], baseline=False, fresh=True)
        run_id = enqueue.start_run(request, context=without_broker)

        assert project.states(run_id) == {"good": "queued"}
        assert without_broker.event_relay.publish_pending() == 0
        assert sweep(without_broker).rung == 0
        with project.worker():
            assert project.wait_for_end(run_id) == "completed"
            events = project.wait_for_events(run_id)
        assert told(events, project, run_id) == [
            "evaluation.started good",
            "evaluation.completed good",
            "run.completed",
        ]
        assert not outbox.is_anything_pending(project.engine)
