"""Processes that are stopped while they have the database, or while they have not."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from fixtures.project import wait_for

from bakeoff.store.database.stopped_writers import StoppedWriterWatch

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
def a_client(file: Path, begins: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", _CLIENT, str(file), begins]
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
