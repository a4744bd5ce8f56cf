"""The task behind a doorbell: claim the job, have it examined in a cell, write how it ended.

This process supervises. It holds the lease, so it watches the clock and the database, and runs no plugin.
"""

import logging
import os
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import local
from typing import Any

from celery import Task, shared_task

from cell.client import WarmParent, connect
from config import journal
from config.loading import Configuration
from domain.errors import BakeoffError, InfrastructureError
from domain.identity import parse_id
from domain.job import JobError, Phase
from evaluation.data.snapshot import folder_of
from evaluation.examine import Faulty, Grant, Killed, Scored, Stopped, Verdict, examine, result_of
from evaluation.places import Places
from store import leases
from store.leases import Claim, Holder, Lease, Refusal
from tasks import doorbell, node, room, wiring
from tasks.relay import relay
from tasks.rescoring import rescored
from tasks.turn import Turn
from tasks.watch import LEASE_LOST, Watch

log = logging.getLogger(__name__)

_CONNECT_S = 60  #: the oven may be loading its libraries, or be started again after its death
_AGAIN_S = 0.1
_slot = local()


@shared_task(name="bakeoff.evaluate", bind=True, throws=(BakeoffError,))
def evaluate(self: "Task[Any, Any]", *_: Any, jobId: Any = None, **__: Any) -> str:
    """What it returns is what the log and Flower show. Anybody may have sent the message."""
    journal.begin(jobId=jobId)
    if (full := room.lack()) is not None:
        return f"{full}: the job stays queued"
    claim = _claim(jobId, worker=_worker(self))
    if claim is Refusal.FULL:
        return str(claim)
    try:
        said = str(claim) if isinstance(claim, Refusal) else _take_turn(self, claim)
    except SystemExit:
        _afterwards()
        raise
    _afterwards()  # not after a fault of our own: the sweep rings later, when this machine may be well again
    return said


def _take_turn(task: "Task[Any, Any]", claim: Claim) -> str:
    """This job, and others that come next if it was short; how the first one ended, and the last."""
    turn = Turn(task)
    first = last = _supervise(claim, turn)
    others = 0
    while turn.lasts() and (following := _claim_next(_worker(task))):
        with journal.about(jobId=following.job.id):
            last = _supervise(following, turn, tell=partial(turn.show, following))
            log.info("%s", last)
        others += 1
    return f"{first}; and {others} more, the last one: {last}" if others else first


def _worker(task: "Task[Any, Any]") -> str:
    return task.request.hostname or "?"


def _claim(job_id: Any, *, worker: str) -> Claim | Refusal:
    """Not before a warm parent is there: waiting for it must cost no attempt, and no lease run out."""
    _warm_parent()
    return leases.claim(
        wiring.engine(),
        parse_id(job_id),
        holder=_holder(worker),
        caps=wiring.caps(),
        lease_s=wiring.configuration().settings.lease_seconds,
    )


def _claim_next(worker: str) -> Claim | None:
    rung_for = doorbell.on_their_way()
    if rung_for is None or room.lack() is not None or node.is_stopping():
        return None
    _warm_parent()
    return leases.claim_next(
        wiring.engine(),
        but=rung_for,
        holder=_holder(worker),
        caps=wiring.caps(),
        lease_s=wiring.configuration().settings.lease_seconds,
    )


def _holder(worker: str) -> Holder:
    return Holder(node=wiring.configuration().settings.node, worker=worker)


def _afterwards() -> None:
    try:
        doorbell.ring_next()
        relay()
    except InfrastructureError as exc:
        log.warning("what follows is left to the sweep: %s", exc)


