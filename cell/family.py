"""The descendants of a process: who they are, what they hold, and how to end them all.

The process must be a child subreaper: then nobody gets away, neither by setsid nor by a double fork.
"""

import os
import signal
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from resource import struct_rusage
from time import sleep

_PAUSE_S = 0.0005


@dataclass(frozen=True)
class Death:
    pid: int
    status: int  #: as of wait
    usage: struct_rusage  #: its own and that of the descendants it had waited for


def children(pid: int) -> list[int]:
    found: list[int] = []
    for thread in _threads(pid):
        with suppress(OSError):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())
    return found


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - names are enough, four times a second
    except OSError:
        return []


def descendants(pid: int) -> Iterator[int]:
    waiting = children(pid)
    while waiting:
        yield (found := waiting.pop())
        waiting += children(found)


def reap() -> tuple[list[Death], bool]:
    """The children that have died, and whether others are left. Waits for nothing."""
    deaths: list[Death] = []
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return deaths, False
        if pid == 0:
            return deaths, True
        deaths.append(Death(pid, status, usage))


def kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def end(spare: Collection[int] = ()) -> list[Death]:
    """Kill the descendants of this process, but for the spared children and theirs, until none is left."""
    deaths, left = reap()
    while left:
        doomed = [child for child in children(os.getpid()) if child not in spare]
        if not doomed and spare:
            break
        for child in doomed:
            kill([child])
            kill(descendants(child))
        sleep(_PAUSE_S)
        dead, left = reap()
        deaths += dead
    return deaths
