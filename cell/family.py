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
from time import monotonic, sleep

_PAUSE_S = 0.0005
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class Death:
    pid: int
    status: int  #: as of wait
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
    """Each with the number of its threads."""
    waiting = children(pid)
    while waiting:
        found = waiting.pop()
        threads = _threads(found)
        yield found, len(threads)
        waiting += _children(found, threads)


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


def end(*, spare: Collection[int] = (), enclosed: bool = False) -> list[Death]:
    """Kill the descendants of this process, but for the spared children and theirs, until none is left.

    `enclosed`: signals of this process reach nobody else, so that all can be killed in one call, and no
    fork slips through. The spared are not, if nothing else helps.
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
    except PermissionError:  # that is the proof: without the enclosure, -1 would be everybody
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)


def _kill_with_group(child: int) -> None:
    """Its group first, in one call; then those who have left it."""
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
