"""An oven for processes that have no slot of a worker: commands, the API and the saver.

It ends with its last cell. If the process dies, its oven and its cells end, too.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.broker.embedded_redis import socket_folders
from bakeoff.cell.host.cell_client import connect
from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.cell.oven.start_and_stop_oven import Oven
from bakeoff.domain.ids_and_times import new_id
from registry.code.cell_import_and_readable_paths import import_path

if TYPE_CHECKING:
    from bakeoff.settings.configuration import Configuration

_START_S = 60
_PRELOADED = (
    "bakeoff.settings.log_setup:set_up_for_plugins",
    "numpy",
    "pandas",
    "bakeoff.evaluation.jobs.warm_oven_with_tiny_evaluation:warm_up",
)

#: Runs an order in a cell, and returns how that ended.
RunCell = Callable[[Order], CellOutcome]


@contextmanager
def oven_for(
    root: Path,
    *,
    closed: Sequence[Path] = (),
    hidden: Sequence[Path] = (),
    preload: Sequence[str] = (),
    libraries: Sequence[str] = _PRELOADED,
) -> Iterator[RunCell]:
    """Yields a function that runs a cell. `root` is the folder that plugins are imported from.

    `preload`: more that each cell has in memory when it begins; it pays where there are several cells.
    A cell that takes its warm parent with it does not end the oven.
    """
    modules = [*libraries, *preload]
    with Oven.start(preload=modules, import_path=import_path(root), closed=closed, hidden=hidden) as oven:

        def run(order: Order) -> CellOutcome:
            with connect(oven.socket, timeout_s=_START_S) as warm:
                return warm.run(order)

        yield run


@contextmanager
def own_oven(configuration: "Configuration", *, preload: Sequence[str] = ()) -> Iterator[RunCell]:
    """`oven_for` a project: cells open none of its secrets, and do not see the sockets of its broker."""
    hidden = socket_folders(configuration)
    with oven_for(configuration.root, closed=configuration.secrets, hidden=hidden, preload=preload) as run:
        yield run


@contextmanager
def own_folder(configuration: "Configuration", run_id: str) -> Iterator[Path]:
    """A folder for the files of such cells. If this process dies, `bakeoff gc` finds it, by its run."""
    folder = configuration.copies / run_id / new_id()
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()


def why_it_ended(outcome: CellOutcome, *, longest_s: float, cure: str) -> str:
    """Why a cell returned nothing, in words that follow the name of the function. `cure`: of a slow one."""
    error = outcome.error
    match outcome.end:
        case End.TIMED_OUT:
            return f"took longer than {longest_s:g} s: {cure}"
        case End.RAISED if error is not None:
            return f"raised {error.type}: {error.message}"
        case End.EXITED:
            return f"ended its process with exit code {outcome.exit_code}"
        case End.MEMORY:
            return "ran out of memory"
        case End.LOST | End.SIGNALLED:
            return f"crashed: {error.message if error else outcome.signal}"
        case _:
            return f"failed: {error.message if error else outcome.end}"
