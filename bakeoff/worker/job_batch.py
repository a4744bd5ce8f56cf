"""The turn of a doorbell: as long as it lasts, its task goes on to jobs that no doorbell waits for.

A message costs as much as a short job. What jobs of one turn share is nothing but the task, by whose name and
id Celery's tools know it: so they are told what it is at, and the main process can see it.
"""

import mmap
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from billiard import current_process
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from bakeoff.store.bakeoffs.leases import Claim

if TYPE_CHECKING:
    from celery import Task

_LASTS_S = 0.5  #: a job that takes longer is the last one of its turn
_PLACES = 64

#: What each process of the pool is at, seen by all of them: the ids of the task and of the job.
_PLACE = struct.Struct("36s36s")
_at_work = mmap.mmap(-1, _PLACES * _PLACE.size)


class JobBatch:
    def __init__(self, task: "Task[Any, Any]") -> None:
        self._task = task
        self._ends_at = time.monotonic() + _LASTS_S

    def lasts(self) -> bool:
        return time.monotonic() < self._ends_at

    def goes_to(self, job_id: str) -> None:
        """From now on a revoke of the task means this job."""
        at = _place() * _PLACE.size
        _at_work[at : at + _PLACE.size] = _PLACE.pack(self._task.request.id.encode(), job_id.encode())

    def show(self, claim: Claim) -> None:
        """Instead of the job whose doorbell it was; who listens to events hears of it."""
        args = inscription(claim.run.name, claim.job.candidate.id)
        with suppress(KombuError, RedisError, OSError):
            self._task.send_event("task-received", retry=False, name=self._task.name, args=args, kwargs="{}")


def inscription(run_name: str, model_id: str) -> str:
    """What Celery's tools show of a job."""
    return f"(run={run_name}, model={model_id})"


def _place() -> int:
    """Of this process of the pool; a process without a number is a pool of its own."""
    return int(getattr(current_process(), "index", 0)) % _PLACES


def job_of(task_id: str) -> str | None:
    """The job that a task is at, or was at last; None if it has not begun."""
    found = dict(_PLACE.iter_unpack(_at_work[:])).get(task_id.encode())
    return None if found is None else found.decode()
