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

from bakeoff.operations.context import Context
from bakeoff.operations.doorbells import jobs_with_doorbell
from bakeoff.store.bakeoffs.queue.claims import Claim, NextClaim
from bakeoff.worker.pool_shared_memory import SharedMemory

if TYPE_CHECKING:
    from celery import Task

_LASTS_S = 0.5  #: after this time a batch takes no further job
#: How old the list of jobs with a doorbell may be. A job that has got one since may be taken along all the
#: same, and whoever gets its message then drops it.
_DOORBELLS_S = 0.1


class JobBatch:
    def __init__(self, task: "Task[Any, Any]", memory: SharedMemory) -> None:
        self._task = task
        self._memory = memory
        self._ends_at = time.monotonic() + _LASTS_S
        self._next_claim: NextClaim | None = None
        self._have_doorbell: list[str] | None = None
        self._doorbells_until = 0.0

    def lasts(self) -> bool:
        return time.monotonic() < self._ends_at

    def note_next_claim(self, claim: NextClaim | None) -> NextClaim | None:
        """Remembers the claim that goes with the end of the job at work."""
        self._next_claim = claim
        return claim

    def take_next_claim(self) -> NextClaim | None:
        """The claim that went with the end of the last job, once; None if there was none."""
        taken, self._next_claim = self._next_claim, None
        return taken

    def jobs_with_doorbell(self, context: Context) -> list[str] | None:
        """Those that have a message, as it was a moment ago; None when the broker cannot be reached."""
        if time.monotonic() > self._doorbells_until:
            self._have_doorbell = jobs_with_doorbell(context)
            self._doorbells_until = time.monotonic() + _DOORBELLS_S
        return self._have_doorbell

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