def _supervise(claim: Claim, turn: Turn, *, tell: Callable[[], None] = lambda: None) -> str:
    """A sentence about how it ended. Whatever happens, afterwards the job has ended or waits again.

    `tell` is called if it is not over before anybody could ask.
    """
    journal.add(runId=claim.run.id, modelId=claim.job.candidate.id, attempt=claim.job.attempt)
    lease = claim.lease
    watch = Watch(claim, lease_s=wiring.configuration().settings.lease_seconds, tell=tell)
    turn.goes_to(lease.job_id)
    try:
        return f"{claim.job.candidate.id} in {claim.run.name}: {_evaluate(claim, watch)}"
    except Exception as exc:  # a MemoryError that left the task would end the whole worker
        log.exception("job %s is given up", lease.job_id)
        watch.insist(_put_back(lease, exc))
        raise InfrastructureError(f"job {lease.job_id} was given up: {type(exc).__name__}: {exc}") from None
    except BaseException:  # SystemExit: a shutdown or a revoke of Celery's
        leases.release(wiring.engine(), lease)
        raise


def _put_back(lease: Lease, exc: Exception) -> Callable[[], bool]:
    """Without an attempt spent when a disk is full: nobody takes the job again before there is room."""
    if room.lack() is not None:
        return partial(leases.release, wiring.engine(), lease)
    return partial(leases.give_up, wiring.engine(), lease, _our_own_fault(exc))


def _evaluate(claim: Claim, watch: Watch) -> str:
    began = time.monotonic()
    verdict = _examine(claim, watch)
    if isinstance(verdict, Stopped):
        return watch.conclude()
    duration_s = time.monotonic() - began
    kept = watch.insist(lambda: _write(claim, verdict, duration_s=duration_s))
    return _say(verdict) if kept else LEASE_LOST


def _examine(claim: Claim, watch: Watch) -> Verdict:
    configuration = wiring.configuration()
    places = _places(claim, configuration)
    if claim.job.reuses and (verdict := rescored(claim, places, leave=watch)) is not None:
        return verdict
    return examine(
        claim.job,
        claim.run,
        places=places,
        grant=_grant(claim, configuration),
        warm=_warm_parent(),
        leave=watch,
    )


def _places(claim: Claim, configuration: Configuration) -> Places:
    dataset, job = claim.run.dataset, claim.job
    return Places(
        root=configuration.root,
        closed=configuration.secrets,
        snapshot=folder_of(configuration.snapshots, dataset.dataset_id, dataset.split_id),
        log=configuration.log_of(job.run_id, job.id),
        predictions=configuration.predictions_of(job.run_id, job.id),
        model=_model_file(claim, configuration),
    )


def _model_file(claim: Claim, configuration: Configuration) -> Path | None:
    """Called by the lease, so that a worker that comes back too late overwrites nothing."""
    run, job = claim.run, claim.job
    if run.save is None or job.candidate.id == run.baseline_id:
        return None
    return configuration.fitted_of(run.id, job.id) / f"{claim.lease.token}.pkl"


def _grant(claim: Claim, configuration: Configuration) -> Grant:
    settings, candidate = configuration.settings, claim.job.candidate
    cores = len(os.sched_getaffinity(0))
    return Grant(
        threads=candidate.threads or max(1, cores // wiring.caps().per_node),
        memory_mb=candidate.memory_limit_mb or settings.memory_limit_mb,
    )


def _write(claim: Claim, verdict: Scored | Faulty | Killed, *, duration_s: float) -> bool:
    engine, lease = wiring.engine(), claim.lease
    match verdict:
        case Scored():
            return leases.complete(
                engine,
                lease,
                result_of(claim.job, claim.run, verdict, duration_s=duration_s),
                verdict.fitted,
                verdict.provenance,
            )
        case Faulty():
            return leases.fail(engine, lease, verdict.error, state=verdict.state)
        case Killed():
            return leases.give_up(engine, lease, verdict.error)


def _say(verdict: Scored | Faulty | Killed) -> str:
    match verdict:
        case Scored():
            return "completed, " + ", ".join(map(_measured, verdict.scores.metrics.items()))
        case Faulty():
            return f"{verdict.state}, {verdict.error.type}: {verdict.error.message}"
        case Killed():
            return verdict.error.message


def _measured(metric: tuple[str, float | None]) -> str:
    name, value = metric
    return f"{name} undefined" if value is None else f"{name} {value:.4g}"


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
            return connect(node.oven_socket(), timeout_s=_CONNECT_S)
        except InfrastructureError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_S)
