"""A cell from an oven of its own, for commands and the saver, which have no slot of a worker."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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
    "bakeoff.evaluation.jobs.warm_up_cells:warm_up",
)


def run_in_own_oven(context: Context, order: Order) -> CellOutcome:
    """The oven ends with the cell. If this process dies, both end."""
    with own_oven(context) as run:
        return run(order)


@contextmanager
def own_oven(context: Context, *, preload: Sequence[str] = ()) -> Iterator[Callable[[Order], CellOutcome]]:
    """Yields a function that runs a cell. A cell that takes its warm parent with it does not end the oven.

    `preload`: more that each cell has in memory when it begins; it pays where there are several cells.
    """
    configuration = context.configuration
    hidden = socket_folders(configuration)
    with oven_for(configuration.root, closed=configuration.secrets, hidden=hidden, preload=preload) as run:
        yield run


@contextmanager
def oven_for(
    root: Path, *, closed: Sequence[Path] = (), hidden: Sequence[Path] = (), preload: Sequence[str] = ()
) -> Iterator[Callable[[Order], CellOutcome]]:
    """The same without a project: `root` is the folder that plugins are imported from."""
    modules = [*_PRELOADED, *preload]
    with Oven.start(preload=modules, import_path=import_path(root), closed=closed, hidden=hidden) as oven:

        def run(order: Order) -> CellOutcome:
            with connect(oven.socket, timeout_s=_START_S) as warm:
                return warm.run(order)

        yield run
