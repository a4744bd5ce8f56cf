"""How a command asks its worker for messages: by a named pipe, which outlives neither trust nor worker."""

import os
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest

from bakeoff.worker.temporary import worker_files
from bakeoff.worker.temporary.worker_files import TemporaryWorker


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TemporaryWorker]:
    """One that lives, as far as its file says."""
    monkeypatch.setattr(TemporaryWorker, "_is_running", lambda _: True)
    lock = worker_files.lock_new_file(tmp_path, "run")
    yield TemporaryWorker(worker_files.file_of(tmp_path, "run"), os.getpid(), "")
    os.close(lock)


def begin_to_listen(tmp_path: Path) -> "SimpleQueue[None]":
    """What is put in for each ring. The thread ends with this process, as that of a worker does."""
    rung: SimpleQueue[None] = SimpleQueue()
    Thread(target=worker_files.listen, args=[tmp_path, "run", lambda: rung.put(None)], daemon=True).start()
    rung.get(timeout=10)  # once at its start
    return rung


def test_a_worker_hears_each_that_rings(worker: TemporaryWorker, tmp_path: Path) -> None:
    rung = begin_to_listen(tmp_path)
    for _ in range(2):
        assert worker.ring()
        rung.get(timeout=10)


def test_the_bell_that_a_dead_worker_left_serves_the_next_one(
    worker: TemporaryWorker, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "workers" / "run.bell")
    rung = begin_to_listen(tmp_path)
    assert worker.ring()
    rung.get(timeout=10)


def test_where_nobody_listens_nobody_is_rung(
    worker: TemporaryWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not worker.ring()

    begin_to_listen(tmp_path)
    monkeypatch.setattr(TemporaryWorker, "_is_running", lambda _: False)
    assert not worker.ring()


def test_nothing_is_written_to_what_is_no_bell(worker: TemporaryWorker, tmp_path: Path) -> None:
    (tmp_path / "workers" / "run.bell").write_text("")
    assert not worker.ring()
    assert (tmp_path / "workers" / "run.bell").read_text() == ""


def test_the_bell_goes_with_the_file_of_a_dead_worker(worker: TemporaryWorker, tmp_path: Path) -> None:
    begin_to_listen(tmp_path)
    (tmp_path / "workers" / "dead.json").write_text("{}")  # nobody holds its lock
    os.mkfifo(tmp_path / "workers" / "dead.bell")
    list(TemporaryWorker.all_of(tmp_path))
    assert {one.name for one in (tmp_path / "workers").iterdir()} == {"run.json", "run.bell"}
