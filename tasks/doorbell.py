"""Doorbells: messages that say "this job may be waiting". Lost, doubled or late, they change nothing.

No more of them wait than are needed soon. Whoever starts a run, ends a job, drops a doorbell that was of no
use, or sweeps, compares them with the free slots and rings for the jobs that come next and have none. So a
run of ten thousand jobs is in nobody's way.
"""

import logging
import re
from collections.abc import Sequence

from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from bakeoff.broker import broker_access
from bakeoff.broker.broker_access import EVALUATIONS
from bakeoff.operations import process_context
from bakeoff.settings.log_setup import RepeatedWarning
from bakeoff.store.bakeoffs import job_rows
from bakeoff.store.bakeoffs.leases import Caps
from bakeoff.store.bakeoffs.queue_order import WaitingJob, next_jobs
from bakeoff.worker.job_batch import inscription
from tasks.celery import app

_trouble = RepeatedWarning(logging.getLogger(__name__))

#: Messages at a time. Where more slots are free, finishes and sweeps ring for them one after another.
_MOST = 100

_HEADER = "jobId"
_NAMED = re.compile(rb'"jobId": "([0-9a-f-]{36})"')


def ring_next() -> int:
    """Ring for the free slots, or for one that may become free. Returns how many were sent.

    Where one run alone waits there are some to spare, for none of its doorbells can come out of turn.
    """
    present = process_context.caps()
    return _fill(max(1, _free(present)), spare=present.per_node)


def ring_free_slots() -> int:
    """Ring for the free slots and no more, since sweeps may be many."""
    return _fill(_free(process_context.caps()), spare=0)


def _free(present: Caps) -> int:
    return max(0, present.overall - job_rows.running(process_context.engine()))


def _fill(slots: int, *, spare: int) -> int:
    needed = min(slots, _MOST)
    waiting = on_their_way()
    if waiting is None:
        _trouble.make("the broker cannot be reached, the sweep will ring later")
        return 0
    if len(waiting) >= needed:
        return 0
    line = next_jobs(process_context.engine(), limit=needed + spare)
    is_one_run = len({job.run_id for job in line}) == 1
    missing = [job for job in line if job.job_id not in waiting]
    rung = missing[: needed - len(waiting) + spare * is_one_run]
    return len(rung) if rung and ring(rung) else 0


def on_their_way() -> list[str] | None:
    """The jobs that have a message. The queue itself is asked: a note about it would be a second truth."""
    messages = broker_access.latest_messages(EVALUATIONS, most=10 * _MOST)
    if messages is None:
        return None
    return [found[1].decode() for found in map(_NAMED.search, messages) if found]


def ring(waiting: Sequence[WaitingJob]) -> bool:
    """False when the broker could not be reached: nothing is lost, the sweep rings again."""
    try:
        with app.producer_pool.acquire(block=True, timeout=10) as producer, producer.batch(_MOST):
            for job in waiting:
                app.send_task(
                    "bakeoff.evaluate",
                    kwargs={"jobId": job.job_id},
                    headers={_HEADER: job.job_id},
                    argsrepr=inscription(job.run_name, job.model_id),
                    kwargsrepr="{}",
                    producer=producer,
                    retry=False,
                )
    except (KombuError, RedisError, OSError) as exc:
        _trouble.make(f"the broker takes no messages, the sweep will ring later: {exc}")
        return False
    _trouble.withdraw()
    return True
