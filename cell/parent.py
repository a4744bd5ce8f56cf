"""The warm parent: serves one supervisor, one order at a time, until the supervisor or the Oven is gone."""

import os
import select
import socket
from pathlib import Path

from cell import family, libc, scratch
from cell.order import Order
from cell.process import Kit
from cell.scratch import Scratch
from cell.vigil import AbandonedError, Vigil
from cell.wire import HangupError, Wire


def serve(connection: socket.socket, oven: int, root: Path, kit: Kit) -> None:
    """Returns when there is nobody left to serve; until then no descendant of it outlives its order."""
    libc.become_subreaper()
    wire = Wire(connection)
    try:
        room = scratch.prepare(root)
        libc.hide_memory(hidden=True)
        wire.send({"pid": os.getpid()})
        while _is_called(wire, oven):
            _serve_one(wire, oven, room, kit)
    except (HangupError, AbandonedError):
        return
    finally:
        family.end()


def _is_called(wire: Wire, oven: int) -> bool:
    """Wait for the next order; False when the Oven is gone."""
    poll = select.poll()
    poll.register(wire.fileno(), select.POLLIN)
    poll.register(oven, select.POLLIN)
    return oven not in dict(poll.poll())


def _serve_one(wire: Wire, oven: int, room: Scratch, kit: Kit) -> None:
    """What is not an order is the call to stop one that had just ended."""
    message = wire.receive()
    descriptors = wire.take_descriptors()
    try:
        if message is not None and "order" in message:
            log, *outputs = descriptors
            vigil = Vigil(Order.from_json(message["order"]), wire, oven, room)
            wire.send({"outcome": vigil.keep(log, outputs, kit).to_json()})
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
