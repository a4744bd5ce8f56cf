"""Kills a process that stands still in the middle of a write: on SQLite all other writers wait for it.

PostgreSQL ends the connection of a client that is silent in a transaction for too long. SQLite has nothing
like that, so a waiting process kills the one that stands still. Nothing is lost: its transaction was not
committed, and its leases are taken over like those of any process that died.

A process that was stopped (SIGSTOP, Ctrl-Z) is killed in any case. One that stands still because a debugger
traces it is killed only if it was started as a process of Bakeoff. Otherwise it is a script that a developer
debugs, and it is left alone.
"""

import logging
import os
import time
from pathlib import Path

import psutil

log = logging.getLogger(__name__)

_WRITE_LOCK_BYTE = "120"  #: of the -shm file: what a process locks there while it writes (WAL_WRITE_LOCK)
_OURS = frozenset({"bakeoff", "celery"})
_CELERY_TITLE = "[celeryd:"  #: what Celery calls its processes where setproctitle is installed


class StoppedWriterWatch:
    """Watches the writers of one SQLite file. `look` is to be called regularly."""

    def __init__(self, file: Path, *, patience_s: float) -> None:
        self._index = file.with_name(file.name + "-shm")
        self._patience_s = patience_s
        self._suspect: tuple[psutil.Process, float] | None = None  #: with the CPU time that it had used
        self._since = 0.0
        self._spared: psutil.Process | None = None  #: the one that this process may not kill

    def look(self) -> int | None:
        """Kills the holder of the write lock if it has stood still for too long. Returns its pid."""
        found = _stopped_writer(self._index)
        if found is None or found != self._suspect:  # it ran in between, if it has used CPU time
            self._suspect, self._since = found, time.monotonic()
            return None
        if time.monotonic() - self._since < self._patience_s:
            return None
        return self._kill(found[0])

    def _kill(self, process: psutil.Process) -> int | None:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            return process.pid
        except psutil.AccessDenied:
            # Of another user. This must not end the thread that looks: the next stopped writer may be ours.
            if process != self._spared:
                log.warning(
                    "process %d is stopped in a write, where all others wait for it, and belongs to somebody "
                    "else: let it go on (kill -CONT), or end it",
                    process.pid,
                )
            self._spared = process
            return None
        return process.pid


def _stopped_writer(index: Path) -> tuple[psutil.Process, float] | None:
    """The process that holds the write lock and stands still, if it may be killed."""
    try:
        process = psutil.Process(_writer(index))
        state = process.status()
        if state not in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}:
            return None
        if _is_traced(process.pid) and not _is_ours(process.cmdline()):
            return None
        used = process.cpu_times()
        return process, used.user + used.system
    except (OSError, LookupError, psutil.Error):
        return None


def _is_traced(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines()
    return next((int(line.split()[1]) != 0 for line in lines if line.startswith("TracerPid:")), False)


def _is_ours(command: list[str]) -> bool:
    """Whether its program is `bakeoff ...`, `celery ...`, `python -m bakeoff.x` or `python -m celery`.

    The name is enough: the process holds the lock of our database, which no other Celery does.
    """
    words = command[:4]
    is_program = any({Path(word).name, word.partition(".")[0]} & _OURS for word in words)
    return is_program or "".join(words).startswith(_CELERY_TITLE)


def _writer(index: Path) -> int:
    """The pid of the process that holds the write lock, from the kernel's list of locks.

    Testing the lock would mean to open the file, and closing it again would release all locks that this
    process has on it: such are the rules of POSIX.
    """
    file = index.stat()
    place = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    for line in Path("/proc/locks").read_text("ascii").splitlines():
        words = line.split()
        if words[-3:-1] == [place, _WRITE_LOCK_BYTE] and words[-5] == "WRITE":
            return int(words[-4])
    raise LookupError("nobody writes")
