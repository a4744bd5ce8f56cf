"""The lock that keeps a temporary worker from leaving just before it is needed. A leaf, quick to import."""

import fcntl
import os
import time
from pathlib import Path

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
