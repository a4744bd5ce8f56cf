"""Two machines with disks of their own share a database, a broker and a folder, and so one queue."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import audit
from chaos.audit import Move
from fixtures.projects.kitchen import is_alive
from fixtures.projects.project import Project, Worker, wait_for
from fixtures.servers.machines import a_network
from fixtures.servers.postgresql import Cluster

from bakeoff.domain.runs.job import Job

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]  # each starts two workers

LEASE_S = 5
MODELS = [f"m{n}" for n in range(12)]


@pytest.fixture
def network(postgresql: Cluster) -> Iterator[Project]:
    """With candidates that wait for a gate to open, and one that nobody can predict."""
    with a_network(postgresql, {}, leaseSeconds=LEASE_S, evalWorkers=2, maxRunning=3) as network:
        gate = {"gate": str(network.gate("open"))}
        waiting = {name: {"path": "Waits", "params": gate} for name in MODELS}
        network.write_catalog({**waiting, "dices": {"path": "WaitsAndDices", "params": gate}})
        audit.install(network.engine)
        yield network


def predictions(network: Project, run_id: str) -> dict[str, bytes]:
    return {
        model: network.configuration.predictions_of(run_id, job.id).read_bytes()
        for model, job in network.jobs(run_id).items()
    }


def moves_of(network: Project, job: Job) -> list[Move]:
    return [move for move in audit.moves(network.engine) if move.thing == job.id]


def holder(network: Project, run_id: str, workers: dict[str, Worker]) -> tuple[Worker, Job]:
    """The worker that has the only job of this run, and that job."""
    [job] = network.jobs(run_id).values()
    return workers[str(job.node)], job


def logs_of(network: Project, machine: str) -> list[Path]:
    return list(network.folder.glob(f"data-{machine}/logs/*/*.log"))


def test_a_run_is_shared_within_the_caps_and_its_results_are_those_of_one_machine(network: Project) -> None:
    network.gate("open").touch()
    with network.worker(name="left", **network.machine("left")):
        alone = network.run(*MODELS, seed=3)
        network.gate("open").unlink()
        with network.worker(name="right", **network.machine("right")):
            together = network.start(*MODELS, seed=3)
            wait_for(lambda: list(network.states(together).values()).count("running") == 3, "a full house")
            network.gate("open").touch()
            network.wait_for_end(together)

    assert network.state(together) == "completed"
    assert {job.node for job in network.jobs(alone).values()} == {"left"}
    assert {job.node for job in network.jobs(together).values()} == {"left", "right"}
    assert network.metrics(together) == network.metrics(alone)
    assert predictions(network, together) == predictions(network, alone)
    moves = [move for move in audit.moves(network.engine) if move.running is not None]
    assert max(move.running or 0 for move in moves) == 3
    assert max(move.running_here or 0 for move in moves) == 2
    assert network.wait_for_events(together)[-1].type == "run.completed"


def test_what_is_printed_stays_on_its_machine_and_nothing_else_does(network: Project) -> None:
    network.gate("open").touch()
    with network.worker(name="left", **network.machine("left")):
        run_id = network.run(*MODELS[:2])

    assert {log.stem for log in logs_of(network, "left")} == {job.id for job in network.jobs(run_id).values()}
    assert [path.name for path in (network.folder / "data-left").iterdir()] == ["logs"]
    assert {path.name for path in (network.folder / "shared").iterdir()} == {"snapshots", "predictions"}
    assert not (network.folder / "data").exists()


def test_another_machine_takes_over_from_a_killed_one_within_two_lease_times(network: Project) -> None:
    with (
        network.worker(name="left", **network.machine("left")) as left,
        network.worker(name="right", **network.machine("right")) as right,
    ):
        run_id = network.start("m0")
        cell = network.wait_until_fitting(run_id, "m0")
        victim, job = holder(network, run_id, {"left": left, "right": right})
        killed_at = time.time()
        victim.kill()
        assert not is_alive(cell)
        network.wait_until_fitting(run_id, "m0", times=2)
        network.gate("open").touch()

        assert network.wait_for_end(run_id) == "completed"
        again = network.job(run_id, "m0")
        assert (again.attempt, {again.node, job.node}) == (2, {"left", "right"})
        [_, back, taken, _] = moves_of(network, job)
        assert back.at - killed_at < 2 * LEASE_S
        assert taken.at - killed_at < 2 * LEASE_S


def test_a_machine_that_wakes_after_its_lease_writes_nothing(network: Project) -> None:
    """Its cell has even ended meanwhile, and its predictions lie ready: they are not those that count."""
    with (
        network.worker(name="left", **network.machine("left")) as left,
        network.worker(name="right", **network.machine("right")) as right,
    ):
        run_id = network.start("dices")
        cell = network.wait_until_fitting(run_id, "dices")
        frozen, job = holder(network, run_id, {"left": left, "right": right})
        send(frozen, signal.SIGSTOP)
        network.wait_until_fitting(run_id, "dices", times=2)
        network.gate("open").touch()
        network.wait_for_end(run_id)
        wait_for(lambda: not is_alive(cell), "the end of the ghost's cell")
        kept, moves = predictions(network, run_id), moves_of(network, job)
        send(frozen, signal.SIGCONT)
        wait_for(lambda: "the lease was lost, nothing was written" in frozen.log, "its last word")

    assert moves_of(network, job) == moves
    assert predictions(network, run_id) == kept
    assert network.results(run_id)["dices"].attempt == 2


def send(worker: Worker, number: int) -> None:
    for pid in (worker.process.pid, *worker.pool):
        os.kill(pid, number)
