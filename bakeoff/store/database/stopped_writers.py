"""Who was stopped in the middle of a write: on SQLite everybody else then waits until it goes on.

PostgreSQL ends the connection of a client that falls silent in a transaction. SQLite knows no such thing, so
the process is ended, by one that waits. That loses nothing: what was not committed never was, and whatever
else it was about is taken from it as from any that died.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

_WRITERS_BYTE = "120"  #: of the -shm file: where SQLite has the lock of the one that writes (WAL_WRITE_LOCK)


class StoppedWriterWatch:
    """Over the writers of one SQLite file, for a process that looks at them every now and then."""

    def __init__(self, file: Path, *, patience_s: float) -> None:
        self._index = file.with_name(file.name + "-shm")
        self._patience_s = patience_s
        self._suspect: psutil.Process | None = None
        self._since = 0.0

    def look(self) -> int | None:
        """The process that was ended, if one was stopped in a write for longer than anybody has patience."""
        found = _stopped_writer(self._index)
        if found is None or found != self._suspect:
            self._suspect, self._since = found, time.monotonic()
            return None
        if time.monotonic() - self._since < self._patience_s:
            return None
        with suppress(psutil.NoSuchProcess):
            found.kill()
        return found.pid


def _stopped_writer(index: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(_writer(index))
        return process if process.status() == psutil.STATUS_STOPPED else None
    except (OSError, LookupError, psutil.Error):
        return None


def _writer(index: Path) -> int:
    """From the kernel's list: to open the file and ask would cost this process its own locks at the close."""
    file = index.stat()
    place = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    for line in Path("/proc/locks").read_text("ascii").splitlines():
        words = line.split()
        if words[-3:-1] == [place, _WRITERS_BYTE] and words[-5] == "WRITE":
            return int(words[-4])
    raise LookupError("nobody writes")
