"""A worker that is told to stop gives its jobs back; what was begun is finished by the next one."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.projects.kitchen import is_alive
from fixtures.projects.project import DEADLINE_S, Project, a_project, celery_app, wait_for

SERVE = """
from bakeoff.settings.configuration import load
from bakeoff.worker import run_celery_nodes

run_celery_nodes.serve(load())
"""


@pytest.fixture
def project() -> Iterator[Project]:
    with a_project({"good": {"path": "Means"}}) as project:
        gate = str(project.gate("open"))
        project.write_catalog({"good": {"path": "Means"}, "waits": {"params": {"gate": gate}}})
        yield project


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_stopping_worker_puts_its_jobs_back_without_an_attempt_spent(project: Project, number: int) -> None:
    with project.worker() as worker:
        run_id = project.start("waits", "good")
        cell = project.wait_until_fitting(run_id, "waits")
        worker.signal(number)
        worker.process.wait(DEADLINE_S)

        assert not is_alive(cell)
        waits = project.job(run_id, "waits")
        assert (waits.state, waits.attempt) == ("queued", 0)
    with project.worker():
        project.gate("open").touch()
        assert project.wait_for_end(run_id) == "completed"
    assert [job.attempt for job in project.jobs(run_id).values()] == [1, 1]


def test_a_job_that_ends_within_the_grace_is_not_put_back(project: Project) -> None:
    with project.worker(BAKEOFF_SHUTDOWN_GRACE="60") as worker:
        run_id = project.start("waits")
        project.wait_until_fitting(run_id, "waits")
        worker.signal(signal.SIGTERM)
        wait_for(lambda: "Warm shutdown" in worker.log, "the beginning of its end")
        project.gate("open").touch()
        worker.process.wait(DEADLINE_S)

        assert project.state(run_id) == "completed"
        assert "waits in" in worker.log


def start_of(pid: int) -> bytes:
    """What the kernel says to a program at its start: chance numbers, which a fork has of its parent."""
    return Path(f"/proc/{pid}/auxv").read_bytes()


def test_both_nodes_are_forked_and_serve_until_they_are_told_to_stop(project: Project) -> None:
    with project.launch(sys.executable, "-c", SERVE) as nodes:
        wait_for(lambda: nodes.log.count(" ready.") == 2, "the start of both nodes")
        assert [start_of(node) for node in nodes.pool] == [start_of(nodes.process.pid)] * 2
        [evaluating] = wait_for(lambda: project.context.messenger.queue_readers()["evaluations"], "a reader")
        [controlling] = wait_for(lambda: project.context.messenger.queue_readers()["control"], "a reader")
        assert evaluating != controlling
        run_id = project.start("waits", "good")
        cell = project.wait_until_fitting(run_id, "waits")
        nodes.signal(signal.SIGTERM)
        assert nodes.process.wait(DEADLINE_S) == 0

        assert not is_alive(cell)
        assert project.job(run_id, "waits").state == "queued"


def test_a_node_that_was_killed_is_started_again(project: Project) -> None:
    with project.launch(sys.executable, "-c", SERVE) as nodes:
        wait_for(lambda: nodes.log.count(" ready.") == 2, "the start of both nodes")
        for node in nodes.pool:
            os.kill(node, signal.SIGKILL)
        wait_for(lambda: nodes.log.count(" ready.") == 4, "the next start of both nodes")

        assert project.wait_for_end(project.start("good")) == "completed"


def test_a_second_signal_leaves_no_grace(project: Project) -> None:
    with project.launch(sys.executable, "-c", SERVE, BAKEOFF_SHUTDOWN_GRACE="600") as nodes:
        wait_for(lambda: nodes.log.count(" ready.") == 2, "the start of both nodes")
        run_id = project.start("waits")
        project.wait_until_fitting(run_id, "waits")
        nodes.signal(signal.SIGTERM)
        wait_for(lambda: nodes.log.count("Warm shutdown") == 2, "the beginning of their end")
        nodes.signal(signal.SIGTERM)
        asked_at = time.monotonic()
        nodes.process.wait(60)

        assert time.monotonic() - asked_at < 30
        waits = project.job(run_id, "waits")
        assert (waits.state, waits.attempt) == ("queued", 0)


def test_the_worker_that_a_person_started_reads_as_many_at_once_as_the_settings_say(project: Project) -> None:
    with project.worker(BAKEOFF_EVAL_WORKERS="3"):
        stats = wait_for(celery_app().control.inspect(timeout=2, limit=1).stats, "an answer")["eval@here"]

        assert stats["pool"]["max-concurrency"] == 3
