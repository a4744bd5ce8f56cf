"""Watches one cell from its order until the last of its descendants has died, and returns its outcome.

A cell that is shared may live on, if its order left nothing in it.
"""

import os
import select
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from time import monotonic

from bakeoff.cell.confinement.scratch_folder import Scratch
from bakeoff.cell.host.cell_log import CellLog
from bakeoff.cell.host.cell_order import Order
from bakeoff.cell.host.cell_outcome import CellOutcome, CellUsage, End, Failure
from bakeoff.cell.host.message_channel import HangupError, MessageChannel
from bakeoff.cell.host.secret_mask import SecretMask
from bakeoff.cell.oven import process_tree
from bakeoff.cell.oven.cell_handle import ForkedCell
from bakeoff.cell.oven.read_cell_report import BadReportError, CellReport, ForkedChildError
from bakeoff.cell.oven.running_limits import Breach, LimitsCheck

_HINTS: Mapping[int, str] = {
    signal.SIGKILL: "Somebody killed it: most often the kernel, out of memory.",
    signal.SIGSEGV: "A compiled library crashed; the log shows where.",
    signal.SIGABRT: "A compiled library gave up; the end of the log may say why.",
    signal.SIGBUS: "A file that it had mapped was truncated, or a disk or /dev/shm was full.",
    signal.SIGILL: "A compiled library was built for another processor.",
}


#: How long a cell may take to end after its report. Its time limit counts no more then; its other limits
#: do as long as anything of it runs, and a cell that exceeds them loses its result.
_LINGER_S = 3.0


class AbandonedError(Exception):
    """The oven has ended, so its warm parents and their cells end, too."""


@dataclass(frozen=True)
class Workplace:
    """What a warm parent has for all its orders."""

    channel: MessageChannel  #: to its supervisor
    oven: int  #: pidfd of the oven
    scratch: Scratch
    enclosed: bool  #: signals of the warm parent reach only its descendants


