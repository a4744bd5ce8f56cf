"""The task behind a doorbell: claim the job, have it examined in a cell, write how it ended.

This process supervises. It holds the lease, so it watches the clock and the database, and never runs a plugin.
"""

import logging
import os
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from threading import local
from typing import Any

from celery import Task, shared_task

from cell.client import WarmParent, connect
from config.loading import Configuration
from domain.errors import InfrastructureError
from domain.identity import parse_id, utc_now
from domain.job import JobError, Phase
from domain.result import Result
from evaluation.examine import Faulty, Grant, Killed, Places, Scored, Stopped, Verdict, examine
from evaluation.snapshot import folder_of
from store import leases
from store.leases import Claim, Holder, Refusal, Standing
from tasks import doorbell, node, wiring
from tasks.relay import relay

log = logging.getLogger(__name__)

_CONNECT_S = 60  #: the warm parent may still be loading its libraries
_slot = local()


@shared_task(name="bakeoff.evaluate", bind=True)
def evaluate(self: "Task[Any, Any]", *, jobId: str) -> str:  # noqa: N803 - the message's own words
    """What it returns is what Flower shows."""
    claim = _claim(parse_id(jobId), worker=self.request.hostname or "?")
    if isinstance(claim, Refusal):
        if claim is not Refusal.FULL:
            doorbell.ring_free_slots()
        return str(claim)
    try:
        said = _supervise(claim)
    finally:
        _afterwards()
    return said


def _claim(job_id: str, *, worker: str) -> Claim | Refusal:
    settings = wiring.configuration().settings
    return leases.claim(
        wiring.engine(),
        job_id,
        holder=Holder(node=settings.node, worker=worker),
        caps=wiring.caps(),
        lease_s=settings.lease_seconds,
    )


def _afterwards() -> None:
    doorbell.ring_free_slots()
    relay()


def _supervise(claim: Claim) -> str:
    engine, lease = wiring.engine(), claim.lease
    watch = _Watch(claim)
    began = time.monotonic()
    try:
        verdict = _examine(claim, watch.may_go_on)
    except Exception as exc:
        _drop_warm_parent()
        leases.give_up(engine, lease, _our_own_fault(exc))
        raise
    except BaseException:  # SystemExit: a shutdown or a revoke of Celery's
        _drop_warm_parent()
        leases.release(engine, lease)
        raise
    if isinstance(verdict, Stopped):
        return watch.conclude()
    kept = _write(claim, verdict, duration_s=time.monotonic() - began)
    return _say(verdict) if kept else "the lease was lost, nothing was written"


def _examine(claim: Claim, keep_going: Callable[[], bool]) -> Verdict:
    configuration = wiring.configuration()
    verdict = examine(
        claim.job,
        claim.run,
        places=_places(claim, configuration),
        grant=_grant(claim, configuration),
        warm=_warm_parent(),
        keep_going=keep_going,
    )
    if isinstance(verdict, Killed):
        _drop_warm_parent()
    return verdict


def _places(claim: Claim, configuration: Configuration) -> Places:
    dataset, job = claim.run.dataset, claim.job
    return Places(
        root=configuration.root,
        closed=configuration.secrets,
        snapshot=folder_of(configuration.snapshots, dataset.dataset_id, dataset.split_id),
        log=configuration.log_of(job.run_id, job.id),
        predictions=configuration.predictions_of(job.run_id, job.id),
    )


def _grant(claim: Claim, configuration: Configuration) -> Grant:
    settings, candidate = configuration.settings, claim.job.candidate
    cores = len(os.sched_getaffinity(0))
    return Grant(
        threads=candidate.threads or max(1, cores // settings.eval_workers),
        memory_mb=candidate.memory_limit_mb or settings.memory_limit_mb,
    )


def _write(claim: Claim, verdict: Scored | Faulty | Killed, *, duration_s: float) -> bool:
    engine, lease = wiring.engine(), claim.lease
    match verdict:
        case Scored():
            return leases.complete(engine, lease, _result(claim, verdict, duration_s))
        case Faulty():
            return leases.fail(engine, lease, verdict.error, state=verdict.state)
        case Killed():
            return leases.give_up(engine, lease, verdict.error)


def _result(claim: Claim, scored: Scored, duration_s: float) -> Result:
    job, run = claim.job, claim.run
    return Result(
        evaluation_id=job.id,
        run_id=run.id,
        model_id=job.candidate.id,
        model_version=job.candidate.version,
        dataset_id=run.dataset.dataset_id,
        dataset_name=run.dataset.name,
        split_id=run.dataset.split_id,
        seed=run.seed,
        metrics=scored.scores.metrics,
        details=scored.scores.details,
        timestamp=utc_now(),
        duration_s=duration_s,
        cost=scored.cost,
        attempt=job.attempt,
    )


def _say(verdict: Scored | Faulty | Killed) -> str:
    match verdict:
        case Scored():
            return ", ".join(f"{name} {value}" for name, value in verdict.scores.metrics.items())
        case Faulty():
            return f"{verdict.state}: {verdict.error.type}: {verdict.error.message}"
        case Killed():
            return verdict.error.message


def _our_own_fault(exc: Exception) -> JobError:
    """Costs an attempt, so that a machine that is broken does not take the same job for ever."""
    return JobError(
        type=type(exc).__name__,
        message=f"the worker could not run it: {exc}",
        phase=Phase.START,
        traceback="".join(traceback.format_exception(exc)),
        hint="`bakeoff doctor` on that machine says what is wrong; then `bakeoff retry`",
    )


class _Watch:
    """Asked each second whether the cell may go on; remembers why it may not."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._lease_s = wiring.configuration().settings.lease_seconds
        self._held_until = time.monotonic() + self._lease_s
        self._standing = Standing.HELD
        self._shutting_down = False

    def may_go_on(self) -> bool:
        self._standing = self._look()
        self._shutting_down = node.must_let_go()
        return self._standing is Standing.HELD and not self._shutting_down

    def _look(self) -> Standing:
        try:
            return self._ask()
        except InfrastructureError as exc:
            log.warning("job %s goes on until its lease runs out: %s", self._claim.job.id, exc)
            return Standing.HELD if time.monotonic() < self._held_until else Standing.LOST

    def _ask(self) -> Standing:
        engine, lease, asked_at = wiring.engine(), self._claim.lease, time.monotonic()
        if asked_at > self._held_until - self._lease_s * 2 / 3:
            if not leases.renew(engine, lease, lease_s=self._lease_s):
                return Standing.LOST
            self._held_until = asked_at + self._lease_s
        return leases.standing(engine, lease)

    def conclude(self) -> str:
        engine, lease = wiring.engine(), self._claim.lease
        if self._standing is Standing.LOST:
            return "the lease was lost, nothing was written"
        if self._standing is Standing.CANCELLED:
            leases.cancel(engine, lease)
            return "cancelled"
        leases.release(engine, lease)
        return "put back: the worker is shutting down"


def _warm_parent() -> WarmParent:
    """One per slot, kept from job to job."""
    if getattr(_slot, "warm", None) is None:
        _slot.warm = connect(node.oven_socket(), timeout_s=_CONNECT_S)
    warm: WarmParent = _slot.warm
    return warm


def _drop_warm_parent() -> None:
    with suppress(AttributeError):
        _slot.warm.close()
    _slot.warm = None
