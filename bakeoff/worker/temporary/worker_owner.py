"""The process that a temporary worker belongs to, as the worker sees it: by its standard input.

The owner writes `+RUN` before it starts a run, and `-RUN` when the run is to end without it, whatever becomes
of the owner. `!` asks for the doorbells that are due: so the owner need not load Celery. When the owner dies,
in whatever way, the pipe ends: its open runs are cancelled, and the worker ends when nothing else waits.
"""

import os
import select
from collections.abc import Callable

RING = "!"  #: what the owner writes when it has written a run
_CHUNK = 65_536


class WorkerOwner:
    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._unread = b""
        self._open: set[str] = set()
        self._is_gone = False

    def listen(self, ring: Callable[[], object]) -> None:
        """Reads what the owner writes, as soon as it does, until it is gone. For a thread of its own."""
        while not self._is_gone:
            select.select([self._descriptor], [], [])
            if self._read():
                ring()

    def look(self, cancel: Callable[[str], object]) -> bool:
        """True if the owner is gone; its open runs are then given to `cancel`.

        If `cancel` raises, the next look goes on with those that are left.
        """
        if self._is_gone:
            for run_id in sorted(self._open):
                cancel(run_id)
                self._open.discard(run_id)
        return self._is_gone

    def _read(self) -> bool:
        """Whether doorbells are asked for."""
        said = os.read(self._descriptor, _CHUNK)
        *lines, self._unread = (self._unread + said).split(b"\n")
        for line in lines:
            run_id = line[1:].decode()
            if line[:1] == b"+":
                self._open.add(run_id)
            elif line[:1] == b"-":
                self._open.discard(run_id)
        self._is_gone = not said  # last: whoever sees it finds all that was said
        return RING.encode() in lines
