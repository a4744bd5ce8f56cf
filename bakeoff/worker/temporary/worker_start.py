"""Finds a worker that a process may rely on, or starts one, for commands and for notebooks alike."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bakeoff.cell.oven.oven_handle import passed_on_environment
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import Configuration
from bakeoff.store.bakeoffs import job_rows
from bakeoff.worker.temporary.worker_files import TemporaryWorker
from bakeoff.worker.worker_processes import eval_command
from registry.code.distributions import installed_last
from registry.code.library_versions import own_version


class FoundWorker(NamedTuple):
    is_there: bool
    temporary: TemporaryWorker | None = None  #: None: it is one that somebody started to stay


def find_worker(context: Context) -> FoundWorker:
    """A worker of the same surroundings. Idle ones of others are ended, so that changes take effect."""
    configuration = context.configuration
    there = list(TemporaryWorker.all_of(configuration.data_dir))
    if there:
        surroundings = surroundings_of(configuration)
        for worker in there:
            if worker.surroundings == surroundings:
                return FoundWorker(is_there=True, temporary=worker)
        if nothing_waits(context):
            for outdated in there:
                outdated.stop()
            return FoundWorker(is_there=False)
    return FoundWorker(is_there=context.messenger.evaluations_are_read())


def start_worker(
    configuration: Configuration,
    words: Iterable[str],
    *,
    name: str,
    environment: Mapping[str, str] = os.environ,
    passed_on: Iterable[int] = (),
) -> "subprocess.Popen[bytes]":
    """Starts it in a session of its own, so that Ctrl-C does not reach it.

    It notices by its standard input when this process dies.
    """
    log_file = configuration.worker_log
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as output:
        return subprocess.Popen(
            [*eval_command(configuration, "INFO", name=name), *words],
            stdin=subprocess.PIPE,
            bufsize=0,
            stdout=output,
            stderr=output,
            env={**environment, **configuration.as_environment()},
            start_new_session=True,
            pass_fds=tuple(passed_on),
        )


def nothing_waits(context: Context) -> bool:
    backlog = job_rows.backlog(context.engine)
    return backlog.queued + backlog.running == 0


def surroundings_of(configuration: Configuration) -> str:
    """A digest of what a worker takes up when it starts, and does not follow later."""
    taken_up = [
        configuration.settings.model_dump_json(),
        sorted(configuration.as_environment().items()),
        sorted(passed_on_environment().items()),
        installed_last(),
        own_version(),
    ]
    return hashlib.sha256(json.dumps(taken_up).encode()).hexdigest()
