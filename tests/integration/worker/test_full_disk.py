"""A disk that is full while work goes on: it is said once, nothing is lost or doubled, all goes on later."""

import json
import time
from collections.abc import Iterator, Mapping

import psutil
import pytest
from fixtures.projects.kitchen import is_alive, names_in
from fixtures.projects.project import Project, Worker, a_project, wait_for
from fixtures.servers.disk import a_small_disk, needs_a_mount
from redis.exceptions import ResponseError

from bakeoff.broker import EVALUATIONS
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.machine.work_in_thread import start_in_thread
from bakeoff.domain.runs.job import JobState
from bakeoff.operations.doorbells import sweep
from bakeoff.store.bakeoffs import job_queries, leased_jobs, outbox
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.claims import Claim, Holder
from bakeoff.worker.jobs.lease_monitor import LeaseMonitor
from bakeoff.worker.pool_shared_memory import SharedMemory

LEASE_S = 2
CATALOG: Mapping[str, Mapping[str, str]] = {"good": {"path": "Means"}}


def write_catalog(project: Project) -> None:
    gate = {"gate": str(project.gate("open"))}
    project.write_catalog({**CATALOG, "waits": {"params": gate}, "other": {"path": "Waits", "params": gate}})


@pytest.fixture
def project() -> Iterator[Project]:
    with a_project(CATALOG) as project:
        write_catalog(project)
        yield project


@pytest.fixture
def small() -> Iterator[Project]:
    """All of its data are on a small disk."""
    with a_project(CATALOG, disk=("data", 160)) as project:
        write_catalog(project)
        yield project


def cpu_seconds(worker: Worker) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in (worker.process.pid, *worker.pool)]
    return sum(used.user + used.system for used in times)


def takes_messages(project: Project) -> bool:
    try:
        return bool(project.redis.set("ballast", "x" * 1000))
    except ResponseError:
        return False


def test_a_run_goes_on_by_itself_when_a_full_disk_has_room_again(small: Project) -> None:
    with small.worker() as worker:
        run_id = small.start("waits", "other", "good")
        cells = [small.wait_until_fitting(run_id, model) for model in ("waits", "other")]
        writers = (worker.process.pid, *worker.pool, int(small.redis.info()["process_id"]))
        began = cpu_seconds(worker)
        small.disk.fill(*writers)
        wait_for(lambda: job_queries.backlog(small.engine).silent == 2, "the end of both leases")
        assert all(map(is_alive, cells))
        small.gate("open").touch()
        wait_for(lambda: not any(map(is_alive, cells)), "the end of both cells")
        wait_for(lambda: not takes_messages(small), "the trouble of Redis")
        used_s = cpu_seconds(worker) - began
        assert small.states(run_id) == {"waits": "running", "other": "running", "good": "queued"}
        small.disk.make_room(*writers)

        assert small.wait_for_end(run_id) == "completed"
        assert small.wait_for_events(run_id)[-1].type == "run.completed"
        assert not worker.has_ended()
    assert set(small.results(run_id)) == {"waits", "other", "good"}
    assert max(job.attempt for job in small.jobs(run_id).values()) <= 2
    assert len({event.id for event in small.events(run_id)}) == 7
    assert used_s < 3
    for said in ("goes on as long as nobody takes it", "will be written again"):
        assert worker.log.count(said) <= 2


@needs_a_mount
def test_a_job_whose_predictions_find_no_room_waits_for_it_and_costs_no_attempt(project: Project) -> None:
    with a_small_disk(project.configuration.predictions, 40) as disk, project.worker() as worker:
        run_id = project.start("waits", "good")
        project.wait_until_fitting(run_id, "waits")
        wait_for(lambda: project.job(run_id, "good").state.has_ended, "the end of the other one")
        disk.fill()
        project.gate("open").touch()
        wait_for(lambda: project.job(run_id, "waits").state is JobState.QUEUED, "its return to the queue")
        wait_for(lambda: "nothing is begun" in worker.log, "the reason")
        assert project.job(run_id, "waits").attempt == 0
        good = project.job(run_id, "good").id
        assert names_in(project.configuration.predictions / run_id) == [f"{good}.npy"]
        disk.make_room()

        assert project.wait_for_end(run_id) == "completed"
        assert project.job(run_id, "waits").attempt == 1
    assert (
        "what the cell leaves cannot be written: [Errno 28] No space left on device; 0 MB are free"
        in worker.log
    )
    lines = [json.loads(line) for line in worker.log.splitlines() if line.startswith("{")]
    warnings = [line for line in lines if line["level"] == "warning" and line["logger"] != "py.warnings"]
    folder = project.configuration.predictions
    assert [line["message"] for line in warnings] == [
        f"no room: less than 32 MB are free in {folder}; `bakeoff gc` may make some: nothing is begun"
    ]


