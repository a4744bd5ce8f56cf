"""A large run is cancelled at once, and stays so whatever is started again afterwards."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.projects.kitchen import is_alive
from fixtures.projects.large import start_large_run
from fixtures.projects.project import Project, a_project, wait_for
from fixtures.values.stored import a_stored_run, claim, events, judge_all
from sqlalchemy import select

from bakeoff.store.bakeoffs import cancellation
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import reading
from bakeoff.worker.jobs.lease_monitor import LeaseMonitor
from bakeoff.worker.pool_shared_memory import SharedMemory


@pytest.fixture
def project() -> Iterator[Project]:
    with a_project({"sleeps": {}, "good": {"path": "Means"}}, evalWorkers=1) as project:
        yield project


def a_large_run(project: Project, number: int) -> tuple[str, int]:
    """With one job that is running, and the process of its cell."""
    pattern = project.start("sleeps")
    cancellation.cancel_run(project.engine, pattern)
    run_id = start_large_run(project, pattern, number)
    said = wait_for(lambda: "".join(log.read_text() for log in logs(project, run_id)), "the first fit")
    return run_id, int(said.split()[-1])


def logs(project: Project, run_id: str) -> list[Path]:
    """Of the jobs that were ever started."""
    return list(project.configuration.log_of(run_id, "x").parent.glob("*.log"))


def states(project: Project, run_id: str) -> Counter[str]:
    wanted = select(all_tables.jobs.c.state).where(all_tables.jobs.c.run_id == run_id)
    with reading(project.engine) as connection:
        return Counter(connection.execute(wanted).scalars())


def test_a_supervisor_that_is_to_stop_does_not_tell_everything_first(project: Project) -> None:
    """Ten thousand events take longer than a cell may live on."""
    run, [job, *_] = a_stored_run(project.engine, 3)
    watch = LeaseMonitor(project.context, claim(project.engine, job), lease_s=60, memory=SharedMemory())
    assert watch.may_go_on()
    assert events(project.engine, run) == []
    cancellation.cancel_run(project.engine, run.id)

    assert not watch.may_go_on()
    assert events(project.engine, run) == ["cancelled 1", "cancelled 2"]


def test_who_has_other_duties_leaves_the_rest_of_the_events_for_later(project: Project) -> None:
    run, _ = a_stored_run(project.engine, 3)
    cancellation.cancel_run(project.engine, run.id)
    judge_all(project.engine)

    assert project.context.event_relay.publish_pending(within_s=0) == 0
    assert project.context.event_relay.publish_pending(within_s=60) == 4


def test_of_ten_thousand_jobs_what_waits_is_cancelled_at_once_and_what_runs_dies_within_two_seconds(
    project: Project,
) -> None:
    with project.worker():
        run_id, cell = a_large_run(project, 10_000)
        assert cancellation.cancel_run(project.engine, run_id)
        asked_at = time.monotonic()
        assert states(project, run_id)["cancelled"] >= 9_999
        wait_for(lambda: not is_alive(cell), "the end of the cell")
        took_s = time.monotonic() - asked_at

        wait_for(lambda: project.state(run_id) == "cancelled", "the end of the run")
        assert project.wait_for_end(project.start("good")) == "completed"
        assert took_s < 2
        assert states(project, run_id) == {"cancelled": 10_000}
        assert len(logs(project, run_id)) == 1


def test_no_job_of_it_comes_back_although_worker_and_redis_are_killed_and_started_again(
    project: Project,
) -> None:
    """What the queue held is still there afterwards, and so is the lease of the job that was running."""
    with project.worker() as worker:
        run_id, _ = a_large_run(project, 500)
        assert project.redis.llen("evaluations") >= 1
        for pid in (worker.process.pid, *worker.pool):
            os.kill(pid, signal.SIGSTOP)
        cancellation.cancel_run(project.engine, run_id)
        worker.kill()
    server = int(project.redis.info()["process_id"])
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: not is_alive(server), "the end of Redis")
    with project.worker():
        assert project.wait_for_end(project.start("good")) == "completed"
        wait_for(lambda: project.state(run_id) == "cancelled", "the end of the run")

        assert states(project, run_id) == {"cancelled": 500}
        assert len(logs(project, run_id)) == 1
