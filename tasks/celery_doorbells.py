"""The task queue by Celery: sends doorbells, and finds out which workers answer."""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kombu.exceptions import KombuError, OperationalError
from redis.exceptions import RedisError

from bakeoff.broker import CONTROL, EVALUATIONS
from bakeoff.settings.log_setup import RepeatedWarning
from bakeoff.worker.jobs.several_jobs_in_one_task import inscription

if TYPE_CHECKING:
    from celery import Celery

    from bakeoff.broker.redis_of_project import Broker
    from bakeoff.store.bakeoffs.queue.queue_order import WaitingJob

log = logging.getLogger(__name__)

_ANSWER_S = 1.0
_CONNECTION_S = 10
_BATCH = 100

#: A header of our own, so that the job of a message is found without decoding its body.
_HEADER = "jobId"
_JOB_ID = re.compile(rb'"jobId": "([0-9a-f-]{36})"')


class CeleryMessenger:
    """Implements `bakeoff.operations.context.Messenger`."""

    def __init__(self, app: "Celery", broker: "Broker") -> None:
        self.app = app
        self._broker = broker
        self._trouble = RepeatedWarning(log)

    def send_doorbells(self, jobs: "Sequence[WaitingJob]") -> bool:
        """False when the broker could not be reached: nothing is lost, the sweep sends them again."""
        try:
            with (
                self.app.producer_pool.acquire(block=True, timeout=_CONNECTION_S) as producer,
                producer.batch(_BATCH),
            ):
                for job in jobs:
                    self.app.send_task(
                        "bakeoff.evaluate",
                        kwargs={"jobId": job.job_id},
                        headers={_HEADER: job.job_id},
                        argsrepr=inscription(job.run_name, job.model_id),
                        kwargsrepr="{}",
                        producer=producer,
                        retry=False,
                    )
        except (KombuError, RedisError, OSError) as exc:
            self._trouble.warn(f"the broker takes no messages, the sweep will ring later: {exc}")
            return False
        self._trouble.resolve()
        return True

    def jobs_with_doorbell(self, *, most: int) -> list[str] | None:
        messages = self._broker.latest_messages(EVALUATIONS, most=most)
        if messages is None:
            return None
        return [found[1].decode() for found in map(_JOB_ID.search, messages) if found]

    def queue_readers(self) -> Mapping[str, list[str]]:
        try:
            answers = self.app.control.inspect(timeout=_ANSWER_S).active_queues() or {}
        except (OperationalError, RedisError, OSError):
            answers = {}
        return {
            queue: sorted(name for name, read in answers.items() if any(q["name"] == queue for q in read))
            for queue in (EVALUATIONS, CONTROL)
        }

    def evaluations_are_read(self) -> bool:
        """Waits for one answer; only if that worker reads no evaluations, for those of the others."""
        if self._broker.nobody_listens():
            return False
        try:
            answers = self.app.control.broadcast("active_queues", reply=True, timeout=_ANSWER_S, limit=1)
        except (OperationalError, RedisError, OSError):
            return False
        found = [q["name"] for answer in answers or [] for queues in answer.values() for q in queues]
        return EVALUATIONS in found or (bool(found) and bool(self.queue_readers()[EVALUATIONS]))

    def worker_answers(self, name: str) -> bool:
        try:
            return bool(
                self.app.control.broadcast("ping", reply=True, destination=[name], timeout=_ANSWER_S, limit=1)
            )
        except (OperationalError, RedisError, OSError):
            return False
