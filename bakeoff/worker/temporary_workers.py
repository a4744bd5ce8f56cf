"""The lock by which no temporary worker of this machine leaves just before it is needed.

A worker that was started for one run serves other runs, too, and leaves when none waits. A command that finds
such a worker starts none of its own, and writes its run a moment later: meanwhile the worker must not leave.
So the command holds the lock `workers.lock` shared, and a worker leaves only with the lock held exclusively.
"""

import fcntl
import os
import time
from pathlib import Path

_LEAVING_S = 15.0  #: a worker that takes longer to end is not waited for
_held: list[int] = []  #: descriptors of locks, held until this process ends or releases them


class WorkersLock:
    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def rely_on_workers(self) -> None:
        """From now on no worker leaves; one that is leaving already has left when this returns."""
        deadline = time.monotonic() + _LEAVING_S
        while not self._take(fcntl.LOCK_SH) and time.monotonic() < deadline:
            time.sleep(0.02)

    def may_leave(self) -> bool:
        """Whether no command relies on this worker. If so, none can begin to before this process ends."""
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


def release() -> None:
    """Workers may leave again, as far as this process is concerned."""
    while _held:
        os.close(_held.pop())
