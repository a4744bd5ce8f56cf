"""Cells from an oven of their own, for commands and the saver, which have no slot of a worker."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bakeoff.broker.embedded_redis import socket_folders
from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.cell_outcome import CellOutcome
from bakeoff.domain.ids_and_times import new_id
from bakeoff.evaluation.user_functions.temporary_oven import RunCell, oven_for
from bakeoff.operations.context import Context


def run_in_own_oven(context: Context, order: Order) -> CellOutcome:
    """The oven ends with the cell. If this process dies, both end."""
    with own_oven(context) as run:
        return run(order)


@contextmanager
def own_oven(context: Context, *, preload: Sequence[str] = ()) -> Iterator[RunCell]:
    """Yields a function that runs a cell. A cell that takes its warm parent with it does not end the oven.

    `preload`: more that each cell has in memory when it begins; it pays where there are several cells.
    """
    configuration = context.configuration
    hidden = socket_folders(configuration)
    with oven_for(configuration.root, closed=configuration.secrets, hidden=hidden, preload=preload) as run:
        yield run


@contextmanager
def own_folder(context: Context, run_id: str) -> Iterator[Path]:
    """A folder for the files of such cells. If this process dies, `bakeoff gc` finds it, by its run."""
    folder = context.configuration.copies / run_id / new_id()
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()