@needs_a_mount
def test_a_log_that_is_cut_short_by_a_full_disk_is_a_warning_of_the_result(project: Project) -> None:
    project.gate("open").touch()
    with a_small_disk(project.configuration.logs, 1) as disk, project.worker():
        disk.use_up_names()
        run_id = project.run("waits")

    warnings = project.results(run_id)["waits"].details["warnings"]
    assert warnings == ["the log is incomplete: No space left on device"]


@pytest.fixture
def apart() -> Iterator[Project]:
    """Its database is on a small disk of its own."""
    with a_project(CATALOG, disk=("db", 8), databaseUrl="sqlite:///db/bakeoff.db") as project:
        yield project


def take(project: Project, run_id: str, *, lease_s: float) -> Claim:
    claimed = claims.claim(
        project.engine,
        project.job(run_id, "good").id,
        holder=Holder(node="here", worker="w"),
        caps=project.context.shared_caps.present(),
        lease_s=lease_s,
    )
    assert isinstance(claimed, Claim)
    return claimed


@needs_a_mount
def test_a_full_database_is_named_with_its_disk_and_loses_no_job(apart: Project) -> None:
    run_id = apart.start("good")
    apart.disk.fill()
    with pytest.raises(InfrastructureError) as failed:
        take(apart, run_id, lease_s=60)
    assert apart.states(run_id) == {"good": "queued"}
    apart.disk.make_room()

    assert str(failed.value) == (
        f"the database sqlite:///{apart.folder}/db/bakeoff.db failed: database or disk is full; "
        f"0 MB are free in {apart.folder}/db: make room there, what waits then goes on"
    )
    assert take(apart, run_id, lease_s=60).job.attempt == 1


@needs_a_mount
def test_a_holder_goes_on_beyond_its_lease_while_a_full_database_keeps_others_from_taking_it(
    apart: Project, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = apart.start("good")
    claimed = take(apart, run_id, lease_s=0.2)
    watch = LeaseMonitor(apart.context, claimed, lease_s=0.2, memory=SharedMemory())
    apart.disk.fill()
    over = time.monotonic() + 0.5
    while time.monotonic() < over:
        assert watch.may_go_on()
    ending = start_in_thread(lambda: watch.insist(lambda: leased_jobs.cancel(apart.engine, claimed.lease)))
    with pytest.raises(TimeoutError):
        ending.result(0.7)
    apart.disk.make_room()

    assert ending.result(10)
    assert apart.states(run_id) == {"good": "cancelled"}
    said = [record.getMessage().partition(": the database")[0] for record in caplog.records]
    assert [words for words in said if claimed.lease.job_id in words] == [
        f"job {claimed.lease.job_id} goes on as long as nobody takes it",
        f"the end of job {claimed.lease.job_id} will be written again",
    ]


@needs_a_mount
def test_a_holder_whose_job_was_taken_when_there_was_room_again_stops(apart: Project) -> None:
    run_id = apart.start("good")
    watch = LeaseMonitor(apart.context, take(apart, run_id, lease_s=0.1), lease_s=0.1, memory=SharedMemory())
    apart.disk.fill()
    time.sleep(0.1)
    assert watch.may_go_on()
    apart.disk.make_room()
    assert leased_jobs.expire(apart.engine) == 1

    assert not watch.may_go_on()
    assert watch.conclude() == "the lease was lost, nothing was written"
    assert apart.states(run_id) == {"good": "queued"}


@needs_a_mount
def test_a_full_database_does_not_fill_the_stream_with_the_same_events(apart: Project) -> None:
    run_id = apart.start("good")
    take(apart, run_id, lease_s=60)
    apart.disk.fill()
    for _ in range(5):
        apart.context.event_relay.publish_pending()
    assert [event.type for event in apart.events(run_id)] == ["evaluation.started"]
    apart.disk.make_room()

    apart.context.event_relay.publish_pending()
    assert not outbox.is_anything_pending(apart.engine)
    assert [event.type for event in apart.events(run_id)] == ["evaluation.started"]


def test_the_sweep_rings_when_a_redis_that_could_not_write_its_file_can_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with a_project(CATALOG, disk=("data/redis", 8)) as project:
        server = int(project.redis.info()["process_id"])
        project.disk.fill(server)
        wait_for(lambda: not takes_messages(project), "the trouble of Redis")
        assert project.context.broker.is_running()
        with pytest.raises(InfrastructureError, match="takes no messages: MISCONF Errors writing to the AOF"):
            project.context.broker.hold_or_fail()
        run_id = project.start("good")
        assert sweep(project.context).rung == 0
        assert project.states(run_id) == {"good": "queued"}
        project.disk.make_room(server)
        wait_for(lambda: takes_messages(project), "the recovery of Redis")

        assert sweep(project.context).rung == 1
        assert project.context.broker.messages_waiting(EVALUATIONS) == 1
    assert "the sweep will ring later: MISCONF Errors writing to the AOF file" in caplog.text
