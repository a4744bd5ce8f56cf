"""The warm parent: serves one supervisor, one order at a time, until the supervisor or the Oven is gone."""

import os
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bakeoff.cell.confinement import kernel_calls, landlock, scratch_folder
from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.message_channel import HangupError, Wire
from bakeoff.cell.inside.cell_main import Kit
from bakeoff.cell.oven import process_tree
from bakeoff.cell.oven.cell_monitor import AbandonedError, Bench, CellMonitor
from bakeoff.cell.oven.forked_cell import Cell

_AHEAD = 10


def serve(connection: socket.socket, oven: int, root: Path, kit: Kit) -> None:
    """Returns when there is nobody left to serve; until then no descendant of it outlives its order."""
    kernel_calls.become_subreaper()
    _go_first(kit.niceness)
    enclosed = landlock.keep_signals_inside()
    try:
        wire = Wire(connection)
        bench = Bench(
            wire, oven, scratch_folder.prepare(root, private=kit.private, hidden=kit.hidden), enclosed
        )
        kernel_calls.hide_memory(hidden=True)
        wire.send({"pid": os.getpid()})
        while True:
            _serve_one(bench, kit)
    except (HangupError, AbandonedError):
        return
    finally:
        process_tree.end(enclosed=enclosed)


def _go_first(niceness: int) -> None:
    """Before the cells: a fork bomb must not keep its warden waiting."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, niceness - _AHEAD)


def _serve_one(bench: Bench, kit: Kit) -> None:
    cell = Cell(kit)
    try:
        order, descriptors = _wait_for_order(bench)
        if not cell.waits:
            cell.close()
            cell = Cell(kit)
        bench.wire.send({"outcome": _bake(bench, cell, order, descriptors)})
    finally:
        cell.close()


def _bake(bench: Bench, cell: Cell, order: Order, descriptors: Sequence[int]) -> dict[str, Any]:
    log, *outputs = descriptors
    try:
        bench.scratch.clear(order.limits.scratch_mb)
        return CellMonitor(order, bench, cell, log).keep(outputs).to_json()
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _wait_for_order(bench: Bench) -> tuple[Order, list[int]]:
    poll = select.poll()
    poll.register(bench.wire, select.POLLIN)
    poll.register(bench.oven, select.POLLIN)
    while True:
        if bench.oven in dict(poll.poll()):
            raise AbandonedError
        message = bench.wire.receive()
        if (
            message is not None and "order" in message
        ):  # what else comes is a call to stop what has just ended
            return Order.from_json(message["order"]), bench.wire.take_descriptors()
