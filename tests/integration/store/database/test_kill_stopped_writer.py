"""Processes that are stopped while they have the database, or while they have not."""

import ctypes
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from fixtures.projects.project import wait_for

from bakeoff.store.database.kill_stopped_writer import StoppedWriterWatch

_CLIENT = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("SELECT * FROM t").fetchall()
print("there", flush=True)
time.sleep(60)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "some.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (x)")
    return file


@contextmanager
def a_client(file: Path, begins: str, *program: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, *(program or ("-c", _CLIENT)), str(file), begins]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        try:
            assert client.stdout is not None
            assert client.stdout.readline() == "there\n"
            yield client
        finally:
            client.kill()


def stop(client: "subprocess.Popen[str]") -> None:
    client.send_signal(signal.SIGSTOP)
    wait_for(lambda: psutil.Process(client.pid).status() == psutil.STATUS_STOPPED, "its stop")


def test_one_that_was_stopped_in_a_write_is_ended_and_another_one_writes(file: Path) -> None:
    watch = StoppedWriterWatch(file, patience_s=0)
    with a_client(file, "BEGIN IMMEDIATE") as client:
        stop(client)

        assert [watch.look(), watch.look()] == [None, client.pid]
        assert client.wait() == -signal.SIGKILL
    with closing(sqlite3.connect(file, timeout=0)) as connection:
        connection.execute("BEGIN IMMEDIATE")


def test_it_has_some_time_to_go_on(file: Path) -> None:
    watch = StoppedWriterWatch(file, patience_s=60)
    with a_client(file, "BEGIN IMMEDIATE") as client:
        stop(client)

        assert [watch.look() for _ in range(3)] == [None, None, None]
        assert client.poll() is None


@pytest.mark.parametrize("begins", ["BEGIN", "SELECT 1"])
def test_one_that_was_stopped_while_it_reads_is_left_alone(file: Path, begins: str) -> None:
    watch = StoppedWriterWatch(file, patience_s=0)
    with a_client(file, begins) as client:
        stop(client)

        assert [watch.look(), watch.look()] == [None, None]
        assert client.poll() is None


def test_one_that_writes_and_runs_is_left_alone_however_long(file: Path) -> None:
    watch = StoppedWriterWatch(file, patience_s=0)
    with a_client(file, "BEGIN IMMEDIATE") as client:
        assert [watch.look() for _ in range(3)] == [None, None, None]
        assert client.poll() is None


def test_the_writer_of_another_file_is_nobodys_business(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    watch = StoppedWriterWatch(other, patience_s=0)
    with a_client(file, "BEGIN IMMEDIATE") as client:
        stop(client)

        assert [watch.look(), watch.look()] == [None, None]
        assert client.poll() is None


def _a_program(folder: Path, name: str) -> str:
    (folder / name).write_text(_CLIENT)
    return str(folder / name)


def _ptrace(request: int, process: "subprocess.Popen[str]") -> None:
    assert ctypes.CDLL(None, use_errno=True).ptrace(request, process.pid, None, None) == 0, ctypes.get_errno()


@contextmanager
def traced(client: "subprocess.Popen[str]") -> Iterator[None]:
    """As a debugger does it: attach, which stops the process, and wait for that."""
    _ptrace(16, client)
    os.waitpid(client.pid, os.WUNTRACED)
    assert psutil.Process(client.pid).status() == psutil.STATUS_TRACING_STOP
    try:
        yield
    finally:
        if client.poll() is None:
            _ptrace(17, client)


def test_one_that_stands_in_a_debugger_is_left_alone(file: Path) -> None:
    watch = StoppedWriterWatch(file, patience_s=0)
    with a_client(file, "BEGIN IMMEDIATE") as client, traced(client):
        assert [watch.look() for _ in range(3)] == [None, None, None]
        assert client.poll() is None


@pytest.mark.parametrize("name", ["bakeoff", "celery"])
def test_one_of_ours_that_stands_in_a_debugger_is_ended(file: Path, tmp_path: Path, name: str) -> None:
    watch = StoppedWriterWatch(file, patience_s=0)
    program = _a_program(tmp_path, name)
    with a_client(file, "BEGIN IMMEDIATE", program) as client, traced(client):
        assert [watch.look(), watch.look()] == [None, client.pid]
        assert client.wait() == -signal.SIGKILL


def test_one_that_this_user_may_not_end_does_not_end_the_watch(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(process: psutil.Process) -> None:
        raise psutil.AccessDenied(process.pid)

    watch = StoppedWriterWatch(file, patience_s=0)
    with a_client(file, "BEGIN IMMEDIATE") as client:
        stop(client)
        with monkeypatch.context() as patched:
            patched.setattr(psutil.Process, "kill", refused)
            assert [watch.look() for _ in range(3)] == [None, None, None]

        [warning] = caplog.records
        assert f"process {client.pid} is stopped in a write" in warning.getMessage()
        assert "let it go on (kill -CONT), or end it" in warning.getMessage()
        assert watch.look() == client.pid
