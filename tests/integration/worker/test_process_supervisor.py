"""Processes that are kept alive: real ones, of a shell."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fixtures.projects.kitchen import below, is_alive
from fixtures.projects.project import wait_for

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.worker.process_supervisor import AskedByChild, Child

#: Two that bring work, then one that does it; each says when it is told to end, and how.
SUPERVISOR = """
import os, signal, sys
from pathlib import Path
from bakeoff.worker.process_supervisor import Child, supervise

# A shell starts what it runs in the background with this signal ignored, and then no trap hears it.
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

def says(name, is_vital, then):
    trap = f"trap 'echo {name} TERM >> said; {then}' TERM; trap 'echo {name} QUIT >> said; exit' QUIT"
    return Child(
        name=name,
        command=["bash", "-c", f"{trap}; echo $$ > {name}; while true; do sleep 0.02; done"],
        environment=os.environ,
        is_vital=is_vital,
    )

worker = says("worker", True, sys.argv[1])
supervise([worker, says("beat", False, "sleep 0.2; exit"), says("api", False, "exit")])
"""


class Kept:
    """A supervisor in a folder of its own, and its children."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.folder = folder
        self.process = process
        self.pids = {name: self.pid(name) for name in ("worker", "beat", "api")}

    def pid(self, name: str, other_than: int = 0) -> int:
        def look() -> int:
            text = (self.folder / name).read_text().strip() if (self.folder / name).exists() else ""
            return int(text) if text not in {"", str(other_than)} else 0

        return wait_for(look, f"the start of {name}")

    @property
    def said(self) -> list[str]:
        file = self.folder / "said"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Callable[[str], Kept]]:
    """To be told what the worker does at SIGTERM. Whatever comes of it, nothing is left."""
    started: list[subprocess.Popen[bytes]] = []

    def start(then: str) -> Kept:
        started.append(subprocess.Popen([sys.executable, "-c", SUPERVISOR, then], cwd=tmp_path))
        return Kept(tmp_path, started[0])

    yield start
    left = [pid for process in started for pid in (process.pid, *below(process.pid))]
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for process in started:
        process.wait()


def test_with_a_signal_what_brings_work_ends_first_and_the_worker_has_its_time(
    keep: Callable[[str], Kept],
) -> None:
    kept = keep("sleep 0.3; exit")
    kept.process.send_signal(signal.SIGINT)

    assert kept.process.wait(20) == 0
    assert sorted(kept.said[:2]) == ["api TERM", "beat TERM"]
    assert kept.said[2:] == ["worker TERM"]
    assert not any(map(is_alive, kept.pids.values()))


def test_with_the_second_signal_all_end_at_once(keep: Callable[[str], Kept]) -> None:
    kept = keep(":")
    kept.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "worker TERM" in kept.said, "its turn")
    assert is_alive(kept.pids["worker"])
    kept.process.send_signal(signal.SIGTERM)

    assert kept.process.wait(20) == 0
    assert kept.said[-1] == "worker QUIT"


def test_what_is_killed_is_started_again(keep: Callable[[str], Kept]) -> None:
    kept = keep("exit")
    for pid in kept.pids.values():
        os.kill(pid, signal.SIGKILL)

    again = [kept.pid(name, other_than=pid) for name, pid in kept.pids.items()]
    kept.process.terminate()
    assert kept.process.wait(20) == 0
    assert not any(map(is_alive, again))


def test_nothing_stays_when_the_supervisor_is_killed(keep: Callable[[str], Kept]) -> None:
    kept = keep("exit")
    kept.process.kill()
    kept.process.wait()

    wait_for(lambda: not any(map(is_alive, kept.pids.values())), "the end of all")


def a_child(folder: Path, script: str, *, is_vital: bool) -> Child:
    return Child(
        name="it", command=["sh", "-c", script], environment=os.environ, log=folder / "log", is_vital=is_vital
    )


def die(child: Child) -> None:
    """Once more, without a pause."""
    child.start_at = 0
    child.look()
    wait_for(lambda: not child.is_alive(), "its death")


def test_one_that_dies_again_and_again_is_started_after_pauses_that_grow(tmp_path: Path) -> None:
    child, pauses = a_child(tmp_path, "exit 1", is_vital=False), []
    for _ in range(6):
        die(child)
        before = time.monotonic()
        child.look()
        pauses.append(round(child.start_at - before, 1))
        assert not child.is_alive()

    assert pauses == [0.5, 1, 2, 4, 60, 60]


def test_without_one_that_does_the_work_there_is_no_going_on(tmp_path: Path) -> None:
    child = a_child(tmp_path, "echo one; echo two; kill -9 $$", is_vital=True)
    for _ in range(4):
        die(child)
        child.look()
    die(child)

    with pytest.raises(InfrastructureError) as given_up:
        child.look()

    assert str(given_up.value) == (
        f"it died 5 times within a minute; the last lines of {tmp_path}/log:\n"
        "  two\n  one\n  two\n  one\n  two"
    )


def test_one_that_was_told_something_wrong_is_not_tried_again(tmp_path: Path) -> None:
    child = a_child(tmp_path, "echo error: no such option; exit 2", is_vital=False)
    die(child)

    with pytest.raises(InvalidInputError) as refused:
        child.look()

    assert (
        str(refused.value) == f"it does not start; the last lines of {tmp_path}/log:\n  error: no such option"
    )


def test_a_log_is_for_this_user_alone_and_only_its_end_is_shown(tmp_path: Path) -> None:
    (tmp_path / "log").touch(0o600)
    child = a_child(
        tmp_path, "head -c 100000 /dev/zero | tr '\\0' x; echo; echo the end; exit 2", is_vital=True
    )
    die(child)

    with pytest.raises(InvalidInputError) as refused:
        child.look()

    assert str(refused.value).endswith("\n  the end")
    assert len(str(refused.value)) < 6000


def test_a_question_is_asked_by_a_child_until_the_answer_is_yes(tmp_path: Path) -> None:
    asked = tmp_path / "asked"

    def third_time() -> bool:
        with asked.open("a") as file:
            file.write(f"{os.getpid()} ")
        times = asked.read_text().split()
        if len(times) == 2:
            os._exit(9)  # another child asks then
        return len(times) == 3

    answered = AskedByChild(third_time)
    wait_for(answered, "yes")

    first, second, third = asked.read_text().split()
    assert first == second != third
    assert str(os.getpid()) not in {first, third}
    assert answered()
