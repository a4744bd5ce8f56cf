"""Flower as `bakeoff up` starts it, beside real workers: over its HTTP API, and in a browser."""

import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fixtures.projects.project import Project, a_project, wait_for

pytestmark = pytest.mark.services


@dataclass(frozen=True)
class Flower:
    project: Project
    url: str
    password: str
    run: str  #: the name of a run that is done
    said: str  #: by `bakeoff up`

    def ask(self, path: str, *, method: str = "GET", password: str | None = None) -> httpx.Response:
        auth = ("bakeoff", self.password if password is None else password)
        return httpx.request(method, f"{self.url}{path}", auth=auth, trust_env=False, timeout=30)

    def nodes(self) -> set[str]:
        """Those that answered in time, which a busy one may not."""
        return {name.partition("@")[0] for name in self.ask("/api/workers?refresh=1").json()}

    def tasks(self) -> list[dict[str, Any]]:
        return list(self.ask("/api/tasks").json().values())

    def task_of(self, model: str) -> dict[str, Any] | None:
        return next((task for task in self.tasks() if f"model={model})" in task["args"]), None)


@pytest.fixture(scope="module")
def flower() -> Iterator[Flower]:
    candidates = {"means": {}, "waits": {"params": {"gate": "/nowhere"}}}
    with a_project(candidates, shutdownGrace=0, leaseSeconds=60) as project:  # few sweeps among its tasks
        command = (
            sys.executable,
            "-m",
            "bakeoff.cli.main",
            "up",
            "--port",
            "0",
            "--flower",
            "--flower-port",
            "0",
        )
        with project.launch(*command, name="up") as up:
            wait_for(lambda: "all is up" in up.log or up.has_ended(), "the start of all", within_s=100)
            found = re.search(
                r"flower: (http://127\.0\.0\.1:\d+), user bakeoff, password in ([^;]+);", up.log
            )
            assert found, up.log
            password = (project.folder / found[2]).read_text()
            project.run("means", name="spring")
            flower = Flower(project, found[1], password, "spring", up.log)
            wait_for(lambda: flower.nodes() == {"eval", "control"}, "an answer of both nodes")
            yield flower


def test_it_shows_the_workers_and_what_they_read(flower: Flower) -> None:
    workers = flower.ask("/api/workers").json()

    read = {name.partition("@")[0]: worker["active_queues"] for name, worker in workers.items()}
    assert {name: [queue["name"] for queue in queues] for name, queues in read.items()} == {
        "eval": ["evaluations"],
        "control": ["control"],
    }


def test_it_shows_how_many_messages_wait(flower: Flower) -> None:
    queues = flower.ask("/api/queues/length").json()["active_queues"]

    assert sorted(queue["name"] for queue in queues) == ["control", "evaluations"]
    assert all(isinstance(queue["messages"], int) for queue in queues)


def test_a_task_can_be_read_as_run_and_model(flower: Flower) -> None:
    task = wait_for(lambda: flower.task_of("means"), "the task")

    assert (task["name"], task["args"], task["kwargs"]) == (
        "bakeoff.evaluate",
        "(run=spring, model=means)",
        "{}",
    )
    wait_for(lambda: (flower.task_of("means") or {})["state"] == "SUCCESS", "its end")
    assert "means in spring: completed" in (flower.task_of("means") or {})["result"]


def test_a_revoke_of_a_running_task_cancels_its_job(flower: Flower) -> None:
    run_id = flower.project.start("waits")
    flower.project.wait_until_fitting(run_id, "waits")
    task = wait_for(lambda: flower.task_of("waits"), "the task")
    revoked = flower.ask(f"/api/task/revoke/{task['uuid']}?terminate=true", method="POST")

    assert revoked.status_code == 200
    assert flower.project.wait_for_end(run_id) == "cancelled"


OPEN = ("/metrics", "/healthcheck")
CLOSED = (
    "/",
    "/tasks",
    "/tasks/datatable",
    "/task/x",
    "/workers",
    "/worker/x",
    "/broker",
    "/api/tasks",
    "/api/workers",
    "/api/task/types",
    "/api/queues/length",
)


def test_two_pages_are_open_and_all_others_ask_for_the_password(flower: Flower) -> None:
    def answers(pages: tuple[str, ...], **auth: Any) -> set[int]:
        return {httpx.get(f"{flower.url}{page}", trust_env=False, **auth).status_code for page in pages}

    assert (answers(OPEN), answers(CLOSED)) == ({200}, {401})
    assert answers(CLOSED, auth=("bakeoff", "guess")) == {401}
    assert answers(CLOSED, auth=("", "")) == {401}
    assert httpx.post(f"{flower.url}/api/worker/shutdown/eval@x", trust_env=False).status_code == 401


def test_it_listens_on_loopback_alone(flower: Flower) -> None:
    port = int(flower.url.rpartition(":")[2])
    listening = [
        c.laddr for c in psutil.net_connections("inet") if c.status == "LISTEN" and c.laddr.port == port
    ]

    assert [address.ip for address in listening] == ["127.0.0.1"]


def test_the_password_is_for_the_eyes_of_this_user_alone(flower: Flower) -> None:
    file = flower.project.folder / "data" / "flower-password"
    lines = [" ".join(process.cmdline()) for process in flower.project.processes()]

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(flower.password) >= 24
    assert not any(flower.password in line for line in lines)
    assert flower.password not in flower.said
    for log in (flower.project.folder / "data" / "logs").glob("*.log"):
        assert flower.password not in log.read_text()


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("workers", ["eval@", "control@", "Online"]),
        ("tasks", ["bakeoff.evaluate", "(run=spring, model=means)", "SUCCESS"]),
        ("broker", ["evaluations", "control"]),
    ],
)
def test_a_browser_shows_the_page(flower: Flower, page: str, words: list[str], tmp_path: Path) -> None:
    wait_for(lambda: (flower.task_of("means") or {}).get("state") == "SUCCESS", "the task")
    shown = wait_for(lambda: _all_in(words, browse(flower, page, tmp_path)), f"{words} on the page")

    assert shown
    assert (tmp_path / "page.png").stat().st_size > 20_000


def _all_in(words: list[str], text: str) -> bool:
    return all(word in text for word in words)


def browse(flower: Flower, page: str, folder: Path) -> str:
    """The page as it is when its scripts have run; a picture of it is in the folder."""
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: apt install chromium"
    scheme, _, rest = flower.url.partition("://")
    done = subprocess.run(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            f"--user-data-dir={folder / 'chromium'}",
            "--window-size=1500,900",
            "--virtual-time-budget=8000",
            f"--screenshot={folder / 'page.png'}",
            "--dump-dom",
            f"{scheme}://bakeoff:{flower.password}@{rest}/{page}",
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
