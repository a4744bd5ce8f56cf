"""The oven of a worker: what it imports, and its restarts."""

import logging
import os
from typing import TYPE_CHECKING

from bakeoff.broker.embedded_redis import socket_folders
from bakeoff.domain.machine.restart_policy import RestartPolicy
from bakeoff.settings.configuration import Configuration
from bakeoff.settings.setting_definitions import Settings
from bakeoff.worker import early_oven

if TYPE_CHECKING:
    from bakeoff.cell.oven.start_and_stop_oven import Oven
    from bakeoff.worker.pool_shared_memory import SharedMemory

log = logging.getLogger(__name__)


def preloaded(settings: Settings) -> list[str]:
    """The modules that the oven imports, in this order."""
    return early_oven.libraries(settings.preload)


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
        """Takes the one that was begun with this process, if any, and says the rest of its order."""
        settings = configuration.settings
        begun = early_oven.take() or early_oven.begin(configuration.root, settings.preload)
        self._oven = begun.oven
        self._oven.finish(
            preload=[name for name in preloaded(settings) if name not in begun.loads],
            closed=configuration.secrets,
            hidden=socket_folders(configuration),
        )
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
