"""The saver: a process that saves what is due and ends.

It is started by the main process of each worker, for nothing that a worker has is fit to do it: the processes
of its pool are the slots of evaluations, its own loop must not wait, and a control node is not always there.
What it loads, the backend of the registry, goes with it.
"""

import os
import subprocess
import sys
from contextlib import suppress

from bakeoff.domain.folders import SOURCES
from bakeoff.operations import process_context
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import saving_rows
from registry.code.import_environment import import_path

_mine: "list[subprocess.Popen[bytes]]" = []  #: the one that this process started last


def start_if_due() -> None:
    if not is_at_it() and saving_rows.due(process_context.engine()):
        _mine[:] = [_start()]


def is_at_it() -> bool:
    return bool(_mine) and _mine[0].poll() is None


def _start() -> "subprocess.Popen[bytes]":
    configuration = process_context.configuration()
    path = os.pathsep.join([str(SOURCES), *import_path(configuration.root)])
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "bakeoff.worker.saver_process"],
        env={**os.environ, **configuration.as_environment(), "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
    )


def main() -> None:
    from bakeoff.domain.background_work import StoppedError
    from bakeoff.operations.saving_duty import save_what_is_due

    log_setup.set_up("INFO", process_context.configuration().settings.log_format)
    with suppress(StoppedError):
        save_what_is_due()


if __name__ == "__main__":
    main()
