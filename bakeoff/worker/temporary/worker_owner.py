"""The process that a temporary worker belongs to, as the worker sees it: by its standard input.

The owner writes `+RUN` before it starts a run, and `-RUN` when the run is to end without it, whatever becomes
of the owner. When the owner dies, in whatever way, the pipe ends: its open runs are cancelled, and the worker
ends when nothing else waits.
"""

import os
import select
from collections.abc import Callable

_CHUNK = 65_536


class WorkerOwner:
    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._unread = b""
        self._open: set[str] = set()
        self._is_gone = False

    def look(self, cancel: Callable[[str], object]) -> bool:
        """Reads what the owner wrote. True if it is gone; its open runs are then given to `cancel`.

        If `cancel` raises, the next look goes on with those that are left.
        """
        while not self._is_gone and select.select([self._descriptor], [], [], 0)[0]:
            said = os.read(self._descriptor, _CHUNK)
            self._is_gone = not said
            self._note(said)
        if self._is_gone:
            for run_id in sorted(self._open):
                cancel(run_id)
                self._open.discard(run_id)
        return self._is_gone

    def _note(self, said: bytes) -> None:
        *lines, self._unread = (self._unread + said).split(b"\n")
        for line in lines:
            run_id = line[1:].decode()
            if line[:1] == b"+":
                self._open.add(run_id)
            else:
                self._open.discard(run_id)
