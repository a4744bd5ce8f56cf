"""The warm parent: serves one supervisor, one order at a time, until the supervisor or the Oven is gone."""

import os
import select
import socket
from pathlib import Path

from cell import family, landlock, libc, scratch
from cell.order import Order
from cell.process import Kit
from cell.vigil import AbandonedError, Bench, Vigil
from cell.wire import HangupError, Wire


def serve(connection: socket.socket, oven: int, root: Path, kit: Kit) -> None:
    """Returns when there is nobody left to serve; until then no descendant of it outlives its order."""
    libc.become_subreaper()
    enclosed = landlock.keep_signals_inside()
    try:
        wire = Wire(connection)
        bench = Bench(wire, oven, scratch.prepare(root), kit, enclosed)
        libc.hide_memory(hidden=True)
        wire.send({"pid": os.getpid()})
        while _is_called(bench):
            _serve_one(bench)
    except (HangupError, AbandonedError):
        return
    finally:
        family.end(enclosed=enclosed)


def _is_called(bench: Bench) -> bool:
    """Wait for the next order; False when the Oven is gone."""
    poll = select.poll()
    poll.register(bench.wire, select.POLLIN)
    poll.register(bench.oven, select.POLLIN)
    return bench.oven not in dict(poll.poll())


def _serve_one(bench: Bench) -> None:
    """What is not an order is the call to stop one that had just ended."""
    message = bench.wire.receive()
    descriptors = bench.wire.take_descriptors()
    try:
        if message is not None and "order" in message:
            log, *outputs = descriptors
            vigil = Vigil(Order.from_json(message["order"]), bench)
            bench.wire.send({"outcome": vigil.keep(log, outputs).to_json()})
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
