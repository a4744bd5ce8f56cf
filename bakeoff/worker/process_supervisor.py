"""Processes of ours that are kept alive until somebody says stop.

With the first signal they end in turn: what brings work first, then what does it, which gets its grace. With
the second they end at once. If the process that keeps them is killed, each of them is told to end.
"""

import logging
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bakeoff.cell.confinement.kernel_calls import die_with_parent
from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.settings import log_setup

log = logging.getLogger(__name__)

_DEATHS = 5  #: so many within _WITHIN_S, and it is more than bad luck
_WITHIN_S = 60.0
_PAUSE_S = 60.0
_LOOK_S = 0.2
_PATIENCE_S = 12.0  #: with one that brings work, and is to end
_LAST_LINES, _LAST_BYTES = 5, 5_000
_BAD_USAGE = 2  #: how our own commands end that were told something wrong


@dataclass
class Child:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path | None = None  #: what it says is added to it; None: it says it where we do
    is_vital: bool = True  #: it does the work; if it dies again and again, there is no point in going on
    process: "subprocess.Popen[bytes] | None" = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=_DEATHS))
    start_at: float = 0.0  #: not before

    def start(self) -> None:
        """Ctrl-C comes to us alone, and we pass it on."""
        us = os.getpid()
        output = (
            None if self.log is None else os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        )
        try:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=lambda: _end_with(us),  # noqa: PLW1509 - there is no thread here
            )
        finally:
            if output is not None:
                os.close(output)

    def look(self) -> None:
        """Start it again if it has ended, after pauses that grow."""
        if self.process is not None and self.process.poll() is not None:
            self._note_death(self.process.returncode)
            self.process = None
        if self.process is None and time.monotonic() >= self.start_at:
            self.start()

    def _note_death(self, code: int) -> None:
        if code == _BAD_USAGE and not self.deaths:
            raise InvalidInputError(f"{self.name} does not start{self._last_words()}")
        now = time.monotonic()
        self.deaths.append(now)
        recent = sum(now - death < _WITHIN_S for death in self.deaths)
        self.start_at = now + (_PAUSE_S if recent == _DEATHS else 2.0 ** (recent - 2))
        if recent < _DEATHS:
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

    def tell(self, number: int) -> None:
        if self.process is not None and self.is_alive():
            self.process.send_signal(number)


def _end_with(parent: int) -> None:
    die_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def supervise(children: Sequence[Child], *, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Until SIGTERM or Ctrl-C. `meanwhile` is called every now and then, while all of them are to live."""
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: told.append(number))
    try:
        while not told:
            for child in children:
                child.look()
            meanwhile()
            time.sleep(_LOOK_S)
    finally:
        _stop([child for child in children if not child.is_vital], told, signal.SIGKILL, _PATIENCE_S)
        _stop([child for child in children if child.is_vital], told, signal.SIGQUIT)


def _stop(
    children: Sequence[Child], told: Sequence[int], hurry: signal.Signals, patience_s: float = float("inf")
) -> None:
    """SIGTERM, and `hurry` after the second signal that we get, or when patience is at its end."""
    for child in children:
        child.tell(signal.SIGTERM)
    deadline, heard = time.monotonic() + patience_s, min(len(told), 1)
    while any(child.is_alive() for child in children):
        if len(told) > heard or time.monotonic() > deadline:
            heard, deadline = len(told), float("inf")
            for child in children:
                child.tell(hurry)
        time.sleep(_LOOK_S / 10)
