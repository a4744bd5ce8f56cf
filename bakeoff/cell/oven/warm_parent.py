"""The warm parent: runs the orders of one supervisor, one at a time, until the supervisor or the oven ends.

Each order gets a cell of its own, which the warm parent forks ahead of the order.
"""

import os
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bakeoff.cell.confinement import kernel_calls, landlock, scratch_folder
from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.message_channel import HangupError, MessageChannel
from bakeoff.cell.inside.cell_main import CellSetup
from bakeoff.cell.oven import process_tree
from bakeoff.cell.oven.cell_handle import ForkedCell
from bakeoff.cell.oven.cell_monitor import AbandonedError, CellMonitor, Workplace

_PRIORITY_AHEAD = 10  #: by how much its niceness is lower than that of its cells


def serve(connection: socket.socket, oven: int, root: Path, setup: CellSetup) -> None:
    """Returns when the supervisor or the oven has ended. No descendant of this process outlives its order."""
    kernel_calls.become_subreaper()
    _raise_priority(setup.niceness)
    enclosed = landlock.keep_signals_inside()
    try:
        channel = MessageChannel(connection)
        workplace = Workplace(
            channel, oven, scratch_folder.prepare(root, private=setup.private, hidden=setup.hidden), enclosed
        )
        kernel_calls.hide_memory(hidden=True)
        channel.send({"pid": os.getpid()})
        while True:
            _serve_one(workplace, setup)
    except (HangupError, AbandonedError):
        return
    finally:
        process_tree.kill_descendants(enclosed=enclosed)


def _raise_priority(niceness: int) -> None:
    """Gives this process a higher priority than the cells, so that it gets to kill a fork bomb in time."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness - _PRIORITY_AHEAD)


def _serve_one(workplace: Workplace, setup: CellSetup) -> None:
    cell = ForkedCell(setup)
    try:
        order, descriptors = _wait_for_order(workplace)
        if not cell.is_waiting:  # it was killed before it had the order, which is no fault of the job
            cell.close()
            cell = ForkedCell(setup)
        workplace.channel.send({"outcome": _run_order(workplace, cell, order, descriptors)})
    finally:
        cell.close()


def _run_order(
    workplace: Workplace, cell: ForkedCell, order: Order, descriptors: Sequence[int]
) -> dict[str, Any]:
    log, *outputs = descriptors
    try:
        workplace.scratch.clear(order.limits.scratch_mb)
        return CellMonitor(order, workplace, cell, log).run(outputs).to_json()
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _wait_for_order(workplace: Workplace) -> tuple[Order, list[int]]:
    poll = select.poll()
    poll.register(workplace.channel, select.POLLIN)
    poll.register(workplace.oven, select.POLLIN)
    while True:
        if workplace.oven in dict(poll.poll()):
            raise AbandonedError
        message = workplace.channel.receive()
        # Any other message is a request to stop the cell that has just ended by itself.
        if message is not None and "order" in message:
            return Order.from_json(message["order"]), workplace.channel.take_descriptors()
