"""The warm parent's handle of a cell, which it forks ahead, so that an order need not wait for the fork."""

import fcntl
import os
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bakeoff.cell.host.cell_log import PIPE_BYTES
from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.message_channel import HangupError, MessageChannel
from bakeoff.cell.inside import cell_main
from bakeoff.cell.inside.cell_main import CellSetup, Channels


class ForkedCell:
    def __init__(self, setup: CellSetup) -> None:
        ours, theirs = socket.socketpair()
        self.report, report_end = os.pipe()
        self.log, log_end = _log_pipe()
        self._orders = MessageChannel(ours)
        self.pid = _fork(Channels(os.getpid(), theirs, log_end, report_end), setup)
        self.pidfd = os.pidfd_open(self.pid)
        theirs.close()
        os.close(report_end)
        os.close(log_end)

    @property
    def is_waiting(self) -> bool:
        """Whether it still waits for its order, and was not killed meanwhile."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return not poll.poll(0)

    def send_order(self, order: Order, scratch: Path, outputs: Sequence[int]) -> None:
        with suppress(HangupError):  # it has just been killed: the monitor that waits for it will see that
            self._orders.send({"order": order.to_json(), "scratch": str(scratch)}, outputs)

    def close(self) -> None:
        self._orders.close()
        for descriptor in (self.pidfd, self.report, self.log):
            os.close(descriptor)


def _fork(channels: Channels, setup: CellSetup) -> int:
    pid = os.fork()
    if pid == 0:
        cell_main.run_cell(channels, setup)
    return pid


def _log_pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    with suppress(OSError):  # the user has used up what pipes may take: a small one will do
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return reader, writer
