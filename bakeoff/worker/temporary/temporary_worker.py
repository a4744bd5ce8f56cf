"""The worker that a command starts for its run when no other worker is there.

It serves other runs, too. When no run waits any more it stays for `keepWorker` seconds, so that the next
command finds a worker that has its libraries loaded; then it ends.

Each such worker holds a lock on a file of its own in the data folder, from before it is started until it is
gone. The file says with which settings, packages and environment it was started. A command relies on a worker
of the same surroundings, and ends an idle one of others: a change of the configuration takes effect at once.
"""

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import psutil

from bakeoff.cell.oven.oven_handle import passed_on_environment
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import Configuration
from bakeoff.store.bakeoffs import job_rows
from bakeoff.worker.temporary.workers_lock import LEAVING_S, WorkersLock
from bakeoff.worker.worker_processes import eval_command
from registry.code.distributions import installed_last
from registry.code.library_versions import own_version


class TemporaryWorker(NamedTuple):
    """One that was there when its file was read."""

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
        return _is_locked(self.file) and _runs(self.pid)

    def stop(self) -> bool:
        """Ends it by SIGTERM: running jobs have their grace. False if it is still there after a while."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + LEAVING_S
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        self.file.unlink(missing_ok=True)
        return True


#: What the run of this process relies on.
_relied_on: list[TemporaryWorker] = []
#: Workers that this process started. Kept, because their standard input must stay open.
_started: list["subprocess.Popen[bytes]"] = []


def start_for(context: Context, run_id: str) -> bool:
    """Sees to it that a worker serves this run. False if that is one that somebody started to stay.

    The worker has a session of its own, so that Ctrl-C does not reach it. If this process dies before it has
    written the run, the worker notices that by its standard input, which this process holds.
    """
    configuration = context.configuration
    was_running = context.broker.is_running()
    context.broker.hold()
    lock = WorkersLock(configuration.data_dir)
    lock.rely_on_workers()
    surroundings = _surroundings(configuration)
    there = list(TemporaryWorker.all_of(configuration.data_dir)) if was_running else []
    same = [worker for worker in there if worker.surroundings == surroundings]
    if same:
        _relied_on[:] = same[:1]
        return True
    if there and _nothing_waits(context):
        for outdated in there:
            outdated.stop()
    elif was_running and context.messenger.evaluations_are_read():
        return False
    _relied_on[:] = [_start(configuration, run_id, surroundings)]
    lock.release()
    return True


def stop_idle(context: Context) -> int:
    """Ends the workers that only wait for a next run, and says how many. One at work is left alone."""
    there = list(TemporaryWorker.all_of(context.configuration.data_dir))
    if not there or not _nothing_waits(context):
        return 0
    return sum(worker.stop() for worker in there)


def replace_the_dead(context: Context, run_id: str) -> bool:
    """Starts another worker if the one that this run relies on has died."""
    if not _relied_on or _relied_on[-1].is_alive():
        return False
    return start_for(context, run_id)


def _start(configuration: Configuration, run_id: str, surroundings: str) -> TemporaryWorker:
    file, log_file = file_of(configuration.data_dir, run_id), configuration.worker_log
    file.parent.mkdir(parents=True, exist_ok=True)
    log_file.parent.mkdir(parents=True, exist_ok=True)
    unlocked = file.with_suffix(".new")
    lock = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # the worker inherits it, and the kernel releases it when it is gone
    unlocked.rename(file)  # only now, because files that nobody locks are removed
    with log_file.open("ab") as output:
        process = subprocess.Popen(
            [*eval_command("INFO", name=f"run-{run_id[:8]}"), "--for-run", run_id],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, **configuration.as_environment()},
            start_new_session=True,
            pass_fds=[lock],
        )
    _started.append(process)
    os.write(lock, json.dumps({"pid": process.pid, "surroundings": surroundings}).encode())
    os.close(lock)
    return TemporaryWorker(file, process.pid, surroundings)


def file_of(data_dir: Path, run_id: str) -> Path:
    """The file of the worker that was started for this run. It is there for as long as that worker is."""
    return _folder(data_dir) / f"{run_id}.json"


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


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _nothing_waits(context: Context) -> bool:
    backlog = job_rows.backlog(context.engine)
    return backlog.queued + backlog.running == 0


def _surroundings(configuration: Configuration) -> str:
    """A digest of what a worker takes up when it starts, and does not follow later."""
    taken_up = [
        configuration.settings.model_dump_json(),
        sorted(configuration.as_environment().items()),
        sorted(passed_on_environment().items()),
        installed_last(),
        own_version(),
    ]
    return hashlib.sha256(json.dumps(taken_up).encode()).hexdigest()
