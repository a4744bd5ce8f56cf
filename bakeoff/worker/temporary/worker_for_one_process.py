"""A temporary worker that a process keeps for all its runs, such as the kernel of a notebook.

It is started once, so that later runs find it warm. It ends when the process that started it does, even if
that is killed, and then cancels the runs that nobody is waiting for any more (`when_worker_may_leave`).
"""

import os
import time
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING
from weakref import WeakSet

from bakeoff.worker.temporary.find_or_start_worker import find_worker, start_worker
from bakeoff.worker.temporary.start_worker_early import OWNED, owned_name
from bakeoff.worker.temporary.when_worker_may_leave import RING, WorkersLock

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from bakeoff.operations.context import Context

_ASK_OTHERS_S = 10.0

_all: "WeakSet[OwnedWorker]" = WeakSet()


class OwnedWorker:
    """The worker of this process, and the runs that end with the process. Safe to share between threads."""

    def __init__(
        self,
        context: "Context",
        environment: "Mapping[str, str] | None" = None,
        *,
        begun: "subprocess.Popen[bytes] | None" = None,
    ) -> None:
        """`environment`: of the worker; None: that of this process. `begun`: see `start_worker_early`."""
        self._context = context
        self._environment = environment
        self._begun = begun
        self._process: subprocess.Popen[bytes] | None = None
        self._runs: set[str] = set()  #: those that end with this process
        self._asked_at = 0.0
        self._starting = RLock()  #: without it, two threads would start a worker each
        _all.add(self)

    def ensure(self) -> bool:
        """Starts it, unless it is there, or another worker answers. Whether it is this process's own."""
        with self._starting:
            return self.is_alive() or self._start()

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _start(self) -> bool:
        configuration, broker = self._context.configuration, self._context.broker
        was_running = broker.is_running()
        broker.hold_or_fail()
        lock = WorkersLock(configuration.data_dir)
        lock.rely_on_workers()
        begun, self._begun = self._begun, None
        if begun is not None and begun.poll() is not None:  # it died while it started
            _close_input(begun)
            begun = None
        if begun is None and was_running and find_worker(self._context).is_there:
            self._asked_at = time.monotonic()
            return False  # the lock is kept, so that the other worker does not leave
        self.stop()  # one that has died: its pipe is still open here
        environment = os.environ if self._environment is None else self._environment
        self._process = begun or start_worker(
            configuration, [OWNED], name=owned_name(), environment=environment
        )
        lock.release()
        for run_id in sorted(self._runs):
            self._tell(f"+{run_id}")
        if self._runs:
            self._tell(RING)  # the one that died may not have heard it
        return True

    def ensure_again(self) -> None:
        """Starts another one if that of this process has died, or nobody else answers any more.

        For the time of a run, again and again: others are asked seldom, since that takes a while.
        """
        if self.is_alive():
            return
        if self._process is None:
            if time.monotonic() < self._asked_at + _ASK_OTHERS_S:
                return
            self._asked_at = time.monotonic()
            if self._context.messenger.evaluations_are_read():
                return
        self.ensure()

    def own(self, run_id: str) -> None:
        """The run is cancelled when this process dies. Called before the run is written."""
        self._runs.add(run_id)
        self._tell(f"+{run_id}")

    def disown(self, run_id: str) -> None:
        """The run goes on without this process, or has ended."""
        self._runs.discard(run_id)
        self._tell(f"-{run_id}")

    def ring(self) -> bool:
        """Lets the worker send the doorbells that are due. False if it is not there to hear it.

        It has Celery loaded, which this process need not import for that.
        """
        return self.is_alive() and self._tell(RING)

    def stop(self) -> None:
        """Ends the worker, if there is one, as the death of this process would, and waits for it."""
        with self._starting:
            process, self._process, self._begun = self._process or self._begun, None, None
            if process is not None:
                _close_input(process)
                process.wait()

    def _tell(self, line: str) -> bool:
        """Nobody hears it when the worker is dead; the next one is told all of it."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError, ValueError):
                self._process.stdin.write(f"{line}\n".encode())
                return True
        return False

    def _forget_in_child(self) -> None:
        self._starting = RLock()
        for process in (self._process, self._begun):
            if process is not None and process.stdin is not None:
                with suppress(OSError):
                    os.close(process.stdin.fileno())
        self._process = self._begun = None


def _close_input(process: "subprocess.Popen[bytes]") -> None:
    """By this the worker notices that nobody needs it."""
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()


def _forget_in_forked_children() -> None:
    """A forked child must not hold the pipe: the worker would outlive the process that owns it."""
    for worker in list(_all):
        worker._forget_in_child()  # noqa: SLF001 - of this module


os.register_at_fork(after_in_child=_forget_in_forked_children)
