# ruff: noqa: T201 - a script that prints, no part of a package
"""Starting runs and reading their status at once, by 50 clients, beside an empty route of FastAPI.

    python -m benchmarks.parts.api_load [clients] [runs] [requests per second]

Each client has a connection of its own, starts a run, and reads the status of its runs some times before it
starts the next one, all in its share of the rate; a client that is late goes on at once. The empty route is
served by the same server with the same settings, to the same clients at the same rate. No worker runs.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import run_progress_rows, run_rows
from bakeoff.store.database.engine_and_transactions import open_database

_READS = 4  #: of a status, for each run that is started
_BODY = {"dataset": "iris", "models": ["ridge", "knn"], "fresh": True}
_EMPTY = """
import socket, sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/")
def empty() -> dict[str, str]:
    return {}
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
listener.listen(2048)
print("serving on http://127.0.0.1:%d" % listener.getsockname()[1], file=sys.stderr, flush=True)
config = uvicorn.Config(app, log_config=None, server_header=False, proxy_headers=False)
uvicorn.Server(config).run(sockets=[listener])
"""


@dataclass
class Seen:
    start_s: list[float] = field(default_factory=list)
    status_s: list[float] = field(default_factory=list)
    run_ids: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Client:
    """HTTP/1.1 on one connection, and no more of it than is needed."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes, float]:
        """Status, body, and how long it took."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(content)}\r\n"
        head += "Content-Type: application/json\r\n" if content else ""
        began = time.perf_counter()
        self._writer.write(head.encode() + b"\r\n" + content)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", answer)
        said = await self._reader.readexactly(int(length[1]) if length else 0)
        return int(answer[9:12]), said, time.perf_counter() - began


def main(clients: int = 50, number: int = 1_000, rate: float = 100.0) -> None:
    print(f"{clients} clients, {number:,} runs, {rate:g} requests per second, {os.cpu_count()} cores")
    with TemporaryDirectory() as folder:
        with _serving([sys.executable, "-c", _EMPTY], Path(folder)) as port:
            yardstick = asyncio.run(_load(port, clients, number, rate, empty=True))
        project = project_in(Path(folder))
        with _serving([sys.executable, "-m", "bakeoff.cli.main", "api", "--port", "0"], project) as port:
            seen = asyncio.run(_load(port, clients, number, rate))
        lost = _lost(project, seen)
    for name, seconds in (
        ("empty route", yardstick.status_s),
        ("status", seen.status_s),
        ("start", seen.start_s),
    ):
        print(f"{name:12} {_said(seconds)}")
    print(f"errors {len(seen.errors)}, runs started {len(seen.run_ids)}, lost {lost}")
    for error in seen.errors[:3]:
        print(error)


def project_in(folder: Path) -> Path:
    """A new project with the configuration of this checkout."""
    (folder / "config").mkdir()
    for name in ("bakeoff.yaml", "models.yaml"):
        shutil.copy(Path(__file__).parents[2] / "config" / name, folder / "config")
    return folder


@contextmanager
def _serving(command: list[str], folder: Path) -> Iterator[int]:
    """The port, as soon as it says so."""
    log = folder / "served.log"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=folder, env=environment, stderr=output, stdout=output)
    try:
        yield _port(log, server)
    finally:
        server.terminate()
        server.wait()


def _port(log: Path, server: "subprocess.Popen[bytes]") -> int:
    while not (found := re.search(r"serving on http://[^:]+:(\d+)", log.read_text())):
        if server.poll() is not None:
            raise SystemExit(log.read_text())
        time.sleep(0.1)
    return int(found[1])


async def _load(port: int, clients: int, number: int, rate: float, *, empty: bool = False) -> Seen:
    """After one request that nobody counts: the first one loads libraries."""
    seen, left = Seen(), iter(range(number))
    await _work(port, iter([0]), Seen(), 0, empty=empty)
    pause = clients / rate
    await asyncio.gather(
        *(_work(port, left, seen, pause, empty=empty, delay=n * pause / clients) for n in range(clients))
    )
    return seen


async def _work(
    port: int, left: Iterator[int], seen: Seen, pause: float, *, empty: bool, delay: float = 0
) -> None:
    client = Client(port)
    await client.open()
    await asyncio.sleep(delay)
    due = time.perf_counter()
    for _ in left:
        path = "/" if empty else await _start(client, seen)
        for _ in range(_READS + empty):
            due += pause
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await _read(client, path, seen)
        due += pause
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def _start(client: Client, seen: Seen) -> str:
    status, said, took = await client.ask("POST", "/api/ml/evaluations", _BODY)
    seen.start_s.append(took)
    if status != HTTPStatus.ACCEPTED:
        seen.errors.append(f"{status} {said.decode()}")
        return "/health/live"
    run_id = json.loads(said)["runId"]
    seen.run_ids.append(run_id)
    return f"/api/ml/evaluations/{run_id}"


async def _read(client: Client, path: str, seen: Seen) -> None:
    status, said, took = await client.ask("GET", path)
    seen.status_s.append(took)
    if status != HTTPStatus.OK:
        seen.errors.append(f"{status} {said.decode()}")


def _lost(project: Path, seen: Seen) -> int:
    """Runs that somebody was told of, and that are not in the database with their jobs."""
    engine = open_database(load(project / "config" / "bakeoff.yaml", environment={}).database_url)
    jobs = len(_BODY["models"]) + 1
    return sum(
        not run_rows.exists(engine, run_id) or len(run_progress_rows.of_run(engine, run_id).jobs) != jobs
        for run_id in seen.run_ids
    )


def _said(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    points = {"median": 0.5, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    figures = [
        f"{name} {ordered[int(share * (len(ordered) - 1))] * 1e3:7.1f} ms" for name, share in points.items()
    ]
    return ", ".join([f"{len(ordered):6,} requests", *figures])


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((int, int, float), sys.argv[1:], strict=False)))
