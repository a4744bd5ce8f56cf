"""The oven of a worker: what it imports, its start before the worker itself, and its restarts.

Celery is imported only when the worker has to be stopped: `start_early` is called before anything large.
"""

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from bakeoff.broker.embedded_redis import socket_folders
from bakeoff.cell.oven.oven_handle import Oven
from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.machine.restart_policy import RestartPolicy
from bakeoff.settings.configuration import Configuration, load
from bakeoff.settings.setting_definitions import Settings
from registry.code.import_environment import import_path

if TYPE_CHECKING:
    from bakeoff.worker.shared_memory import SharedMemory

log = logging.getLogger(__name__)

#: Imported in the oven once, so that every cell is forked with them in memory.
_ALWAYS = (
    "bakeoff.settings.log_setup:set_up_for_plugins",
    "numpy",
    "pandas",
    "pyarrow",
    "pyarrow.pandas_compat",
    "threadpoolctl",
    "joblib",
    "bakeoff.evaluation.jobs.warm_up_cells:warm_up",
)
#: Modules that are imported as well, for libraries that load their parts late.
_PARTS = {
    "sklearn": (
        "sklearn.pipeline",
        "sklearn.compose",
        "sklearn.preprocessing",
        "sklearn.impute",
        "sklearn.linear_model",
        "sklearn.ensemble",
        "sklearn.neighbors",
        "sklearn.svm",
        "sklearn.naive_bayes",
        "sklearn.neural_network",
        "sklearn.discriminant_analysis",
        "sklearn.dummy",
        "sklearn.tree",
        "bakeoff.evaluation.jobs.warm_up_cells:warm_up_sklearn",
    )
}


def preloaded(settings: Settings) -> list[str]:
    """The modules that the oven imports, in this order."""
    return [*_ALWAYS, *(part for name in settings.preload for part in _PARTS.get(name, (name,)))]


_early: list[Oven] = []  #: the oven of `start_early`, until the worker takes it over


def start_early() -> None:
    """Starts the oven of the worker that this process is about to become.

    It loads its libraries while this process loads Celery and ours. A broken configuration is told later, by
    the worker itself.
    """
    with suppress(BakeoffError):
        _early.append(_start(load()))


def _start(configuration: Configuration) -> Oven:
    return Oven.start(
        preload=preloaded(configuration.settings),
        import_path=import_path(configuration.root),
        closed=configuration.secrets,
        hidden=socket_folders(configuration),
    )


class WorkerOven:
    """The oven of a worker that reads evaluations: it is started with the worker, and again when it dies."""

    def __init__(self, memory: "SharedMemory") -> None:
        self._memory = memory
        self._oven: Oven | None = None
        self._restarts = RestartPolicy(most=5, within_s=60.0)

    @property
    def is_there(self) -> bool:
        return self._oven is not None

    def start(self, configuration: Configuration) -> None:
        self._oven = _early.pop() if _early else _start(configuration)
        self._memory.oven_socket = self._oven.socket

    def start_again_if_dead(self, configuration: Configuration) -> None:
        """Starts the oven again if it has died. After too many deaths it stops the worker instead."""
        if self._oven is None or self._oven.alive():
            return
        self._oven.stop()
        self._restarts.note_death()
        if self._restarts.is_hopeless:
            log.error(
                "the oven died %d times within a minute: this worker stops, `bakeoff doctor` tells more",
                self._restarts.most,
            )
            from celery.worker import state

            state.should_stop = os.EX_SOFTWARE
            return
        log.warning("the oven died and is started again")
        self.start(configuration)

    def stop(self) -> None:
        if self._oven is not None:
            self._oven.stop()
