"""The oven of a worker: what it imports, and its restarts."""

import logging
import os
from typing import TYPE_CHECKING, Any

from bakeoff.broker.embedded_redis import socket_folders
from bakeoff.domain.machine.restart_policy import RestartPolicy
from bakeoff.settings.configuration import Configuration
from bakeoff.settings.setting_definitions import Settings
from bakeoff.worker import early_oven

if TYPE_CHECKING:
    from bakeoff.cell.oven.oven_handle import Oven
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


def oven_order(configuration: Configuration) -> dict[str, Any]:
    """What the oven of a worker is, as JSON can hold it."""
    return {
        "preload": preloaded(configuration.settings),
        "root": str(configuration.root),
        "closed": [str(path) for path in configuration.secrets],
        "hidden": [str(path) for path in socket_folders(configuration)],
    }


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
        self._oven = early_oven.take() or early_oven.start_oven(oven_order(configuration))
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
