"""Which worker a process that keeps one relies on. The worker is a process that only waits for its input."""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bakeoff.worker.temporary import owned_worker, workers_lock
from bakeoff.worker.temporary.owned_worker import OwnedWorker


@dataclass
class Surroundings:
    """What the kept worker sees of a project."""

    folder: Path
    others_answer: bool = False
    is_running: bool = True
    asked: int = 0
    configuration: Any = field(init=False)

    def __post_init__(self) -> None:
        self.configuration = SimpleNamespace(
            data_dir=self.folder, worker_log=self.folder / "worker.log", as_environment=dict
        )
        self.broker = SimpleNamespace(is_running=lambda: self.is_running, hold_or_fail=lambda: None)
        self.messenger = SimpleNamespace(evaluations_are_read=self._ask)

    def _ask(self) -> bool:
        self.asked += 1
        return self.others_answer


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Surroundings]:
    heard = tmp_path / "heard"
    program = f"import sys; open({str(heard)!r}, 'w').write(sys.stdin.read())"
    monkeypatch.setattr(owned_worker, "eval_command", lambda *_, **__: [sys.executable, "-S", "-c", program])
    yield Surroundings(tmp_path)
    workers_lock.WorkersLock.release()


def heard(project: Surroundings) -> list[str]:
    return (project.folder / "heard").read_text().split()


def test_it_is_started_once_and_told_which_runs_end_with_the_process(project: Surroundings) -> None:
    kept = OwnedWorker(project)
    assert [kept.ensure(), kept.ensure()] == [True, True]
    for run_id in "ab":
        kept.own(run_id)
    kept.disown("a")
    kept.stop()

    assert heard(project) == ["+a", "+b", "-a"]


def test_no_worker_is_started_where_another_one_answers(project: Surroundings) -> None:
    project.others_answer = True
    kept = OwnedWorker(project)

    assert not kept.ensure()
    assert not (project.folder / "worker.log").exists()


def test_a_worker_that_died_is_replaced_and_told_of_the_open_runs(project: Surroundings) -> None:
    kept = OwnedWorker(project)
    kept.ensure()
    kept.own("a")
    assert kept._process is not None
    kept._process.kill()
    kept._process.wait()
    kept.ensure_again()
    kept.stop()

    assert heard(project) == ["+a"]


def test_when_others_answer_no_more_a_worker_is_started(
    project: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.others_answer = True
    kept = OwnedWorker(project)
    kept.ensure()
    project.others_answer = False
    kept.ensure_again()
    assert project.asked == 1  # they were asked a moment ago

    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 60)
    kept.ensure_again()
    assert kept._process is not None
    kept.stop()


def test_a_forked_child_does_not_keep_the_worker(project: Surroundings) -> None:
    kept = OwnedWorker(project)
    kept.ensure()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write_end)
        os.read(read_end, 1)
        os._exit(0)
    kept.stop()  # returns when the worker has read the end of its input, though the child still lives
    os.close(write_end)
    os.waitpid(child, 0)
    os.close(read_end)
