"""Memory that the main process of a worker and the processes of its pool share.

It is made when the worker starts, before the pool is forked. Each value has one writer: the main
process, or for a job at work the pool process that works on it.
"""

import mmap
import os
import struct
import time
from pathlib import Path

from billiard import current_process

_POOL_PROCESSES = 64  #: further ones share places with these, and a revoke may then miss its job
_LONGEST_SOCKET_PATH = 256

#: What a pool process works on: the ids of the task and of the job.
_AT_WORK = struct.Struct("36s36s")


class SharedMemory:
    def __init__(self) -> None:
        #: When running jobs must be put back, in monotonic seconds; 0: no shutdown has begun.
        self._let_go_at = mmap.mmap(-1, 8)
        self._oven_socket = mmap.mmap(-1, _LONGEST_SOCKET_PATH)
        self._at_work = mmap.mmap(-1, _POOL_PROCESSES * _AT_WORK.size)

    def begin_shutdown(self, *, grace_s: float) -> None:
        self._let_go_at[:] = struct.pack("d", time.monotonic() + grace_s)

    def is_stopping(self) -> bool:
        """Whether a shutdown has begun. No further job is started then."""
        return self._let_go_at[:] != bytes(len(self._let_go_at))

    def must_let_go(self) -> bool:
        """Whether the grace period of a shutdown is over. Running jobs are put back then."""
        (at,) = struct.unpack("d", self._let_go_at[:])
        return bool(0 < at < time.monotonic())

    @property
    def oven_socket(self) -> Path:
        """Where the oven listens. The socket changes when the oven is restarted."""
        return Path(os.fsdecode(self._oven_socket[:].rstrip(b"\0")))

    @oven_socket.setter
    def oven_socket(self, path: Path) -> None:
        self._oven_socket[:] = os.fsencode(path).ljust(len(self._oven_socket), b"\0")

    def note_job(self, task_id: str, job_id: str) -> None:
        """Records the job that this pool process works on, and its task."""
        # A process without an index is not part of a pool.
        at = int(getattr(current_process(), "index", 0)) % _POOL_PROCESSES * _AT_WORK.size
        self._at_work[at : at + _AT_WORK.size] = _AT_WORK.pack(task_id.encode(), job_id.encode())

    def job_of_task(self, task_id: str) -> str | None:
        """The job that a task works on, or worked on last; None if the task has not begun."""
        found = dict(_AT_WORK.iter_unpack(self._at_work[:])).get(task_id.encode())
        return None if found is None else found.decode()
