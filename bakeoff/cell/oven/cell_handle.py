"""The warm parent's handle of a cell, which it forks ahead, so that an order need not wait for the fork.

Or it is a cell that has run an order, and is shared: it waits for another one that may follow.
"""

import fcntl
import os
import select
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bakeoff.cell.host.cell_log import PIPE_BYTES
from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.message_channel import HangupError, MessageChannel
from bakeoff.cell.inside import cell_main
from bakeoff.cell.inside.cell_main import CellSetup, Channels

_PROCESS_CLOCK = 2  #: of the clocks that the kernel has of each process: what its threads have used together
_RESET_PEAK = "5"  #: written to `clear_refs`: the most memory that it had is from now on what it has now


class ForkedCell:
    def __init__(self, setup: CellSetup) -> None:
        ours, theirs = socket.socketpair()
        self.report, report_end = os.pipe()
        self.log, log_end = _log_pipe()
        self.orders = MessageChannel(ours)
        self._ends: list[int] = []  #: of the pipes of its next order, which it gets with it
        self._earlier: Order | None = None  #: that it ran last
        self.pid = _fork(Channels(os.getpid(), theirs, log_end, report_end), setup)
        self.pidfd = os.pidfd_open(self.pid)
        theirs.close()
        os.close(report_end)
        os.close(log_end)

    @property
    def has_run(self) -> bool:
        """Whether it ran an order before, and so may run only one that may follow."""
        return self._earlier is not None

    def may_run(self, order: Order) -> bool:
        """Whether the cell waits for an order, was not killed meanwhile, and may run this one."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return not poll.poll(0) and (self._earlier is None or order.may_follow(self._earlier))

    def send_order(self, order: Order, scratch: Path, files: Sequence[int]) -> None:
        """`files`: descriptors of its outputs and inputs."""
        self._earlier = order
        with suppress(HangupError):  # it has just been killed: the monitor that waits for it will see that
            self.orders.send({"order": order.to_json(), "scratch": str(scratch)}, [*self._ends, *files])
        self._close_ends()

    def connect_anew(self) -> None:
        """Makes the pipes of its next order. Those of the last one end here."""
        os.close(self.report)
        os.close(self.log)
        self.report, report_end = os.pipe()
        self.log, log_end = _log_pipe()
        self._ends = [report_end, log_end]
        # Where that is not possible, its peak is that of all its orders so far.
        with suppress(OSError):
            Path(f"/proc/{self.pid}/clear_refs").write_text(_RESET_PEAK)

    def cpu_s(self) -> float:
        """What it has used so far, without its descendants."""
        try:
            return time.clock_gettime((~self.pid << 3) | _PROCESS_CLOCK)
        except OSError:  # it was killed
            return 0.0

    def close(self) -> None:
        self.orders.close()
        self._close_ends()
        for descriptor in (self.pidfd, self.report, self.log):
            os.close(descriptor)

    def _close_ends(self) -> None:
        while self._ends:
            os.close(self._ends.pop())


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
