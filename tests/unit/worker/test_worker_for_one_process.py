"""Which worker a process that keeps one relies on. The worker is a process that only waits for its input."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from bakeoff.settings.configuration import load
from bakeoff.worker.temporary import find_or_start_worker, when_worker_may_leave, worker_files
from bakeoff.worker.temporary.send_doorbells_through_worker import MessengerByWorker
from bakeoff.worker.temporary.worker_for_one_process import OwnedWorker


@dataclass
class Surroundings:
    """What the owned worker sees of a project."""

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
    monkeypatch.setattr(
        find_or_start_worker, "eval_command", lambda *_, **__: [sys.executable, "-S", "-c", program]
    )
    yield Surroundings(tmp_path)
    when_worker_may_leave.WorkersLock.release()


def heard(project: Surroundings) -> list[str]:
    return (project.folder / "heard").read_text().split()


def test_it_is_started_once_and_told_which_runs_end_with_the_process(project: Surroundings) -> None:
    owned = OwnedWorker(project)
    assert [owned.ensure(), owned.ensure()] == [True, True]
    for run_id in "ab":
        owned.own(run_id)
    owned.disown("a")
    owned.stop()

    assert heard(project) == ["+a", "+b", "-a"]


def test_no_worker_is_started_where_another_one_answers(project: Surroundings) -> None:
    project.others_answer = True
    owned = OwnedWorker(project)

    assert not owned.ensure()
    assert not (project.folder / "worker.log").exists()


def test_a_worker_that_died_is_replaced_and_told_of_the_open_runs(project: Surroundings) -> None:
    owned = OwnedWorker(project)
    owned.ensure()
    owned.own("a")
    assert owned._process is not None
    owned._process.kill()
    owned._process.wait()
    owned.ensure_again()
    owned.stop()

    assert heard(project) == ["+a", "!"]


class OwnMessenger:
    """Stands for Celery in this process."""

    sent: ClassVar[list[str]] = []

    def send_doorbells(self, jobs: Any) -> bool:
        self.sent.extend(jobs)
        return True

    def jobs_with_doorbell(self, *, most: int) -> list[str]:
        return self.sent[:most]


def test_the_worker_sends_the_messages_of_its_owner_which_sends_them_itself_without_one(
    project: Surroundings,
) -> None:
    owned, made = OwnedWorker(project), list[OwnMessenger]()

    def make_own() -> Any:
        made.append(OwnMessenger())
        return made[-1]

    messenger = MessengerByWorker(owned, make_own)
    owned.ensure()
    assert messenger.jobs_with_doorbell(most=9) == []
    assert messenger.send_doorbells(cast("Any", ["job"]))
    assert messenger.queue_readers()["evaluations"]
    owned.stop()
    assert (heard(project), made) == (["!"], [])

    assert messenger.send_doorbells(cast("Any", ["job"]))
    assert messenger.jobs_with_doorbell(most=9) == ["job"]
    assert len(made) == 1


def test_when_others_answer_no_more_a_worker_is_started(
    project: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.others_answer = True
    owned = OwnedWorker(project)
    owned.ensure()
    project.others_answer = False
    owned.ensure_again()
    assert project.asked == 1  # they were asked a moment ago

    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 60)
    owned.ensure_again()
    assert owned._process is not None
    owned.stop()


def test_a_forked_child_does_not_keep_the_worker(project: Surroundings) -> None:
    owned = OwnedWorker(project)
    owned.ensure()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write_end)
        os.read(read_end, 1)
        os._exit(0)
    owned.stop()  # returns when the worker has read the end of its input, though the child still lives
    os.close(write_end)
    os.waitpid(child, 0)
    os.close(read_end)


def idle_worker(project: Surroundings, run_id: str, *words: str) -> "subprocess.Popen[bytes]":
    """A process that holds the lock of a worker's file, as the worker of a command does while it waits."""
    lock = worker_files.lock_new_file(project.folder, run_id)
    command = [sys.executable, "-S", "-c", "import time; time.sleep(60)", *words]
    process = subprocess.Popen(command, pass_fds=[lock])
    os.write(lock, json.dumps({"pid": process.pid, "surroundings": "others"}).encode())
    os.close(lock)
    return process


@pytest.fixture
def nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find_or_start_worker, "nothing_waits", lambda _: True)
    monkeypatch.setattr(find_or_start_worker, "surroundings_of", lambda _: "today's")


@pytest.mark.usefixtures("nothing_waits")
def test_an_idle_worker_of_other_settings_is_ended_and_another_started(project: Surroundings) -> None:
    with idle_worker(project, "earlier", "--for-run", "earlier") as outdated:
        own = OwnedWorker(project)

        assert own.ensure()
        assert outdated.wait(5) == -signal.SIGTERM
    assert not list(worker_files.TemporaryWorker.all_of(project.folder))
    own.stop()


@pytest.mark.usefixtures("nothing_waits")
def test_where_an_idle_one_was_ended_one_that_stays_is_relied_on(project: Surroundings) -> None:
    project.others_answer = True
    with idle_worker(project, "earlier", "--for-run", "earlier") as outdated:
        assert not OwnedWorker(project).ensure()
        assert outdated.wait(5) == -signal.SIGTERM
    assert not (project.folder / "worker.log").exists()


@pytest.mark.usefixtures("nothing_waits")
def test_one_that_is_still_leaving_is_not_relied_on(
    project: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.others_answer = True
    monkeypatch.setattr(worker_files.TemporaryWorker, "stop", lambda _: False)
    with idle_worker(project, "earlier", "--for-run", "earlier") as leaving:
        own = OwnedWorker(project)
        is_own = own.ensure()
        own.stop()
        leaving.kill()
    assert is_own


def test_a_change_of_a_variable_that_a_candidate_has_or_of_the_path_asks_for_another_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bakeoff.yaml").write_text("env: [OF_ALL]\n")
    (tmp_path / "models.yaml").write_text("models:\n  mine: {path: 'm:M', env: [OF_ONE]}\n")
    configuration = load(tmp_path, environment={})
    seen = [find_or_start_worker.surroundings_of(configuration)]
    for name in ("OF_ALL", "OF_ONE", "OF_NOBODY"):
        monkeypatch.setenv(name, "hf_123")
        seen.append(find_or_start_worker.surroundings_of(configuration))

    monkeypatch.setenv("PYTHONPATH", "packages")  # where a metric or a source may have been installed
    seen.append(find_or_start_worker.surroundings_of(configuration))

    assert len(set(seen[:3])) == 3
    assert seen[3] == seen[2] != seen[4]


@pytest.mark.usefixtures("nothing_waits")
def test_a_process_that_has_the_number_of_a_worker_is_left_alone(project: Surroundings) -> None:
    with idle_worker(project, "earlier") as stranger:
        worker = worker_files.TemporaryWorker(
            worker_files.file_of(project.folder, "earlier"), stranger.pid, ""
        )

        assert not worker.is_alive()
        assert not list(worker_files.TemporaryWorker.all_of(project.folder))
        assert worker.stop()
        with pytest.raises(subprocess.TimeoutExpired):
            stranger.wait(0.3)
        stranger.kill()
