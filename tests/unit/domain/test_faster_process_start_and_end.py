"""How a process that imports much and lives briefly ends: as any other, only sooner."""

import gc
import os
import subprocess
import sys

import pytest

from bakeoff.domain.machine.faster_process_start_and_end import collecting_seldom


def ended(main: str) -> "subprocess.CompletedProcess[str]":
    """A process whose `main` has these lines."""
    body = "\n".join(f"    {line}" for line in main.splitlines())
    program = (
        "import atexit, logging, sys, threading, time\n"
        "from bakeoff.domain.machine.faster_process_start_and_end import run_and_end\n"
        f"def main():\n{body}\nrun_and_end(main)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.parametrize(
    ("main", "code", "said"),
    [
        ("pass", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('no such file')", 1, "no such file\n"),
    ],
)
def test_the_exit_code_is_that_of_any_process(main: str, code: int, said: str) -> None:
    process = ended(main)
    assert (process.returncode, process.stderr) == (code, said)


def test_an_error_is_printed_and_is_exit_code_one() -> None:
    process = ended("raise ValueError('odd')")
    assert process.returncode == 1
    assert process.stderr.endswith("ValueError: odd\n")


def test_what_was_printed_and_registered_and_started_comes_to_its_end() -> None:
    process = ended(
        "def late():\n"
        "    time.sleep(0.2)\n"
        "    print('thread')\n"
        "class Held(logging.Handler):\n"
        "    def emit(self, record): ...\n"
        "    def flush(self): print('log')\n"
        "logging.getLogger().addHandler(Held())\n"
        "atexit.register(print, 'registered')\n"
        "threading.Thread(target=late).start()\n"
        "print('main')"
    )
    assert process.stdout.split() == ["main", "thread", "registered", "log"]


def test_a_pipe_that_nobody_reads_any_more_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = (
        "from bakeoff.domain.machine.faster_process_start_and_end import run_and_end\n"
        "run_and_end(lambda: print('unread'))"
    )
    process = subprocess.run(
        [sys.executable, "-c", program],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, "")


def test_garbage_is_collected_as_before_after_two_threads_were_there_at_once() -> None:
    before, one, other = gc.get_threshold(), collecting_seldom(), collecting_seldom()
    gc.set_threshold(700, 10, 10)
    one.__enter__()
    other.__enter__()
    meanwhile = gc.get_threshold()
    one.__exit__(None, None, None)
    other.__exit__(None, None, None)
    found = gc.get_threshold()
    gc.set_threshold(*before)

    assert meanwhile[0] > 700
    assert found == (700, 10, 10)


def test_not_all_objects_are_collected_while_libraries_are_loaded() -> None:
    collected: list[int] = []

    def note(phase: str, facts: dict[str, int]) -> None:
        if phase == "stop":
            collected.append(facts["generation"])

    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    for _ in range(20):
        gc.collect(1)  # now the collection of all is due
    with collecting_seldom():
        gc.callbacks.append(note)
        kept = [[[]] for _ in range(1_000_000)]
        gc.callbacks.remove(note)
    gc.set_threshold(*before)

    assert kept
    assert collected
    assert 2 not in collected
