"""Whatever is killed, the run ends, each job has one result, and nothing is left behind."""

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta

import psutil
import pytest
from fixtures.projects.kitchen import is_alive
from fixtures.projects.project import Project, Worker, a_project, celery_app, wait_for
from sqlalchemy import select

from bakeoff.broker import redis_keeper
from bakeoff.operations.doorbells import sweep
from bakeoff.store.bakeoffs import cancellation
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import reading, writing

LEASE_S = 2
LOAD_S = 20  #: what a busy machine may add


LONG_S = 30  #: a lease that nobody may wait for


@pytest.fixture
def project() -> Iterator[Project]:
    yield from _a_project(LEASE_S)


@pytest.fixture
def patient() -> Iterator[Project]:
    yield from _a_project(LONG_S)


def _a_project(lease_s: int) -> Iterator[Project]:
    with a_project({}, leaseSeconds=lease_s) as project:
        gate = str(project.gate("open"))
        project.write_catalog(
            {
                "good": {"path": "Means"},
                "waits": {"params": {"gate": gate}},
                "other": {"path": "Waits", "params": {"gate": gate}},
                "sleeps": {},
            }
        )
        yield project


def kill_cell(worker: Worker, cell: int) -> None:
    os.kill(cell, signal.SIGKILL)


def kill_warm_parent(worker: Worker, cell: int) -> None:
    os.kill(psutil.Process(cell).ppid(), signal.SIGKILL)


def kill_oven(worker: Worker, cell: int) -> None:
    assert worker.oven is not None
    os.kill(worker.oven, signal.SIGKILL)


def kill_pool(worker: Worker, cell: int) -> None:
    for supervisor in worker.pool:
        os.kill(supervisor, signal.SIGKILL)


@pytest.mark.parametrize("kill", [kill_cell, kill_warm_parent, kill_oven, kill_pool])
def test_a_job_is_taken_again_soon_after_something_below_the_worker_was_killed(
    project: Project, kill: Callable[[Worker, int], None]
) -> None:
    with project.worker() as worker:
        run_id = project.start("waits", "good", "other")
        cell = project.wait_until_fitting(run_id, "waits")
        project.wait_until_fitting(run_id, "other")
        kill(worker, cell)
        killed_at = time.monotonic()
        project.wait_until_fitting(run_id, "waits", times=2)
        took_s = time.monotonic() - killed_at
        project.gate("open").touch()

        assert project.wait_for_end(run_id) == "completed"
        assert set(project.results(run_id)) == {"waits", "good", "other"}
        assert project.job(run_id, "waits").attempt == 2
        assert project.job(run_id, "good").attempt == 1
        assert not is_alive(cell)
        assert took_s < 2 * LEASE_S + LOAD_S
        assert not worker.has_ended()


@pytest.mark.parametrize("kill", [kill_cell, kill_warm_parent, kill_oven])
def test_what_died_below_a_supervisor_is_noticed_long_before_its_lease_ends(
    patient: Project, kill: Callable[[Worker, int], None]
) -> None:
    with patient.worker() as worker:
        run_id = patient.start("waits")
        cell = patient.wait_until_fitting(run_id, "waits")
        kill(worker, cell)
        killed_at = time.monotonic()
        patient.wait_until_fitting(run_id, "waits", times=2)

        assert time.monotonic() - killed_at < LOAD_S
        patient.gate("open").touch()
        assert patient.wait_for_end(run_id) == "completed"


def test_what_redis_forgot_is_rung_again_by_the_next_sweep(patient: Project) -> None:
    """Which comes three times in a lease. Nobody has ended a job meanwhile, and so rung by the way."""
    with patient.worker("-c", "1", "-n", "one@here"):
        celery_app().control.broadcast("cancel_consumer", {"queue": "evaluations"}, reply=True)
        run_id = patient.start("good")
        patient.redis.flushall()
        celery_app().control.broadcast("add_consumer", {"queue": "evaluations"}, reply=True)
        wiped_at = time.monotonic()

        assert patient.wait_for_end(run_id) == "completed"
        assert time.monotonic() - wiped_at < LONG_S / 3 + LOAD_S
        assert patient.job(run_id, "good").attempt == 1


