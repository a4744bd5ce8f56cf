"""The task behind a doorbell: claim the job, have done what its kind asks for, write how it ended.

This process supervises. It holds the lease, so it watches the clock and the database, and runs no plugin.
"""

import logging
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from threading import local
from typing import Any

from celery import Task, shared_task

from bakeoff.cell.host.cell_client import WarmParent, connect
from bakeoff.domain.errors import BakeoffError, InfrastructureError
from bakeoff.domain.identity import parse_id
from bakeoff.domain.job import JobError, JobKind, Phase
from bakeoff.evaluation.jobs.cell_failure import Faulty, Killed, Stopped
from bakeoff.operations import disk_guard, process_context
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import leases
from bakeoff.store.bakeoffs.leases import Claim, ClaimRefusal, Holder, Lease
from bakeoff.worker import evaluation_jobs, node_startup, signal_jobs
from bakeoff.worker.event_relay import relay
from bakeoff.worker.job_batch import JobBatch
from bakeoff.worker.job_kinds import Completed, Work
from bakeoff.worker.lease_monitor import LEASE_LOST, LeaseMonitor
from tasks import doorbell

log = logging.getLogger(__name__)

_CONNECT_S = 60  #: the oven may be loading its libraries, or be started again after its death
_AGAIN_S = 0.1
_slot = local()


@shared_task(name="bakeoff.evaluate", bind=True, throws=(BakeoffError,))
def evaluate(self: "Task[Any, Any]", *_: Any, jobId: Any = None, **__: Any) -> str:
    """What it returns is what the log and Flower show. Anybody may have sent the message."""
    log_setup.begin(jobId=jobId)
    if (full := disk_guard.lack()) is not None:
        return f"{full}: the job stays queued"
    claim = _claim(jobId, worker=_worker(self))
    if claim is ClaimRefusal.FULL:
        return str(claim)
    try:
        said = str(claim) if isinstance(claim, ClaimRefusal) else _take_turn(self, claim)
    except SystemExit:
        _afterwards()
        raise
    _afterwards()  # not after a fault of our own: the sweep rings later, when this machine may be well again
    return said


def _take_turn(task: "Task[Any, Any]", claim: Claim) -> str:
    """This job, and others that come next if it was short; how the first one ended, and the last."""
    turn = JobBatch(task)
    first = last = _supervise(claim, turn)
    others = 0
    while turn.lasts() and (following := _claim_next(_worker(task))):
        with log_setup.about(jobId=following.job.id):
            last = _supervise(following, turn, tell=partial(turn.show, following))
            log.info("%s", last)
        others += 1
    return f"{first}; and {others} more, the last one: {last}" if others else first


def _worker(task: "Task[Any, Any]") -> str:
    return task.request.hostname or "?"


def _claim(job_id: Any, *, worker: str) -> Claim | ClaimRefusal:
    """Not before a warm parent is there: waiting for it must cost no attempt, and no lease run out."""
    _warm_parent()
    return leases.claim(
        process_context.engine(),
        parse_id(job_id),
        holder=_holder(worker),
        caps=process_context.caps(),
        lease_s=process_context.configuration().settings.lease_seconds,
    )


def _claim_next(worker: str) -> Claim | None:
    rung_for = doorbell.on_their_way()
    if rung_for is None or disk_guard.lack() is not None or node_startup.is_stopping():
        return None
    _warm_parent()
    return leases.claim_next(
        process_context.engine(),
        excluded=rung_for,
        holder=_holder(worker),
        caps=process_context.caps(),
        lease_s=process_context.configuration().settings.lease_seconds,
    )


def _holder(worker: str) -> Holder:
    return Holder(node=process_context.configuration().settings.node, worker=worker)


def _afterwards() -> None:
    try:
        doorbell.ring_next()
        relay()
    except InfrastructureError as exc:
        log.warning("what follows is left to the sweep: %s", exc)


def _supervise(claim: Claim, turn: JobBatch, *, tell: Callable[[], None] = lambda: None) -> str:
    """A sentence about how it ended. Whatever happens, afterwards the job has ended or waits again.

    `tell` is called if it is not over before anybody could ask.
    """
    log_setup.add(runId=claim.run.id, modelId=claim.job.candidate.id, attempt=claim.job.attempt)
    lease = claim.lease
    watch = LeaseMonitor(claim, lease_s=process_context.configuration().settings.lease_seconds, tell=tell)
    turn.goes_to(lease.job_id)
    try:
        return f"{claim.job.candidate.id} in {claim.run.name}: {_work(claim, watch)}"
    except Exception as exc:  # a MemoryError that left the task would end the whole worker
        log.exception("job %s is given up", lease.job_id)
        watch.insist(_put_back(lease, exc))
        raise InfrastructureError(f"job {lease.job_id} was given up: {type(exc).__name__}: {exc}") from None
    except BaseException:  # SystemExit: a shutdown or a revoke of Celery's
        leases.release(process_context.engine(), lease)
        raise


def _put_back(lease: Lease, exc: Exception) -> Callable[[], bool]:
    """Without an attempt spent when a disk is full: nobody takes the job again before there is room."""
    if disk_guard.lack() is not None:
        return partial(leases.release, process_context.engine(), lease)
    return partial(leases.retry_or_fail, process_context.engine(), lease, _our_own_fault(exc))


def _work(claim: Claim, watch: LeaseMonitor) -> str:
    ending = _WORK[claim.job.kind](claim, watch, _warm_parent)
    if isinstance(ending, Stopped):
        return watch.conclude()
    kept = watch.insist(lambda: _write(claim.lease, ending))
    return _say(ending) if kept else LEASE_LOST


#: What is done about a job.
_WORK: Mapping[JobKind, Work] = {JobKind.EVALUATION: evaluation_jobs.work, JobKind.SIGNALS: signal_jobs.work}


def _write(lease: Lease, ending: Completed | Faulty | Killed) -> bool:
    match ending:
        case Completed():
            return ending.write()
        case Faulty():
            return leases.fail(process_context.engine(), lease, ending.error, state=ending.state)
        case Killed():
            return leases.retry_or_fail(process_context.engine(), lease, ending.error)


def _say(ending: Completed | Faulty | Killed) -> str:
    match ending:
        case Completed():
            return f"completed, {ending.said}"
        case Faulty():
            return f"{ending.state}, {ending.error.type}: {ending.error.message}"
        case Killed():
            return ending.error.message


def _our_own_fault(exc: Exception) -> JobError:
    """Costs an attempt, so that a machine that is broken does not take the same job for ever."""
    return JobError(
        type=type(exc).__name__,
        message=f"the worker could not run it: {exc}",
        phase=Phase.START,
        traceback="".join(traceback.format_exception(exc)),
        hint="`bakeoff doctor` on that machine says what is wrong; then `bakeoff retry`",
    )


def _warm_parent() -> WarmParent:
    """One per slot, kept from job to job."""
    warm: WarmParent | None = getattr(_slot, "warm", None)
    if warm is None or not warm.is_alive():
        warm = _slot.warm = _connect()
    return warm


def _connect() -> WarmParent:
    deadline = time.monotonic() + _CONNECT_S
    while True:
        try:
            return connect(node_startup.oven_socket(), timeout_s=_CONNECT_S)
        except InfrastructureError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_S)
