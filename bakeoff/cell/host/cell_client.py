"""The client of the oven: a connection to a warm parent, which runs one order after another."""

import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.cell_outcome import CellOutcome, CellUsage, End, Failure
from bakeoff.cell.host.message_channel import HangupError, MessageChannel
from bakeoff.cell.host.open_and_place_output_files import Outputs
from bakeoff.cell.inside.cell_api import open_inputs
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.machine.own_packages_and_disk_space import is_lack_of_room

_GRACE_S = 30.0  # what a warm parent may take to end a cell and its many children, before it is given up


def connect(path: Path, *, timeout_s: float) -> "WarmParent":
    """Returns a warm parent of its own for this caller, as soon as the oven has loaded its libraries."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
        channel = MessageChannel(connection)
        hello = channel.receive(timeout_s)
        if hello is None:
            raise TimeoutError(f"it was not ready within {timeout_s:g} s, it may still import libraries")
        return WarmParent(channel, os.pidfd_open(int(hello["pid"])))
    except (OSError, HangupError) as error:
        connection.close()
        raise InfrastructureError(f"no oven answers at {path}: {error}; start the worker again") from error


class WarmParent:
    """The handle of a warm parent, for one thread of one process: it runs one order at a time."""

    def __init__(self, channel: MessageChannel, pidfd: int) -> None:
        self.closed = False
        self._channel = channel
        self._pidfd = pidfd

    def run(
        self,
        order: Order,
        *,
        keep_going: Callable[[], bool] = lambda: True,
        may_keep: Callable[[], bool] = lambda: True,
        tick_s: float = 1.0,
    ) -> CellOutcome:
        """Run the order in a cell, and return its outcome, whatever that is.

        `keep_going` is called every `tick_s`; if it returns False, the cell is killed: STOPPED.

        `may_keep` is called before the outputs are moved to their places; if it returns False, they are
        discarded: STOPPED, too. Without it, a process that stood still and lost its lease meanwhile would
        overwrite the outputs of its successor.

        If `keep_going` or a signal handler raises, the cell is killed before the exception goes on. After
        that, and after LOST, this handle is closed: connect again.
        """
        started = monotonic()
        with Outputs(order.outputs, order.limits, growing=order.growing, synced=order.synced) as outputs:
            try:
                self._send(order, outputs)
                outcome = self._await(order.limits.wall_s + _GRACE_S, keep_going, tick_s)
            except HangupError as error:
                self.close()
                return _lost(error, monotonic() - started)
            except BaseException:
                self.close()
                raise
            return _with_outputs(outcome, outputs, may_keep)

    def is_alive(self) -> bool:
        return not self.closed and not _ends_within(self._pidfd, 0)

    def close(self) -> None:
        """Closes the connection. A cell that still runs is killed before this returns."""
        if self.closed:
            return
        self.closed = True
        self._channel.close()
        if not _ends_within(self._pidfd, _GRACE_S):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        os.close(self._pidfd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, order: Order, outputs: Outputs) -> None:
        with ExitStack() as opened:
            log = _open_log(order.log)
            opened.callback(os.close, log)
            inputs = open_inputs(order.inputs)
            for descriptor in inputs.values():
                opened.callback(os.close, descriptor)
            present = replace(order, inputs={name: order.inputs[name] for name in inputs})
            descriptors = [log, *outputs.descriptors, *inputs.values()]
            self._channel.send({"order": present.to_json()}, descriptors)

    def _await(self, longest_s: float, keep_going: Callable[[], bool], tick_s: float) -> CellOutcome:
        overdue = monotonic() + longest_s
        while monotonic() < overdue:
            outcome = self._receive(tick_s)
            if outcome is not None:
                return outcome
            if not keep_going():
                return self._stop()
        raise HangupError("it did not end its cell in time")

    def _stop(self) -> CellOutcome:
        self._channel.send({"stop": True})
        outcome = self._receive(_GRACE_S)
        if outcome is None:
            raise HangupError("it did not stop its cell in time")
        return outcome

    def _receive(self, timeout_s: float) -> CellOutcome | None:
        message = self._channel.receive(timeout_s)
        return None if message is None else CellOutcome.from_json(message["outcome"])


def _open_log(file: Path) -> int:
    """Opens the log; on a full disk, a log that keeps nothing, since the job can do without."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if not is_lack_of_room(error):
            raise
        return os.open("/dev/full", os.O_WRONLY | os.O_CLOEXEC)


def _ends_within(pidfd: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def _with_outputs(outcome: CellOutcome, outputs: Outputs, may_keep: Callable[[], bool]) -> CellOutcome:
    if outcome.end is not End.RETURNED:
        return outcome
    if problem := outputs.too_large():
        failure = Failure(type="OutputTooLarge", message=problem)
        return replace(outcome, end=End.BAD_REPORT, value=None, error=failure)
    if not may_keep():
        failure = Failure(type="Stopped", message="its supervisor did not keep its outputs")
        return replace(outcome, end=End.STOPPED, value=None, error=failure)
    outputs.put_in_place()
    return outcome


def _lost(error: HangupError, wall_s: float) -> CellOutcome:
    failure = Failure(
        type="WarmParentLost",
        message=f"the process that supervised the cell died: {error}",
        hint="Somebody killed it: most often the kernel, out of memory.",
    )
    return CellOutcome(end=End.LOST, error=failure, usage=CellUsage(wall_s=wall_s))
