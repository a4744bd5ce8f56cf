"""A cell from an oven of its own, for commands and the saver, which have no slot of a worker."""

from bakeoff.broker.embedded_redis import socket_folders
from bakeoff.cell.host.cell_client import connect
from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.cell_outcome import CellOutcome
from bakeoff.cell.oven.oven_handle import Oven
from bakeoff.operations.context import Context
from registry.code.import_environment import import_path

_START_S = 60
_PRELOADED = (
    "bakeoff.settings.log_setup:set_up_for_plugins",
    "numpy",
    "pandas",
    "bakeoff.evaluation.jobs.fit_and_predict:warm_up",
)


def run_in_own_oven(context: Context, order: Order) -> CellOutcome:
    """The oven ends with the cell. If this process dies, both end."""
    configuration = context.configuration
    with (
        Oven.start(
            preload=_PRELOADED,
            import_path=import_path(configuration.root),
            closed=configuration.secrets,
            hidden=socket_folders(context.configuration),
        ) as oven,
        connect(oven.socket, timeout_s=_START_S) as warm,
    ):
        return warm.run(order)
