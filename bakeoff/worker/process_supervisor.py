"""Child processes that are restarted when they die, until a signal stops them.

At the first signal the processes that bring work end, then those that do it, which have a grace period. At
the second signal all end at once. If this process is killed, each child gets SIGTERM.
"""

import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bakeoff.cell.confinement.kernel_calls import die_with_parent
from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.machine.restart_policy import RestartPolicy
from bakeoff.settings import log_setup
from bakeoff.worker.forked_module import ForkedProcess, fork, fork_for

log = logging.getLogger(__name__)

_DEATHS = 5
_WITHIN_S = 60.0
_LONG_PAUSE_S = 60.0
_LOOK_S = 0.2
_CALM_S = 10.0  #: between two looks while all is well; the end of a child, or a signal, ends the wait
_PATIENCE_S = 12.0  #: how long one that brings work may take to end before it is killed
_LAST_LINES, _LAST_BYTES = 5, 5_000
_BAD_USAGE = 2  #: the exit code of our own commands for wrong options or settings


def _restarts() -> RestartPolicy:
    return RestartPolicy(
        most=_DEATHS,
        within_s=_WITHIN_S,
        pause_s=lambda recent: _LONG_PAUSE_S if recent == _DEATHS else 2.0 ** (recent - 2),
    )


@dataclass
class Child:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path | None = None  #: its output is added to this file; None: it goes where ours goes
    is_vital: bool = True  #: it does the work: if it dies again and again, the others are stopped, too
    is_forked: bool = False  #: it shares the memory of what this process has imported
    process: "subprocess.Popen[bytes] | ForkedProcess | None" = None
    restarts: RestartPolicy = field(default_factory=_restarts)
    start_at: float = 0.0  #: monotonic time, before which it is not started

    def start(self) -> None:
        """Starts it in a process group of its own: Ctrl-C reaches only this process, which passes it on."""
        parent = os.getpid()
        output = (
            None if self.log is None else os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        )
        try:
            if self.is_forked:
                self.process = fork(self.command, self.environment, output, lambda: _leave_group(parent))
                return
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=lambda: _end_with(parent),  # noqa: PLW1509 - there is no thread here
            )
        finally:
            if output is not None:
                os.close(output)

    def look(self) -> None:
        """Starts it again if it has ended, after pauses that grow."""
        if self.process is not None and (code := self.process.poll()) is not None:
            self._note_death(code)
            self.process = None
        if self.process is None and time.monotonic() >= self.start_at:
            self.start()

    def _note_death(self, code: int) -> None:
        if code == _BAD_USAGE and self.restarts.never_died:
            raise InvalidInputError(f"{self.name} does not start{self._last_words()}")
        self.restarts.note_death()
        self.start_at = time.monotonic() + self.restarts.pause_s
        if not self.restarts.is_hopeless:
            log.warning("%s ended with code %s and is started again", self.name, code)
            return
        often = f"{self.name} died {_DEATHS} times within a minute{self._last_words()}"
        if self.is_vital:
            raise InfrastructureError(often)
        log.error("%s\nit is tried again in a minute", often)

    def _last_words(self) -> str:
        if self.log is None:
            return f": `{' '.join(self.command)}`"
        with self.log.open("rb") as written:
            written.seek(max(0, self.log.stat().st_size - _LAST_BYTES))
            lines = written.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
        said = "".join("\n  " + log_setup.readable(f"{line}\n").rstrip() for line in lines)
        return f"; the last lines of {self.log}:{said}"

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send_signal(self, number: int) -> None:
        if self.process is not None and self.is_alive():
            self.process.send_signal(number)


class AskedByChild:
    """A question that a forked child asks again and again until the answer is yes.

    Asking loads a client of Celery. In this process its memory would stay for as long as the services run.
    """

    def __init__(self, question: Callable[[], bool]) -> None:
        self._question = question
        self._child: ForkedProcess | None = None

    def __call__(self) -> bool:
        """Whether the answer was yes. Does not wait for it."""
        if self._child is None or self._child.poll():
            self._child = fork_for(self._ask, partial(_leave_group, os.getpid()))
        return self._child.poll() == 0

    def _ask(self) -> None:
        while not self._question():
            time.sleep(_LOOK_S)


def _leave_group(parent: int) -> None:
    os.setpgid(0, 0)
    _end_with(parent)


def _end_with(parent: int) -> None:
    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def supervise(children: Sequence[Child], *, meanwhile: Callable[[], bool] = lambda: False) -> None:
    """Runs the children until SIGTERM or Ctrl-C.

    `meanwhile` is called several times a second for as long as it returns True, and seldom afterwards.
    """
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: received.append(number))
    heard = _wake_at_signals()
    try:
        while not received:
            for child in children:
                child.look()
            is_busy = meanwhile() or any(child.process is None for child in children)
            select.select([heard], [], [], _LOOK_S if is_busy else _CALM_S)
            with suppress(BlockingIOError):
                os.read(heard, 4096)
    finally:
        _stop([child for child in children if not child.is_vital], received, signal.SIGKILL, _PATIENCE_S)
        _stop([child for child in children if child.is_vital], received, signal.SIGQUIT)


def _wake_at_signals() -> int:
    """A pipe that can be read after a signal. Also after SIGCHLD: a child has ended."""
    heard, told = os.pipe()
    for end in (heard, told):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return heard


def _stop(
    children: Sequence[Child],
    received: Sequence[int],
    hurry: signal.Signals,
    patience_s: float = float("inf"),
) -> None:
    """Sends SIGTERM, and the signal `hurry` when a second signal comes or `patience_s` has passed."""
    for child in children:
        child.send_signal(signal.SIGTERM)
    deadline, heard = time.monotonic() + patience_s, min(len(received), 1)
    while any(child.is_alive() for child in children):
        if len(received) > heard or time.monotonic() > deadline:
            heard, deadline = len(received), float("inf")
            for child in children:
                child.send_signal(hurry)
        time.sleep(_LOOK_S / 10)
