"""The worker that a command starts for its run when no other worker is there.

It serves other runs, too. When no run waits any more it stays for `keepWorker` seconds, so that the next
command finds a worker that has its libraries loaded; then it ends. A command relies on a worker of the same
settings, packages and environment, and ends an idle one of others: a change takes effect at once.
"""

import json
import os
from typing import TYPE_CHECKING

from bakeoff.operations.context import Context
from bakeoff.settings.configuration import Configuration
from bakeoff.worker.temporary.find_or_start_worker import (
    find_worker,
    nothing_waits,
    start_worker,
    surroundings_of,
)
from bakeoff.worker.temporary.when_worker_may_leave import WorkersLock
from bakeoff.worker.temporary.worker_files import TemporaryWorker, file_of, lock_new_file

if TYPE_CHECKING:
    import subprocess

#: What the run of this process relies on, if that is a temporary worker.
_relied_on: list[TemporaryWorker] = []
#: Workers that this process started. Kept, because their standard input must stay open.
_started: list["subprocess.Popen[bytes]"] = []


class ReliedOn:
    """The worker that the run of this process relies on, as the messenger of a command sees it."""

    def is_alive(self) -> bool:
        return bool(_relied_on) and _relied_on[-1].is_alive()

    def ring(self) -> bool:
        return bool(_relied_on) and _relied_on[-1].ring()


def start_for(context: Context, run_id: str) -> bool:
    """Sees to it that a worker serves this run. False if that is one that somebody started to stay.

    If this process dies before it has written the run, the worker notices that by its standard input, which
    this process holds.
    """
    configuration = context.configuration
    was_running = context.broker.is_running()
    context.broker.hold()
    lock = WorkersLock(configuration.data_dir)
    lock.rely_on_workers()
    _relied_on.clear()
    found = find_worker(context) if was_running else None
    if found is not None and found.is_there:
        if found.temporary is not None:
            _relied_on.append(found.temporary)
        return found.temporary is not None
    _relied_on.append(_start(configuration, run_id))
    lock.release()
    return True


def stop_idle(context: Context) -> int:
    """Ends the workers that only wait for a next run, and says how many. One at work is left alone."""
    there = list(TemporaryWorker.all_of(context.configuration.data_dir))
    if not there or not nothing_waits(context):
        return 0
    return sum(worker.stop() for worker in there)


def replace_the_dead(context: Context, run_id: str) -> bool:
    """Starts another worker if the one that this run relies on has died."""
    if not _relied_on or _relied_on[-1].is_alive():
        return False
    return start_for(context, run_id)


def _start(configuration: Configuration, run_id: str) -> TemporaryWorker:
    surroundings = surroundings_of(configuration)
    lock = lock_new_file(configuration.data_dir, run_id)
    process = start_worker(configuration, ["--for-run", run_id], name=f"run-{run_id[:8]}", passed_on=[lock])
    _started.append(process)
    os.write(lock, json.dumps({"pid": process.pid, "surroundings": surroundings}).encode())
    os.close(lock)
    return TemporaryWorker(file_of(configuration.data_dir, run_id), process.pid, surroundings)
