"""A worker that is begun before anything is read or asked, and who takes it over."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest

from bakeoff.broker import embedded_redis, redis_socket
from bakeoff.worker.temporary import start_worker_early, worker_for_one_process
from bakeoff.worker.temporary.worker_for_one_process import OwnedWorker


@contextmanager
def a_redis_that_says(answer: bytes, data_dir: Path) -> Iterator[None]:
    place = redis_socket.settle(data_dir / "redis")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(64)
                client.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            thread.join()
            place.unlink()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data" / "redis").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(("answer", "is_nobody"), [(b":0\r\n", True), (b":1\r\n", False)])
def test_whether_a_worker_listens_is_asked_without_a_client_library(
    root: Path, answer: bytes, *, is_nobody: bool
) -> None:
    with a_redis_that_says(answer, root / "data"):
        assert embedded_redis.nobody_listens(root / "data") is is_nobody
    assert embedded_redis.nobody_listens(root / "data")


def test_no_worker_is_begun_where_one_listens(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[list[str]] = []
    monkeypatch.setattr(start_worker_early, "start_process", lambda command, **_: begun.append(command))

    with a_redis_that_says(b":1\r\n", root / "data"):
        assert start_worker_early.begin_worker(root / "config.yaml", root, {}) is None
    assert begun == []
    start_worker_early.begin_worker(root / "config.yaml", root, {})
    assert begun[0][-1] == start_worker_early.OWNED


def test_where_none_can_be_begun_whoever_needs_one_says_why(root: Path) -> None:
    (root / "data" / "logs").write_text("no folder")

    assert start_worker_early.begin_worker(root / "config.yaml", root, {}) is None


@pytest.fixture
def starting(monkeypatch: pytest.MonkeyPatch, root: Path) -> Iterator[OwnedWorker]:
    """That of a project in which another worker would be found, and in which none can be started."""
    broker = SimpleNamespace(is_running=lambda: True, hold_or_fail=lambda: None)
    configuration = SimpleNamespace(data_dir=root / "data")
    monkeypatch.setattr(worker_for_one_process, "find_worker", lambda _: SimpleNamespace(is_there=True))
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, bufsize=0
    )
    worker = OwnedWorker(SimpleNamespace(broker=broker, configuration=configuration), begun=sleeper)
    yield worker
    worker.stop()
    sleeper.wait()


def test_a_worker_that_was_begun_is_taken_over_and_ends_with_its_owner(starting: OwnedWorker) -> None:
    process = starting._begun
    assert starting.ensure()
    assert starting._process is process

    starting.stop()
    assert process.wait(10) == 0


def test_a_worker_that_was_begun_and_has_died_is_not_relied_on(starting: OwnedWorker) -> None:
    starting._begun.kill()
    starting._begun.wait()

    assert not starting.ensure(), "another worker is there"
    assert starting._process is None


def test_a_worker_that_was_begun_in_vain_ends_as_well(starting: OwnedWorker) -> None:
    process = starting._begun
    starting.stop()
    assert process.wait(10) == 0
