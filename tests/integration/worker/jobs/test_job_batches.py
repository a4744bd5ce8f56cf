"""Short jobs that share a doorbell: many jobs to a message, and still nobody can tell them from others."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from fixtures.projects.kitchen import is_alive
from fixtures.projects.large import start_large_run
from fixtures.projects.project import Project, Worker, a_project, celery_app, wait_for


@contextmanager
def a_waiting_project() -> Iterator[Project]:
    """One slot: of three jobs the first two have a doorbell, and the third is taken along."""
    with a_project({}, evalWorkers=1, leaseSeconds=600) as project:
        gate = str(project.gate("open"))
        project.write_catalog(
            {"good": {"path": "Means"}, "better": {"path": "Means"}, "waits": {"params": {"gate": gate}}}
        )
        yield project


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with a_waiting_project() as project:
        yield project


@pytest.fixture(scope="module")
def worker(project: Project) -> Iterator[Worker]:
    with project.worker() as worker:
        yield worker


def test_short_jobs_have_fewer_messages_than_there_are_jobs_and_each_its_own_line_and_attempt(
    project: Project, worker: Worker
) -> None:
    run_id = start_large_run(project, project.run("good", name="many"), 30)
    assert project.wait_for_end(run_id) == "completed"
    jobs = project.jobs(run_id)
    wait_for(lambda: all(f"{model} in many" in worker.log for model in jobs), "the last line")

    assert {job.attempt for job in jobs.values()} == {1}
    assert sum("succeeded in" in line for line in worker.log.splitlines() if "in many" in line) < 31


def start_with_one_taken_along(project: Project) -> tuple[str, str]:
    """The run, and the id of the task that is at the third job, as Celery knows it.

    How long they took before is forgotten, since the longest would go first. On a machine that is very busy
    the first job may not be short: then once more.
    """
    while True:
        project.forget()
        project.gate("open").unlink(missing_ok=True)
        run_id = project.start("good", "better", "waits", name="shown")
        project.wait_until_fitting(run_id, "waits")
        [active] = wait_for(celery_app().control.inspect(timeout=5, limit=1).active, "an answer")["eval@here"]
        if active["kwargs"] == {"jobId": project.job(run_id, "good").id}:
            return run_id, active["id"]
        project.gate("open").touch()
        project.wait_for_end(run_id)


@contextmanager
def following(seen: list[dict[str, Any]]) -> Iterator[None]:
    """What Flower hears goes into the list, until the end."""
    with celery_app().connection_for_read() as connection:
        receiver = celery_app().events.Receiver(connection, handlers={"*": seen.append})
        listening = Thread(target=receiver.capture, daemon=True)
        listening.start()
        wait_for(lambda: seen, "a heartbeat")
        yield
        receiver.should_stop = True
        listening.join()


def test_a_job_that_is_taken_along_and_takes_long_is_shown_under_its_own_name(
    project: Project, worker: Worker
) -> None:
    seen: list[dict[str, Any]] = []
    with following(seen):
        run_id, task_id = start_with_one_taken_along(project)
        shown = wait_for(lambda: names(seen, task_id)[1:], "its name")
        project.gate("open").touch()
        assert project.wait_for_end(run_id) == "completed"

    assert shown == ["(run=shown, model=waits)"]
    assert names(seen, task_id) == ["(run=shown, model=good)", "(run=shown, model=waits)"]


def names(seen: list[dict[str, Any]], task_id: str) -> list[str]:
    return [event["args"] for event in seen if event["type"] == "task-received" and event["uuid"] == task_id]


def test_a_revoke_cancels_the_job_that_the_task_is_at(project: Project, worker: Worker) -> None:
    run_id, task_id = start_with_one_taken_along(project)
    cell = project.wait_until_fitting(run_id, "waits")
    celery_app().control.revoke(task_id, terminate=True)

    assert project.wait_for_end(run_id) == "cancelled"
    assert project.states(run_id) == {"good": "completed", "better": "completed", "waits": "cancelled"}
    assert not is_alive(cell)
    assert project.state(project.run("good")) == "completed"


def test_a_worker_that_stops_puts_back_the_job_that_was_taken_along() -> None:
    with a_waiting_project() as project, project.worker() as worker:
        run_id, _ = start_with_one_taken_along(project)
        worker.signal(signal.SIGTERM)
        worker.process.wait(30)

        waits = project.job(run_id, "waits")
        assert (waits.state, waits.attempt) == ("queued", 0)
