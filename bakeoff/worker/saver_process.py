"""The saver: a process that saves the models of runs that have ended, and ends.

The main process of each worker starts it, since no other process of a worker could do it: those of the pool
are the slots of evaluations, the main loop must not wait, and a control node is not always there. What the
saver loads, the backend of the registry, is freed when it ends.
"""

import os
import subprocess
import sys
from contextlib import suppress

from bakeoff.domain.machine.background_work import StoppedError
from bakeoff.domain.machine.folders import SOURCES
from bakeoff.operations.context import Context
from bakeoff.settings import log_setup
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import saving_rows
from registry.code.import_environment import import_path


class Saver:
    """The saver of one worker, which runs once at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._process: subprocess.Popen[bytes] | None = None

    def start_if_due(self) -> None:
        if not self.is_running() and saving_rows.due(self._context.engine):
            self._process = self._start()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> "subprocess.Popen[bytes]":
        configuration = self._context.configuration
        path = os.pathsep.join([str(SOURCES), *import_path(configuration.root)])
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "bakeoff.worker.saver_process"],
            env={**os.environ, **configuration.as_environment(), "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
        )


def main() -> None:
    from bakeoff.operations.save_winners import save_due_models

    context = Context(load())
    log_setup.set_up("INFO", context.configuration.settings.log_format)
    with suppress(StoppedError):
        save_due_models(context)


if __name__ == "__main__":
    main()