def test_a_worker_that_takes_no_evaluations_sweeps_as_well(project: Project) -> None:
    with project.worker() as worker:
        run_id = project.start("waits")
        project.wait_until_fitting(run_id, "waits")
        worker.kill()
    assert project.job(run_id, "waits").state == "running"

    with project.worker("-Q", "control", "-P", "threads", name="control"):
        wait_for(lambda: project.job(run_id, "waits").state == "queued", "the end of its lease")
        wait_for(lambda: project.redis.llen("evaluations") == 1, "its doorbell")


def test_another_worker_finishes_what_a_killed_one_had_begun(project: Project) -> None:
    with project.worker() as worker:
        run_id = project.start("waits", "good", "other")
        cell = project.wait_until_fitting(run_id, "waits")
        worker.kill()
        assert not is_alive(cell)
    with project.worker():
        project.wait_until_fitting(run_id, "waits", times=2)
        project.gate("open").touch()

        assert project.wait_for_end(run_id) == "completed"
        told = {event.id: str(event.type) for event in project.wait_for_events(run_id)}
    kinds = list(told.values())  # each is told at least once
    assert set(project.results(run_id)) == {"waits", "good", "other"}
    assert kinds.count("evaluation.started") == 3
    assert kinds.count("evaluation.completed") == 3
    assert kinds[-1] == "run.completed"


def test_a_run_ends_although_redis_is_killed_and_forgets_everything(project: Project) -> None:
    with project.worker("-c", "1", "-n", "one@here") as worker:
        run_id = project.start("waits", "good", "other")
        project.wait_until_fitting(run_id, "waits")
        server = project.redis.info()["process_id"]
        project.redis.flushall()
        os.kill(int(server), signal.SIGKILL)
        project.gate("open").touch()

        assert project.wait_for_end(run_id) == "completed"
        assert [job.attempt for job in project.jobs(run_id).values()] == [1, 1, 1]
        assert not worker.has_ended()
        wait_for(lambda: project.redis.info()["process_id"] != server, "the next server")
        assert project.wait_for_events(run_id)[-1].type == "run.completed"


def test_a_worker_brings_redis_back_when_its_keeper_was_killed_too(project: Project) -> None:
    with project.worker():
        server = project.redis.info()["process_id"]
        [keeper] = [p for p in project.processes() if redis_keeper.__file__ in p.cmdline()]
        keeper.kill()
        os.kill(int(server), signal.SIGKILL)

        assert project.wait_for_end(project.start("good")) == "completed"


def test_the_sweep_rings_for_a_producer_that_was_killed_before_it_could(project: Project) -> None:
    producer = project.python(PRODUCER, "good", "waits")
    assert producer.stdout is not None
    run_id = producer.stdout.readline().strip()
    producer.kill()
    producer.communicate()
    project.gate("open").touch()
    assert project.states(run_id) == {"good": "queued", "waits": "queued"}
    assert project.redis.llen("evaluations") == 0

    with project.worker():
        assert project.wait_for_end(run_id) == "completed"


PRODUCER = """
import sys, time
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from tasks import enqueue
from tasks.celery_doorbells import CeleryMessenger

def die_here(messenger, waiting):
    print(list(waiting)[0].run_id, flush=True)
    time.sleep(60)

CeleryMessenger.send_doorbells = die_here
enqueue.start_run(RunRequest(dataset="tiny", models=sys.argv[1:], baseline=False))
"""


def test_queued_and_running_jobs_are_cancelled_and_the_cell_is_dead_within_two_seconds(
    project: Project,
) -> None:
    with project.worker("-c", "1", "-n", "one@here"):
        run_id = project.start("sleeps", "good")
        cell = project.wait_until_fitting(run_id, "sleeps")
        assert cancellation.cancel_run(project.engine, run_id)
        asked_at = time.monotonic()
        assert project.states(run_id)["good"] == "cancelled"
        wait_for(lambda: not is_alive(cell), "the end of the cell")
        took_s = time.monotonic() - asked_at

        assert project.wait_for_end(run_id) == "cancelled"
        assert took_s < 2
        assert [event.type for event in project.wait_for_events(run_id)] == [
            "evaluation.started",
            "evaluation.cancelled",
            "evaluation.cancelled",
            "run.completed",
        ]


