"""Finds a worker that a process may rely on, or starts one, for commands and for notebooks alike."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from bakeoff.cell.oven.start_and_stop_oven import passed_on_environment
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import Configuration
from bakeoff.store.bakeoffs import job_queries
from bakeoff.worker.run_celery_nodes import eval_command
from bakeoff.worker.temporary.start_worker_early import start_process
from bakeoff.worker.temporary.worker_files import TemporaryWorker
from registry.code.distribution_of_module import installed_last
from registry.code.library_versions import own_version
from registry.code.permitted_environment_and_files import name_problem

if TYPE_CHECKING:
    import subprocess


class FoundWorker(NamedTuple):
    is_there: bool
    #: None: it is one that somebody started to stay, or a busy temporary one of other surroundings.
    temporary: TemporaryWorker | None = None


def find_worker(context: Context) -> FoundWorker:
    """A temporary worker of the same surroundings, or else any that answers.

    Idle temporary ones of other surroundings are ended first, so that changes take effect. A busy one is
    relied on as it is, since other runs wait for it: the change takes effect when it has ended.
    """
    configuration = context.configuration
    there = list(TemporaryWorker.all_of(configuration.data_dir))
    if there:
        surroundings = surroundings_of(configuration)
        for worker in there:
            if worker.surroundings == surroundings:
                return FoundWorker(is_there=True, temporary=worker)
        have_ended = [outdated.stop() for outdated in there] if nothing_waits(context) else []
        if not all(have_ended):
            return FoundWorker(is_there=False)  # one is still leaving: it may answer, but takes no more jobs
    return FoundWorker(is_there=context.messenger.evaluations_are_read())


def start_worker(
    configuration: Configuration,
    words: Iterable[str],
    *,
    name: str,
    environment: Mapping[str, str] = os.environ,
    passed_on: Iterable[int] = (),
) -> "subprocess.Popen[bytes]":
    return start_process(
        [*eval_command(configuration, "INFO", name=name), *words],
        log=configuration.worker_log,
        environment={**environment, **configuration.as_environment()},
        passed_on=passed_on,
    )


def nothing_waits(context: Context) -> bool:
    backlog = job_queries.backlog(context.engine)
    return backlog.queued + backlog.running == 0


def surroundings_of(configuration: Configuration) -> str:
    """A digest of what a worker takes up when it starts, and does not follow later."""
    taken_up = [
        configuration.settings.model_dump_json(),
        sorted(configuration.as_environment().items()),
        sorted(passed_on_environment().items()),
        os.environ.get("PYTHONPATH", ""),
        sorted(_variables_for_candidates(configuration).items()),
        installed_last(),
        own_version(),
    ]
    return hashlib.sha256(json.dumps(taken_up).encode()).hexdigest()


def _variables_for_candidates(configuration: Configuration) -> dict[str, str]:
    """Those that `env` names, and more: all whose names are words of the catalog.

    To read that as YAML would take longer than all else that a command does to find its worker.
    """
    text = ""
    with suppress(OSError):  # then there are no candidates, and others say why
        text = configuration.catalog_file.read_text(errors="replace")
    words = {*configuration.settings.env, *re.findall(r"\w+", text)}
    return {name: os.environ[name] for name in words & os.environ.keys() if not name_problem(name)}
