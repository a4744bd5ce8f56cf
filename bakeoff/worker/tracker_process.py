"""The tracker: a process that logs runs to MLflow's tracking, and ends.

The main process of each worker starts it when a run is due. It is a process of its own, and not the saver:
a server that does not answer must keep neither verdicts nor models waiting, and the memory that MLflow's
client takes is freed when it ends. What it does is a command, `bakeoff track --waiting`, because a run is
logged with its report, and only what is above this room can write that.
"""

import os
import subprocess
import sys

from bakeoff.domain.machine.own_packages_and_disk_space import SOURCES
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs.results import tracking_rows
from registry.code.cell_import_and_readable_paths import import_path

COMMAND = ("-P", "-m", "bakeoff.cli.main", "track", "--waiting")


class Tracker:
    """The tracker of one worker, which runs once at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._process: subprocess.Popen[bytes] | None = None

    def start_if_due(self) -> bool:
        """Whether there is something to log, or a tracker at work."""
        if not self.is_busy():
            return False
        if not self.is_running():
            self._process = self._start()
        return True

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def is_busy(self) -> bool:
        """Whether it is logging, or will be at the next look."""
        return self.is_running() or (self.is_wanted and bool(tracking_rows.due(self._context.engine)))

    @property
    def is_wanted(self) -> bool:
        return self._context.configuration.settings.tracking is not None

    def _start(self) -> "subprocess.Popen[bytes]":
        configuration = self._context.configuration
        path = os.pathsep.join([str(SOURCES), *import_path(configuration.root)])
        return subprocess.Popen(
            [sys.executable, *COMMAND],
            env={**os.environ, **configuration.as_environment(), "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
