"""The descendants of a process: which they are, how much memory they hold, and how to kill them all.

The process must be a child subreaper. Then no descendant escapes by setsid or by a double fork.
"""

import os
import signal
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from resource import struct_rusage
from time import monotonic, sleep

_PAUSE_S = 0.0005
_PATIENCE_S = 5.0  #: after which the spared processes are killed, too, if the others cannot be killed alone


@dataclass(frozen=True)
class DeadProcess:
    pid: int
    status: int  #: as `wait` returns it
    usage: struct_rusage  #: its own and that of the descendants it had waited for


def children(pid: int) -> list[int]:
    return _children(pid, _threads(pid))


def _children(pid: int, threads: Iterable[str]) -> list[int]:
    found: list[int] = []
    for thread in threads:
        with suppress(OSError):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())
    return found


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - names are enough, four times a second
    except OSError:
        return []


def descendants(pid: int) -> Iterator[tuple[int, int]]:
    """The pid and the number of threads of each."""
    waiting = children(pid)
    while waiting:
        found = waiting.pop()
        threads = _threads(found)
        yield found, len(threads)
        waiting += _children(found, threads)


def reap() -> tuple[list[DeadProcess], bool]:
    """The children that have died, and whether others are left. Does not wait."""
    deaths: list[DeadProcess] = []
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return deaths, False
        if pid == 0:
            return deaths, True
        deaths.append(DeadProcess(pid, status, usage))


def kill_descendants(*, spare: Collection[int] = (), enclosed: bool = False) -> list[DeadProcess]:
    """Kill the descendants of this process until none is left, except the spared children and theirs.

    `enclosed`: signals of this process reach only its descendants, so that all can be killed in one call, and
    no fork escapes. If nothing else helps, the spared children are killed, too.
    """
    patience_until = monotonic() + _PATIENCE_S
    deaths, left = reap()
    while left:
        doomed = [child for child in children(os.getpid()) if child not in spare]
        if not doomed and spare:
            break
        if enclosed and (not spare or monotonic() > patience_until):
            _kill_all_at_once()
        for child in doomed:
            _kill_with_group(child)
        sleep(_PAUSE_S)
        dead, left = reap()
        deaths += dead
    return deaths


def _kill_all_at_once() -> None:
    try:
        os.kill(os.getppid(), 0)
    except PermissionError:  # this proves the enclosure: without it, -1 would kill every process of the user
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)


def _kill_with_group(child: int) -> None:
    """Kill its process group first, in one call, then the descendants that have left the group."""
    _kill_group_of(child)
    for pid, _ in descendants(child):
        _kill_group_of(pid)


def _kill_group_of(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        group = os.getpgid(pid)
        if group != os.getpgrp():
            os.killpg(group, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)


_WORDS = 3  # in a line such as `VmRSS: 1234 kB`


@dataclass(frozen=True)
class ProcessMemory:
    """In KiB."""

    anonymous: int = 0
    shared: int = 0  #: /dev/shm, tmpfs, anonymous mappings that are shared
    resident: int = 0
    peak: int = 0  #: the most that was resident; of several processes, the sum of theirs

    def __add__(self, other: "ProcessMemory") -> "ProcessMemory":
        return ProcessMemory(
            self.anonymous + other.anonymous,
            self.shared + other.shared,
            self.resident + other.resident,
            self.peak + other.peak,
        )


def memory_of(pid: int | str) -> ProcessMemory:
    numbers = _numbers(Path(f"/proc/{pid}/status"))
    return ProcessMemory(
        numbers.get("RssAnon", 0),
        numbers.get("RssShmem", 0),
        numbers.get("VmRSS", 0),
        numbers.get("VmHWM", 0),
    )


def total(pids: Iterable[int]) -> ProcessMemory:
    """The sum over the processes. Shared pages count for each of them, so it is never too little."""
    return sum(map(memory_of, pids), ProcessMemory())


def fair_total(pids: Iterable[int]) -> ProcessMemory:
    """The same, with shared pages divided among the processes. Slow: milliseconds each; forks block it."""
    return sum(map(_fair, pids), ProcessMemory())


def _fair(pid: int) -> ProcessMemory:
    numbers = _numbers(Path(f"/proc/{pid}/smaps_rollup"))
    if "Pss" not in numbers:
        return memory_of(pid)
    return ProcessMemory(numbers.get("Pss_Anon", 0), numbers.get("Pss_Shmem", 0), numbers["Pss"])


def _numbers(file: Path) -> dict[str, int]:
    numbers = {}
    with suppress(OSError):
        for line in file.read_text("ascii", "replace").splitlines():
            words = line.split()
            if len(words) == _WORDS and words[2] == "kB":
                numbers[words[0].rstrip(":")] = int(words[1])
    return numbers
