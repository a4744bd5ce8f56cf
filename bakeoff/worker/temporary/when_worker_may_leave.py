"""When a temporary worker may end: its owner is gone, and no command relies on it. A leaf, quick to import.

The owner is the process that the worker belongs to; the worker sees it by its standard input. The owner
writes `+RUN` before it starts a run, and `-RUN` when the run is to end without it, whatever becomes of the
owner. `!` asks for the doorbells that are due: so the owner need not load Celery. When the owner dies, in
whatever way, the pipe ends: its open runs are cancelled, and the worker ends when nothing else waits.
"""

import fcntl
import os
import select
import time
from collections.abc import Callable
from pathlib import Path

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


LEAVING_S = 15.0  #: a worker that takes longer to end is not waited for
_held: list[int] = []  #: descriptors of locks, held until this process ends or releases them


class WorkersLock:
    """Keeps a temporary worker of this machine from leaving just before it is needed.

    A command that finds such a worker starts none of its own, and writes its run a moment later. The worker
    must not end in between. So the command holds the lock shared, and a worker ends only while it holds the
    lock exclusively.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def rely_on_workers(self) -> None:
        """From now on no temporary worker ends. One that is already ending has ended when this returns."""
        deadline = time.monotonic() + LEAVING_S
        while not self._take(fcntl.LOCK_SH) and time.monotonic() < deadline:
            time.sleep(0.02)

    def may_leave(self) -> bool:
        """Whether no command relies on this worker. If so, none can begin to rely on it any more."""
        return bool(_held) or self._take(fcntl.LOCK_EX)

    def _take(self, kind: int) -> bool:
        self._data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._data_dir / "workers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        _held.append(descriptor)
        return True

    @staticmethod
    def release() -> None:
        """This process does not rely on workers any more."""
        while _held:
            os.close(_held.pop())
