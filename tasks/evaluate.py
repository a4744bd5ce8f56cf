"""The task behind a doorbell: the job that it names is run, of whatever kind it is."""

from typing import Any

from celery import Task, shared_task

from bakeoff.domain.errors import BakeoffError
from bakeoff.settings import log_setup
from bakeoff.worker.job_runner import JobRunner
from tasks import celery


@shared_task(name="bakeoff.evaluate", bind=True, throws=(BakeoffError,))
def evaluate(self: "Task[Any, Any]", *_: Any, jobId: Any = None, **__: Any) -> str:
    """What it returns is what the log and Flower show. Anybody may have sent the message."""
    log_setup.set_ids(jobId=jobId)
    return JobRunner(celery.process_context(), celery.node.memory, self).answer_doorbell(jobId)
