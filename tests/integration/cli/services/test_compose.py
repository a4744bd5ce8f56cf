"""docker-compose.yml: what it says, and what becomes of it when its commands are played here."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
from fixtures.projects.project import wait_for
from fixtures.servers.compose import ROOT, Host, a_host, compose, ours, services

STAY = ("worker", "beat", "api", "flower")


def test_each_service_that_a_team_needs_is_there() -> None:
    assert {name for name, service in services().items() if "profiles" not in service} == {
        "valkey",
        "migrate",
        "worker",
        "beat",
        "api",
        "flower",
    }
    assert {name: service["profiles"] for name, service in services().items() if "profiles" in service} == {
        "postgres": ["postgresql"],
        "worker-2": ["workers"],
    }


@pytest.mark.parametrize("name", sorted(services()))
def test_each_service_is_started_again_and_asked_how_it_is(name: str) -> None:
    service = services()[name]

    assert service["restart"] == ("on-failure:5" if name == "migrate" else "unless-stopped")
    assert ("healthcheck" in service) is (name != "migrate")


@pytest.mark.parametrize("name", sorted(ours()))
def test_each_service_of_ours_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = ours()[name]

    assert (service["cap_drop"], service["read_only"]) == (["ALL"], True)
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [volume for volume in service["volumes"] if volume.startswith("./")] == [
        "./config:/project/config:ro"
    ]


@pytest.mark.parametrize("name", sorted(services()))
def test_every_secret_comes_by_file(name: str) -> None:
    given = services()[name].get("environment", {})

    assert not [
        key for key in given if re.search("PASSWORD|TOKEN|DATABASE_URL|AUTH", key) and "_FILE" not in key
    ]
    assert set(services()[name].get("secrets", [])) <= set(compose()["secrets"])
    assert all(set(secret) == {"file"} for secret in compose()["secrets"].values())


def test_what_is_reached_from_outside_is_reached_from_this_machine_alone() -> None:
    ports = [port for service in services().values() for port in service.get("ports", [])]

    assert sorted(ports) == ["127.0.0.1:5555:5555", "127.0.0.1:8484:8484"]


@pytest.mark.parametrize("name", [name for name in ours() if name != "migrate"])
def test_nothing_starts_before_the_database_is_ready_and_the_broker_answers(name: str) -> None:
    assert ours()[name]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "valkey": {"condition": "service_healthy"},
    }


def test_every_volume_that_is_mounted_is_declared() -> None:
    mounted = {
        volume.partition(":")[0] for service in services().values() for volume in service.get("volumes", [])
    }

    assert {name for name in mounted if not name.startswith(".")} == set(compose()["volumes"])


def test_the_image_is_made_of_what_is_pinned_and_runs_as_nobody_special() -> None:
    said = (ROOT / "Dockerfile").read_text("utf-8")

    assert "--require-hashes -r runtime.lock" in said
    assert said.rstrip().splitlines()[-2:] == ["USER bakeoff", 'CMD ["bakeoff", "--help"]']
    assert len(re.findall("^FROM", said, re.MULTILINE)) == 2
    assert pins("runtime.lock").items() <= pins("requirements.lock").items()


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))


def test_what_the_image_copies_is_let_in() -> None:
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"
    }
    packages = re.search(r"^packages = \[(.*)\]$", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert packages is not None

    assert let_in == set(re.findall(r'"(\w+)"', packages[1])) | {
        "migrations",  # data inside the wheel
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "runtime.lock",
    }


@dataclass(frozen=True)
class Place:
    host: Host
    pids: dict[str, int]

    def ask(self, method: str, path: str, **given: object) -> httpx.Response:
        headers = {"Authorization": "Bearer 0123456789abcdef-of-compose"}
        url = f"http://127.0.0.1:{self.host.api}{path}"
        return httpx.request(method, url, headers=headers, trust_env=False, timeout=30, **given)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="bk", dir="/tmp") as folder, ExitStack() as after:
        host = a_host(Path(folder))
        after.enter_context(host.valkey())
        migrated = host.run("migrate")
        assert migrated.returncode == 0, migrated.stdout + migrated.stderr
        pids = {name: after.enter_context(host.running(name)).pid for name in STAY}
        for name in ("worker", "api", "flower"):
            wait_for(lambda name=name: host.is_healthy(name), f"the health of {name}: {host.log(name)}")
        yield Place(host, pids)


@pytest.mark.services
def test_a_bake_off_that_is_started_over_http_ends(place: Place) -> None:
    body = {"dataset": "iris", "models": ["tree"]}
    run = place.ask("POST", "/api/ml/evaluations", json=body).json()["runId"]
    wait_for(lambda: place.ask("GET", f"/api/ml/evaluations/{run}").json()["endedAt"], "its end")

    ended = place.ask("GET", f"/api/ml/evaluations/{run}/results").json()
    assert (ended["status"], len(ended["results"])) == ("completed", 2)
    assert (place.host.folder / "shared" / "snapshots").is_dir()


@pytest.mark.services
def test_nobody_comes_in_without_a_secret(place: Place) -> None:
    def asked(port: int, path: str) -> int:
        return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=30).status_code

    assert asked(place.host.api, "/api/ml/evaluations") == 401
    assert asked(place.host.flower, "/api/workers") == 401


@pytest.mark.services
def test_beat_has_the_schedule_looked_at(place: Place) -> None:
    wait_for(lambda: "retrain" in place.host.log("beat"), "a word of beat")
    wait_for(lambda: "0 scheduled runs started" in place.host.log("worker"), "the look")


@pytest.mark.services
def test_no_secret_stands_in_a_command_or_a_log(place: Place) -> None:
    secrets = [file.read_text().strip() for file in (place.host.folder / "secrets").iterdir()]
    said = [place.host.log(name) for name in STAY]
    said += [" ".join(psutil.Process(pid).cmdline()) for pid in place.pids.values()]

    assert [secret for secret in secrets if secret != "none" and any(secret in text for text in said)] == []
