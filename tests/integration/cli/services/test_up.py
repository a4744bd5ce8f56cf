"""`bakeoff up`: everything for one machine, with real schedules, and with real deaths."""

import json
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import psutil
import pytest
from fixtures.projects.command_line import Project as CommandLine
from fixtures.projects.project import Project, Worker, a_project, wait_for
from fixtures.projects.schedules import all_runs, set_back, slots_of

from bakeoff.domain.model_version import Stage, VersionFilter
from registry import ModelRegistry

#: Around both changes of the clock in Berlin in 2025, and in the years after.
SCHEDULES = {
    "spring": {
        "cron": "30 2 29-31 3 *",
        "timezone": "Europe/Berlin",
        "dataset": "tiny",
        "missed": "all",
        "promotion": {"stage": "Staging", "gates": [{"metric": "f1", "min": 0.5}]},
    },
    "autumn": {
        "cron": "30 2 25-27 10 *",
        "timezone": "Europe/Berlin",
        "dataset": "tiny",
        "missed": "all",
        "save": "none",
    },
}
COMMAND = (sys.executable, "-m", "bakeoff.cli.main", "up", "--port", "0")


@dataclass(frozen=True)
class Service:
    project: Project
    up: Worker
    beat: Worker  #: another one, that it knows nothing of
    url: str

    def children(self) -> dict[str, int]:
        """By what is known of their command lines, the processes that it keeps."""
        found: dict[str, int] = {}
        for child in psutil.Process(self.up.process.pid).children():
            with suppress(psutil.Error):
                line = " ".join(child.cmdline())
                known = [name for name in ("eval@", "control@", " beat ", " api ") if name in line]
                found |= {name.strip(" @"): child.pid for name in known}
        return found

    def kill(self, name: str) -> int:
        pid = self.children()[name]
        os.kill(pid, signal.SIGKILL)
        return pid


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """With slots that nobody has looked at for long. At the end, Ctrl-C ends it all."""
    with a_project({"means": {}}, schedules=SCHEDULES) as project, ExitStack() as living:
        for name in SCHEDULES:
            set_back(project, name, datetime(2025, 1, 1, tzinfo=UTC))
        celery = (sys.executable, "-m", "celery", "-A", "tasks", "beat", "-l", "INFO")
        beat = living.enter_context(project.launch(*celery, name="beat"))
        up = living.enter_context(project.launch(*COMMAND, name="up"))
        wait_for(lambda: "all is up" in up.log or up.has_ended(), "the start of all", within_s=100)
        found = re.search(r"http://127\.0\.0\.1:\d+", up.log)
        assert found, up.log
        yield Service(project, up, beat, found[0])
        up.signal(signal.SIGINT)
        assert up.process.wait(60) == 0


def test_it_shows_where_each_part_is(service: Service) -> None:
    said = [json.loads(line)["message"] for line in service.up.log.splitlines()]

    assert said[: said.index("all is up; Ctrl-C stops it")] == [
        "starting eval, control, beat, api",
        f"eval: 2 evaluations at once on {socket.gethostname()}; log data/logs/eval.log",
        "control: everything else; log data/logs/control.log",
        "beat: schedules: autumn, spring; see `bakeoff schedules`; log data/logs/beat.log",
        f"api: {service.url}, for browsers and programs; log data/logs/api.log",
        "redis: embedded, in data/redis",
    ]
    assert httpx.get(f"{service.url}/health/live", trust_env=False).status_code == 200


def test_what_dies_is_started_again_and_each_slot_starts_one_run(service: Service) -> None:
    """With two beats, over both changes of the clock, while all that is kept alive is killed."""
    wait_for(lambda: slots_of(service.project), "the first slot")
    killed = {name: service.kill(name) for name in ("control", "beat", "api")}
    wait_for(
        lambda: not set(service.children().values()) & set(killed.values()) and len(service.children()) == 4,
        "the next start of all",
    )
    wait_for(
        lambda: {slot.state for slot in slots_of(service.project)} == {"started"}, "the start of the runs"
    )
    found, started = slots_of(service.project), all_runs(service.project)

    assert [f"{slot.at:%Y-%m-%dT%H:%MZ}" for slot in found[:6]] == [
        "2025-03-29T01:30Z",
        "2025-03-30T01:30Z",  # 02:30 was left out
        "2025-03-31T00:30Z",
        "2025-10-25T00:30Z",
        "2025-10-26T00:30Z",  # 02:30 came twice
        "2025-10-27T01:30Z",
    ]
    assert sorted(run.id for run in started) == sorted(slot.run_id for slot in found)
    assert {run.name for run in started} == {slot.run_name for slot in found}
    wait_for(lambda: _answers(service.url), "the API, at the same place")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_a_scheduled_run_is_saved_and_promoted_as_its_schedule_says(service: Service) -> None:
    registry = ModelRegistry(service.project.configuration.registry_path)
    version, *_ = wait_for(
        lambda: registry.versions(VersionFilter(name="tiny", stage=Stage.STAGING)), "the promotion"
    )
    run = next(run for run in all_runs(service.project) if run.id == version.origin.run_id)

    assert run.name.startswith("spring-")
    assert {run.name.partition("-")[0] for run in all_runs(service.project) if run.save} == {"spring"}


def test_a_port_that_is_taken_is_told_before_anything_starts(project: CommandLine) -> None:
    (project.root / "config" / "models.yaml").write_text("models: {}\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        api = project.bakeoff("up", "--port", port)
        flower = project.bakeoff("up", "--port", "0", "--flower", "--flower-port", port)

    assert (api.exit_code, flower.exit_code) == (4, 4)
    assert api.stderr == (
        f"error: the API cannot listen on 127.0.0.1, port {port}: Address already in use; is another one "
        "running? choose with apiHost and apiPort\n"
    )
    assert flower.stderr == (
        f"error: Flower cannot listen on 127.0.0.1, port {port}: Address already in use; is another one "
        "running? choose with --flower-port\n"
    )
    assert not (project.root / "data" / "redis").exists()
