"""Doorbells: messages that say "this job may be waiting". One that is lost, doubled or late does no harm.

No more doorbells are sent than are needed soon, so the messages of a run with ten thousand jobs delay no
other run. Doorbells are sent when a run is started, when a job has ended, when a worker drops a doorbell for
which there was nothing to do, and by the sweep. Each time the free slots are compared with the messages in
the queue, and the next jobs without a message get one.

The sweep repairs what a dead process left behind. It runs in every live worker and from beat; any number of
sweeps may run at once.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass

from bakeoff.broker import EVALUATIONS
from bakeoff.operations.concurrency_caps_and_job_resources import full_disk
from bakeoff.operations.context import Context
from bakeoff.settings.log_setup import RepeatedWarning
from bakeoff.store.bakeoffs import job_queries, leased_jobs
from bakeoff.store.bakeoffs.queue.queue_order import next_jobs

log = logging.getLogger(__name__)

_no_broker = RepeatedWarning(log)
_no_room = RepeatedWarning(log)

#: Most doorbells that are sent at a time. If more slots are free, ending jobs and sweeps send the others.
_MOST = 100

#: Messages that are read to see which jobs have one.
_MOST_READ = 10 * _MOST


def ring_next(context: Context) -> int:
    """Send doorbells for the free slots, or for one that may become free soon. Returns how many were sent.

    If only one run is waiting, some more are sent: they cannot come before those of another run.
    """
    return _ring(context, slots=max(1, _free_slots(context)), spare=context.shared_caps.present().per_node)


def ring_free_slots(context: Context) -> int:
    """Send doorbells for the free slots and no more, since many processes sweep."""
    return _ring(context, slots=_free_slots(context), spare=0)


def _free_slots(context: Context) -> int:
    return max(0, context.shared_caps.present().overall - job_queries.running(context.engine))


def _ring(context: Context, *, slots: int, spare: int) -> int:
    """`spare`: how many more than slots are sent if all jobs that come next are of one run."""
    wanted = min(slots, _MOST)
    have_doorbell = jobs_with_doorbell(context)
    if have_doorbell is None:
        _no_broker.warn("the broker cannot be reached, the sweep will ring later")
        return 0
    if len(have_doorbell) >= wanted:
        return 0
    candidates = next_jobs(context.engine, limit=wanted + spare)
    only_one_run = len({job.run_id for job in candidates}) == 1
    number = wanted - len(have_doorbell) + (spare if only_one_run else 0)
    chosen = [job for job in candidates if job.job_id not in have_doorbell][:number]
    return len(chosen) if chosen and context.messenger.send_doorbells(chosen) else 0


def jobs_with_doorbell(context: Context) -> list[str] | None:
    """The jobs that have a message; None when the broker cannot be reached.

    They are read from the queue. A record of sent doorbells in the database could contradict the queue.
    """
    return context.messenger.jobs_with_doorbell(most=_MOST_READ)


@dataclass(frozen=True, kw_only=True)
class Swept:
    expired: int  #: leases taken from workers that fell silent
    rung: int  #: doorbells sent for free slots
    published: int  #: events moved to the stream


def sweep(context: Context) -> Swept:
    """One sweep. It never waits long for the broker, since it runs in the main loop of workers."""
    swept = Swept(
        expired=leased_jobs.expire(context.engine),
        rung=_ring_if_there_is_room(context),
        published=context.event_relay.publish_pending(),
    )
    if swept.expired:
        log.warning("%d jobs were taken from workers that fell silent", swept.expired)
    return swept


def _ring_if_there_is_room(context: Context) -> int:
    if (full := full_disk(context.configuration)) is not None:
        _no_room.warn(f"{full}: nothing is begun")
        return 0
    _no_room.resolve()
    return ring_free_slots(context)


def why_nothing_runs(context: Context, run_ids: Collection[str]) -> str:
    """One sentence: why none of these runs has a job at work, and the cure where there is one.

    Empty if one has: a fold that is a job of its own is at work, or a job has begun meanwhile.
    """
    at_work, cap = job_queries.running_jobs(context.engine), context.shared_caps.present().overall
    if any(job.run_id in run_ids for job in at_work):
        return ""
    if not context.broker.is_running():
        return "the broker cannot be reached: `bakeoff doctor` says more"
    if len(at_work) >= cap:
        return f"all {cap} slots are taken by other runs: `bakeoff runs` lists them"
    if (full := full_disk(context.configuration)) is not None:
        return full
    if not context.messenger.queue_readers()[EVALUATIONS]:
        return f"no worker reads the queue {EVALUATIONS}: start one with `bakeoff worker`"
    return "a worker is there, and its libraries are being loaded"