class CellMonitor:
    def __init__(self, order: Order, workplace: Workplace, cell: ForkedCell, log: int) -> None:
        limits = order.limits
        self._order = order
        self._workplace = workplace
        self._cell = cell
        self._mask = SecretMask(order.environment.values())
        self._report = CellReport(cell.report, self._mask)
        self._log = CellLog(cell.log, log, limits.log_kb, mask=self._mask)
        inherited = process_tree.memory_of(cell.pid if cell.has_run else "self")
        self._limits = LimitsCheck(limits, workplace.scratch, inherited)
        self._used_before_s = cell.cpu_s() if cell.has_run else 0.0
        self._start = monotonic()
        self._deaths: list[process_tree.DeadProcess] = []
        self._reported: float | None = None  #: when the end of its report was read
        self._lingered = False
        self._left: list[str] | None = None  #: what its order left in a shared cell; None: it does not say
        self.lives_on = False  #: it waits for another order

    def run(self, files: Sequence[int]) -> CellOutcome:
        """Send the order and wait until all of the cell has ended. If this raises, the caller kills it."""
        self._cell.send_order(self._order, self._workplace.scratch.folder, files)
        breach = self._wait()
        if breach is None and self._left is not None:
            breach = self._finish_report()
            self._left += self._left_outside()
            self.lives_on = breach is None and not self._left
        if not self.lives_on:
            self._deaths += process_tree.kill_descendants(enclosed=self._workplace.enclosed)
        return self._outcome(breach or self._finish_report())

    def _left_outside(self) -> list[str]:
        """What the cell does not see itself: orphaned descendants, threads, files."""
        dead, _ = process_tree.reap()
        self._deaths += dead
        alone = [*process_tree.descendants(os.getpid())] == [(self._cell.pid, 1)]
        return [
            *(["processes"] if self._deaths or not alone else []),
            *([] if self._workplace.scratch.is_empty() else ["files"]),
            *(["a report without an end"] if self._report.end is not End.RETURNED else []),
        ]

    def _wait(self) -> Breach | None:
        """Wait until the cell has died by itself (None), or must be killed for the reason returned."""
        self._poll = select.poll()
        channel, pidfd = self._workplace.channel.fileno(), self._cell.pidfd
        for descriptor in (channel, self._workplace.oven, pidfd, self._report.pipe, self._log.pipe):
            self._poll.register(descriptor, select.POLLIN)
        if self._order.shared:
            self._poll.register(self._cell.orders, select.POLLIN)
        while True:
            ready = dict(self._poll.poll(self._longest_wait_s() * 1000))
            breach = self._handle(ready) or self._check_limits()
            has_ended = pidfd in ready or self._left is not None
            self._lingered = breach is None and not has_ended and self._linger_left_s() == 0
            if breach is not None or has_ended or self._lingered:
                return breach

    def _longest_wait_s(self) -> float:
        return min(self._left_s(), self._linger_left_s(), self._limits.due_s, self._log.due_s)

    def _linger_left_s(self) -> float:
        return inf if self._reported is None else max(0.0, self._reported + _LINGER_S - monotonic())

    def _left_s(self) -> float:
        """Of its time limit. That is over with its report: if it counted on, the wait would not wait."""
        if self._reported is not None:
            return inf
        return max(0.0, self._start + self._order.limits.wall_s - monotonic())

    def _handle(self, ready: dict[int, int]) -> Breach | None:
        if self._workplace.oven in ready:
            raise AbandonedError
        if self._log.pipe in ready or self._log.is_due:
            self._read_log()
        if self._cell.orders.fileno() in ready:
            self._read_left()
        if self._report.pipe in ready:
            return self._read_report()
        if self._workplace.channel.fileno() in ready and self._workplace.channel.receive(0) is not None:
            return _breach(End.STOPPED, "Stopped", "its supervisor stopped it")
        return None

    def _read_log(self) -> None:
        if not self._log.drain() or self._log.flooded:
            with suppress(KeyError):
                self._poll.unregister(self._log.pipe)

    def _read_left(self) -> None:
        try:
            message = self._cell.orders.receive(0) or {}
        except HangupError:  # it ends, which its descriptor will say
            self._poll.unregister(self._cell.orders)
            return
        if "left" in message:
            self._left = [str(what) for what in message["left"]]

    def _read_report(self) -> Breach | None:
        try:
            if not self._report.drain():
                self._poll.unregister(self._report.pipe)
        except BadReportError as error:
            return _bad_report(error)
        if self._report.end is not None and self._reported is None:
            self._reported = monotonic()
        return None

    def _check_limits(self) -> Breach | None:
        if self._left_s() == 0:
            limit_s = self._order.limits.wall_s
            return _breach(
                End.TIMED_OUT,
                "Timeout",
                f"it ran longer than {limit_s:g} seconds",
                "Raise its timeout, or let it do less.",
            )
        if self._limits.due_s > 0:
            return None
        dead, _ = process_tree.reap()
        self._deaths += dead
        return self._limits.look()

    def _finish_report(self) -> Breach | None:
        try:
            self._report.finish()
        except BadReportError as error:
            return _bad_report(error)
        return None

    def _outcome(self, breach: Breach | None) -> CellOutcome:
        code = 0 if self.lives_on or self._is_over_before_its_end else self._exit_code()
        end, error, exit_code = self._end(breach, code)
        return CellOutcome(
            end=end,
            phase=self._report.phase,
            value=self._report.value if end is End.RETURNED else None,
            error=error and self._masked(error),
            signal=-code if end is End.SIGNALLED else None,
            exit_code=exit_code,
            usage=self._usage(),
            log_tail=self._log.finish(),
            lingered=self._lingered and not self._is_over_before_its_end,
            left=tuple(self._left or ()),
            log_gap=self._log.gap,
        )

    def _exit_code(self) -> int:
        return next(
            os.waitstatus_to_exitcode(death.status) for death in self._deaths if death.pid == self._cell.pid
        )

    @property
    def _is_over_before_its_end(self) -> bool:
        """A shared cell tidies up after the report: what happens then is no fault of the order."""
        return self._order.shared and self._report.end is End.RETURNED

    def _masked(self, error: Failure) -> Failure:
        return Failure(**{name: self._mask.of_text(text) for name, text in vars(error).items()})

    def _end(self, breach: Breach | None, code: int) -> tuple[End, Failure | None, int | None]:
        if breach is not None:
            return breach.end, breach.failure, None
        if self._lingered and self._report.end is not None:
            return self._report.end, self._report.error, self._report.exit_code
        if code < 0:
            return End.SIGNALLED, _signalled(-code), None
        if code > 0 or self._report.end is None:
            return End.EXITED, _no_answer(code), code
        return self._report.end, self._report.error, self._report.exit_code

    def _usage(self) -> CellUsage:
        """That of this order: what earlier ones used in the same cell is taken off."""
        usages = [death.usage for death in self._deaths]
        cpu_s = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        peak_mb = max([self._limits.peak_mb, *(usage.ru_maxrss / 1024 for usage in usages)])
        if self.lives_on:
            cpu_s = self._cell.cpu_s()
            peak_mb = max(peak_mb, process_tree.memory_of(self._cell.pid).peak / 1024)
        return CellUsage(
            wall_s=monotonic() - self._start,
            cpu_s=max(0.0, cpu_s - self._used_before_s),
            peak_memory_mb=peak_mb,
        )


def _signalled(number: int) -> Failure:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return Failure(type=name, message=f"it was ended by {name}", hint=_HINTS.get(number, ""))


def _no_answer(code: int) -> Failure:
    return Failure(
        type="Exit",
        message=f"it left with exit code {code}, without an answer",
        hint="It must return, neither exit nor close descriptors that it has not opened.",
    )


def _bad_report(error: BadReportError) -> Breach:
    if isinstance(error, ForkedChildError):
        return _breach(
            End.BAD_REPORT,
            "ForkedChild",
            "a child process that it forked returned from its code, as if it were the cell",
            "End what os.fork begins with os._exit, or use multiprocessing.",
        )
    return _breach(
        End.BAD_REPORT,
        "BadReport",
        f"its report cannot be used: {error}",
        "Write only to files that you opened.",
    )


def _breach(end: End, kind: str, message: str, hint: str = "") -> Breach:
    return Breach(end, Failure(type=kind, message=message, hint=hint))
