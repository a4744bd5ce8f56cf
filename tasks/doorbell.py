"""Doorbells: messages that say "this job may be waiting". Lost, doubled or late, they change nothing.

At the start of a run each job gets one. After that nobody keeps count of them: whoever ends a job, and the
sweep, looks how many slots are free and how many messages already wait, and rings for the difference.
"""

import logging
from collections.abc import Iterable

from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from store import jobs
from store.jobs import Waiting
from tasks import broker, wiring
from tasks.broker import EVALUATIONS
from tasks.celery import app

log = logging.getLogger(__name__)

_BATCH = 500


def ring(waiting: Iterable[Waiting]) -> bool:
    """False when the broker could not be reached: nothing is lost, the sweep rings again."""
    try:
        with app.producer_pool.acquire(block=True, timeout=10) as producer, producer.batch(_BATCH):
            for job in waiting:
                app.send_task(
                    "bakeoff.evaluate",
                    kwargs={"jobId": job.job_id},
                    argsrepr=f"(run={job.run_name}, model={job.model_id})",
                    kwargsrepr="{}",
                    producer=producer,
                    retry=False,
                )
    except (KombuError, RedisError, OSError) as exc:
        log.warning("the broker cannot be reached, the sweep will ring later: %s", exc)
        return False
    return True


def ring_free_slots() -> int:
    """Ring for as many queued jobs as there are free slots that no message is on its way to; how many."""
    engine = wiring.engine()
    free = wiring.caps().overall - jobs.backlog(engine).running
    if free <= 0:
        return 0
    on_their_way = broker.messages_waiting(EVALUATIONS)
    if on_their_way is None or free <= on_their_way:
        return 0
    waiting = jobs.next_in_line(engine, limit=free - on_their_way)
    return len(waiting) if waiting and ring(waiting) else 0
