"""The saver: a process that saves what is due and ends.

It is started by the main process of each worker, for nothing that a worker has is fit to do it: the processes
of its pool are the slots of evaluations, its own loop must not wait, and a control node is not always there.
What it loads, the backend of the registry, goes with it.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from config import journal
from registry.surroundings import import_path
from store import savings
from tasks import wiring

_SOURCES = Path(__file__).resolve().parent.parent

_mine: "list[subprocess.Popen[bytes]]" = []  #: the one that this process started last


def start_if_due() -> None:
    if not is_at_it() and savings.due(wiring.engine()):
        _mine[:] = [_start()]


def is_at_it() -> bool:
    return bool(_mine) and _mine[0].poll() is None


def _start() -> "subprocess.Popen[bytes]":
    configuration = wiring.configuration()
    path = os.pathsep.join([str(_SOURCES), *import_path(configuration.root)])
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "tasks.saver"],
        env={**os.environ, **configuration.as_environment(), "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
    )


def main() -> None:
    from domain.meanwhile import StoppedError
    from tasks.saving import save_what_is_due

    journal.set_up("INFO", wiring.configuration().settings.log_format)
    with suppress(StoppedError):
        save_what_is_due()


if __name__ == "__main__":
    main()
