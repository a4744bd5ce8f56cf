"""Who counts on the temporary workers of this machine, so that none leaves just before it is needed.

A worker that was started for one run serves whatever else comes, and leaves when nothing does. Whoever finds
it there, starts none of his own and enqueues a moment later must not come too late: he holds a lock on it.
"""

import fcntl
import os
import time

from bakeoff.operations import process_context

_LEAVING_S = 15.0  #: a worker that takes longer to end is not waited for
_mine: list[int] = []  #: descriptors of locks, held until this process ends or lets go


def count_on_workers() -> None:
    """From now on none leaves; one that is leaving already has left when this returns."""
    deadline = time.monotonic() + _LEAVING_S
    while not _lock(fcntl.LOCK_SH) and time.monotonic() < deadline:
        time.sleep(0.02)


def count_on_nobody() -> None:
    while _mine:
        os.close(_mine.pop())


def may_leave() -> bool:
    """Whether nobody counts on this worker. If so, then nobody does until its process has ended."""
    return bool(_mine) or _lock(fcntl.LOCK_EX)


def _lock(how: int) -> bool:
    folder = process_context.configuration().data_dir
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "workers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _mine.append(descriptor)
    return True
