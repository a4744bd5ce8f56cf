"""The task that a doorbell calls: it runs the job that the message names, of whatever kind."""

from typing import Any

from celery import Task, shared_task

from bakeoff.domain.errors import BakeoffError
from bakeoff.settings import log_setup
from bakeoff.worker.jobs.job_runner import JobRunner
from tasks import celery


@shared_task(name="bakeoff.evaluate", bind=True, throws=(BakeoffError,))
def evaluate(self: "Task[Any, Any]", *_: Any, jobId: Any = None, **__: Any) -> str:
    """Log and Flower show what this returns. Anybody may have sent the message: nothing in it is trusted."""
    log_setup.set_ids(jobId=jobId)
    return JobRunner(celery.process_context(), celery.node.memory, self).answer_doorbell(jobId)
