"""The files of temporary workers: which of them live, since when, and with which surroundings.

Each worker that a command started holds a lock on a file of its own in the data folder, from before it is
started until it is gone. The file says with which settings, packages and environment it was started.
"""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import psutil

from bakeoff.worker.temporary.workers_lock import LEAVING_S


class TemporaryWorker(NamedTuple):
    """A worker that a command started, by its file. It may have ended since the file was read."""

    file: Path
    pid: int
    surroundings: str

    @classmethod
    def all_of(cls, data_dir: Path) -> Iterator[Self]:
        """Those that live. The files of others are removed."""
        for file in sorted(_folder(data_dir).glob("*.json")):
            if not _is_locked(file):
                file.unlink(missing_ok=True)
                continue
            with suppress(OSError, ValueError, TypeError):  # half written: its command is just starting it
                worker = cls(file=file, **json.loads(file.read_text()))
                if worker.is_alive():
                    yield worker

    def is_alive(self) -> bool:
        """Processes of its pool hold the lock, too, and may outlive it for a moment."""
        return _is_locked(self.file) and self._is_running()

    def stop(self) -> bool:
        """Ends it by SIGTERM: running jobs have their grace. False if it is still there after a while."""
        if self._is_running():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + LEAVING_S
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        self.file.unlink(missing_ok=True)
        return True

    def _is_running(self) -> bool:
        """Whether the process of this number is the worker. A number is used again, also by containers."""
        try:
            process = psutil.Process(self.pid)
            return process.status() != psutil.STATUS_ZOMBIE and self.file.stem in " ".join(process.cmdline())
        except psutil.Error:
            return False


def file_of(data_dir: Path, run_id: str) -> Path:
    """The file of the worker that was started for this run. It is there for as long as that worker is."""
    return _folder(data_dir) / f"{run_id}.json"


def lock_new_file(data_dir: Path, run_id: str) -> int:
    """Makes the file of a worker that is about to be started, and locks it. The worker inherits the lock."""
    file = file_of(data_dir, run_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    unlocked = file.with_suffix(".new")
    lock = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel releases it when nobody has the descriptor any more
    unlocked.rename(file)  # only now, because files that nobody locks are removed
    return lock


def _folder(data_dir: Path) -> Path:
    return data_dir / "workers"


def _is_locked(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