def test_a_job_whose_worker_is_dead_is_cancelled_by_the_next_sweep_after_its_lease(project: Project) -> None:
    with project.worker() as worker:
        run_id = project.start("sleeps")
        project.wait_until_fitting(run_id, "sleeps")
        worker.kill()
    cancellation.cancel_run(project.engine, run_id)

    wait_for(lambda: sweep(project.context).expired, "the end of the lease")
    assert project.state(run_id) == "cancelled"


def test_a_worker_that_was_frozen_beyond_its_lease_writes_nothing_and_ends_its_cell(project: Project) -> None:
    with project.worker(name="frozen") as frozen:
        run_id = project.start("waits")
        cell = project.wait_until_fitting(run_id, "waits")
        with writing(project.engine):  # so that none of them is stopped while it writes
            for pid in (frozen.process.pid, *frozen.pool):
                os.kill(pid, signal.SIGSTOP)
        with project.worker(name="fresh"):
            project.wait_until_fitting(run_id, "waits", times=2)
            for pid in (frozen.process.pid, *frozen.pool):
                os.kill(pid, signal.SIGCONT)
            wait_for(lambda: not is_alive(cell), "the end of the ghost's cell")
            wait_for(lambda: "the lease was lost, nothing was written" in frozen.log, "its last word")
            project.gate("open").touch()

            assert project.wait_for_end(run_id) == "completed"
            job = project.job(run_id, "waits")
            assert (job.attempt, job.worker) == (2, "fresh@here")


STOPS_IN_A_WRITE = """
import os, signal
from bakeoff.settings.configuration import load
from bakeoff.store.database.engine_and_transactions import open_database, writing

with writing(open_database(load().database_url)):
    print("writing", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_who_was_frozen_in_the_middle_of_a_write_keeps_nobody_waiting_for_longer_than_a_lease(
    project: Project,
) -> None:
    run_id = project.start("good")
    with project.python(STOPS_IN_A_WRITE) as frozen:
        wait_for(lambda: psutil.Process(frozen.pid).status() == "stopped", "its stop")
        with project.worker() as worker:
            assert project.wait_for_end(run_id) == "completed"

            assert frozen.wait() == -signal.SIGKILL
            assert f"process {frozen.pid} was stopped in a write" in worker.log


def test_a_job_may_take_longer_than_its_lease(project: Project) -> None:
    with project.worker():
        run_id = project.start("waits")
        project.wait_until_fitting(run_id, "waits")
        first = lease_of(project, run_id)
        wait_for(lambda: lease_of(project, run_id) > first + timedelta(seconds=2 * LEASE_S), "its renewal")
        project.gate("open").touch()

        assert project.wait_for_end(run_id) == "completed"
        assert project.job(run_id, "waits").attempt == 1


def lease_of(project: Project, run_id: str) -> datetime:
    with reading(project.engine) as connection:
        expires_at: datetime = connection.execute(
            select(all_tables.jobs.c.lease_expires_at).where(all_tables.jobs.c.run_id == run_id)
        ).scalar_one()
    return expires_at


def test_a_job_that_the_worker_itself_cannot_run_fails_after_its_attempts_and_says_why(
    project: Project,
) -> None:
    with project.worker() as worker:
        run_id = project.start("waits")
        project.wait_until_fitting(run_id, "waits")
        shutil.rmtree(project.configuration.snapshots)
        project.gate("open").touch()
        project.wait_for_end(run_id)

        job = project.job(run_id, "waits")
        assert (job.state, job.attempt) == ("failed", 3)
        error = job.error
        assert error is not None
        assert error.message.startswith("the worker could not run it: ")
        assert "`bakeoff doctor` on that machine" in error.hint
        assert not worker.has_ended()


def test_a_database_that_is_locked_for_some_seconds_changes_nothing(project: Project) -> None:
    with project.worker() as worker:
        run_id = project.start("waits", "other", "good")
        project.wait_until_fitting(run_id, "waits")
        project.wait_until_fitting(run_id, "other")
        with closing(sqlite3.connect(str(project.engine.url.database), isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            project.gate("open").touch()
            time.sleep(5)
            connection.execute("ROLLBACK")

        assert project.wait_for_end(run_id) == "completed"
        assert set(project.results(run_id)) == {"waits", "other", "good"}
        assert not worker.has_ended()
