"""The files of temporary workers: which of them live, since when, and with which surroundings.

Each worker that a command started holds a lock on a file of its own in the data folder, from before it is
started until it is gone. The file says with which settings, packages and environment it was started.

Beside it is the *bell* of the worker, a named pipe: a byte in it asks for the doorbells that are due. So a
command that relies on the worker need not load Celery.
"""

import fcntl
import json
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import psutil

from bakeoff.worker.temporary.when_worker_may_leave import LEAVING_S

_CHUNK = 4_096


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
                _remove(file)
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
        _remove(self.file)
        return True

    def ring(self) -> bool:
        """Asks it for the doorbells that are due. False if it has no bell, or is dead."""
        try:
            # Also for reading: else this would fail while the worker has not opened its bell yet.
            bell = os.open(_bell_of(self.file), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            if not stat.S_ISFIFO(os.fstat(bell).st_mode) or not self.is_alive():
                return False
            with suppress(BlockingIOError):  # full: so many have asked already
                os.write(bell, b"!")
            return True
        finally:
            os.close(bell)

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


def listen(data_dir: Path, run_id: str, ring: Callable[[], object]) -> None:
    """Calls `ring` at once, and whenever the bell of this worker is rung. For a thread of its own.

    At once, since a run may have been written before the bell was opened, or for a worker that has died.
    Without a bell, as on a disk that knows no pipes, commands send their messages themselves.
    """
    bell = _bell_of(file_of(data_dir, run_id))
    try:
        with suppress(FileExistsError):  # that of a worker of this run that has died
            os.mkfifo(bell, 0o600)
        pipe = os.open(bell, os.O_RDWR | os.O_CLOEXEC)  # also for writing: else it would end with a writer
    except OSError:
        ring()
        return
    ring()
    while os.read(pipe, _CHUNK):
        ring()


def _bell_of(file: Path) -> Path:
    return file.with_suffix(".bell")


def _remove(file: Path) -> None:
    """The file of a worker that has ended, and its bell."""
    _bell_of(file).unlink(missing_ok=True)
    file.unlink(missing_ok=True)


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
