"""The turn of a doorbell: as long as it lasts, its task goes on to jobs that no doorbell waits for.

A message costs as much as a short job. What jobs of one turn share is nothing but the name under which
Celery's tools know the task: so the main process must be able to see which job a task is at.
"""

import mmap
import struct
import time

from billiard import current_process

_LASTS_S = 0.5  #: a job that takes longer is the last one of its turn
_PLACES = 64

#: What each process of the pool is at, seen by all of them: the ids of the task and of the job.
_PLACE = struct.Struct("36s36s")
_at_work = mmap.mmap(-1, _PLACES * _PLACE.size)


class Turn:
    def __init__(self, task_id: str) -> None:
        self._task_id = task_id
        self._ends_at = time.monotonic() + _LASTS_S

    def lasts(self) -> bool:
        return time.monotonic() < self._ends_at

    def goes_to(self, job_id: str) -> None:
        at = _place() * _PLACE.size
        _at_work[at : at + _PLACE.size] = _PLACE.pack(self._task_id.encode(), job_id.encode())


def _place() -> int:
    """Of this process of the pool; a process without a number is a pool of its own."""
    return int(getattr(current_process(), "index", 0)) % _PLACES


def job_of(task_id: str) -> str | None:
    """The job that a task is at, or was at last; None if it has not begun."""
    found = dict(_PLACE.iter_unpack(_at_work[:])).get(task_id.encode())
    return None if found is None else found.decode()
