"""Several short jobs in one task, because a message costs as much time as a short job.

While a batch lasts, its task goes on to further jobs, for which no doorbell was sent. Celery's tools know a
task by its name and id, so each further job is announced to them, and the main process can see which job a
task works on.
"""

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from bakeoff.store.bakeoffs.leases import Claim
from bakeoff.worker.shared_memory import SharedMemory

if TYPE_CHECKING:
    from celery import Task

_LASTS_S = 0.5  #: after this time a batch takes no further job


class JobBatch:
    def __init__(self, task: "Task[Any, Any]", memory: SharedMemory) -> None:
        self._task = task
        self._memory = memory
        self._ends_at = time.monotonic() + _LASTS_S

    def lasts(self) -> bool:
        return time.monotonic() < self._ends_at

    def note_job(self, job_id: str) -> None:
        """Records the job that this process works on: a revoke of the task now means this job."""
        self._memory.note_job(self._task.request.id, job_id)

    def announce(self, claim: Claim) -> None:
        """Shows this job in Celery's tools, instead of the job whose doorbell started the task."""
        args = inscription(claim.run.name, claim.job.candidate.id)
        with suppress(KombuError, RedisError, OSError):
            self._task.send_event("task-received", retry=False, name=self._task.name, args=args, kwargs="{}")


def inscription(run_name: str, model_id: str) -> str:
    """What Celery's tools show of a job."""
    return f"(run={run_name}, model={model_id})"
