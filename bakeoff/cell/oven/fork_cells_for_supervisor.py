"""The warm parent: runs the orders of one supervisor, one at a time, until the supervisor or the oven ends.

Each order gets a cell of its own, which the warm parent forks ahead of the order. A shared order runs in the
cell of the order before, if it may follow it.
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
        waiting: ForkedCell | None = None
        while True:
            waiting = _serve_one(workplace, setup, waiting)
    except (HangupError, AbandonedError):
        return
    finally:
        process_tree.kill_descendants(enclosed=enclosed)


def _raise_priority(niceness: int) -> None:
    """Gives this process a higher priority than the cells, so that it gets to kill a fork bomb in time."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness - _PRIORITY_AHEAD)


def _serve_one(workplace: Workplace, setup: CellSetup, waiting: ForkedCell | None) -> ForkedCell | None:
    """Runs the next order, in the cell that waits for one or in another. Returns it if it waits again."""
    cell = waiting or ForkedCell(setup)
    lives_on = False
    try:
        order, descriptors = _wait_for_order(workplace)
        if not cell.may_run(order):  # or it was killed before it had the order, which is no fault of the job
            cell.close()
            process_tree.kill_descendants(enclosed=workplace.enclosed)
            cell = ForkedCell(setup)
        outcome, lives_on = _run_order(workplace, cell, order, descriptors)
        workplace.channel.send({"outcome": outcome})
    finally:
        if not lives_on:
            cell.close()
    if not lives_on:
        return None
    cell.connect_anew()
    return cell


def _run_order(
    workplace: Workplace, cell: ForkedCell, order: Order, descriptors: Sequence[int]
) -> tuple[dict[str, Any], bool]:
    """The outcome, and whether the cell lives on."""
    log, *files = descriptors
    try:
        if not cell.has_run:  # else it is empty already, and another folder would not be open to the cell
            workplace.scratch.clear(order.limits.scratch_mb)
        monitor = CellMonitor(order, workplace, cell, log)
        outcome = monitor.run(files)
        return outcome.to_json(), monitor.lives_on
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
