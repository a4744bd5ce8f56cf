"""One runner for all kinds of jobs: claim a job, let its kind work on it, write how it ended.

This process supervises: it holds the lease and watches the clock. It runs no plugin; plugins run in cells.
"""

import logging
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from threading import local
from typing import TYPE_CHECKING, Any

from bakeoff.cell.host.cell_client import WarmParent, connect
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.ids_and_times import parse_id
from bakeoff.domain.runs.job import JobError, JobKind, Phase
from bakeoff.evaluation.jobs.cell_failure import Faulty, Killed, Stopped
from bakeoff.operations.concurrency_caps_and_job_resources import full_disk
from bakeoff.operations.context import Context
from bakeoff.operations.doorbells import ring_next
from bakeoff.operations.judging import compute_run_verdict  # noqa: F401 - loaded once, before the pool is forked
from bakeoff.operations.judging.judge_ended_runs import judge_what_is_due
from bakeoff.operations.judging.race_rounds import look_where_rounds_are_over
from bakeoff.settings import log_setup
from bakeoff.store.bakeoffs import leased_jobs
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.claims import Claim, ClaimRefusal, Holder, Lease, NextClaim
from bakeoff.worker.jobs import evaluation_jobs
from bakeoff.worker.jobs.job_at_work import Completed, Ending, JobAtWork, Waiting, Work
from bakeoff.worker.jobs.lease_monitor import LEASE_LOST, LeaseMonitor
from bakeoff.worker.jobs.several_jobs_in_one_task import JobBatch
from bakeoff.worker.pool_shared_memory import SharedMemory

if TYPE_CHECKING:
    from celery import Task

log = logging.getLogger(__name__)

_CONNECT_S = 60  #: the oven may be loading its libraries, or be restarting
_RETRY_S = 0.1


def _signals(at_work: JobAtWork) -> Ending:
    from bakeoff.worker.jobs import signal_jobs  # most workers never have such a job

    return signal_jobs.work(at_work)


#: What works on a job, by its kind.
_WORK: Mapping[JobKind, Work] = {JobKind.EVALUATION: evaluation_jobs.work, JobKind.SIGNALS: _signals}

#: The warm parent of each slot. It is kept between tasks, because connecting takes longer than a short job.
_slot = local()


class JobRunner:
    """Runs the jobs of one task. Log and Flower show what it returns."""

    def __init__(self, context: Context, memory: SharedMemory, task: "Task[Any, Any]") -> None:
        self._context = context
        self._memory = memory
        self._task = task
        self._holder = Holder(node=context.configuration.settings.node, worker=task.request.hostname or "?")

    def answer_doorbell(self, job_id: Any) -> str:
        if (full := full_disk(self._context.configuration)) is not None:
            return f"{full}: the job stays queued"
        claim = self._claim(job_id)
        if claim is ClaimRefusal.FULL:
            return str(claim)
        try:
            outcome = str(claim) if isinstance(claim, ClaimRefusal) else self._run_batch(claim)
        except SystemExit:
            self._ring_and_publish()
            raise
        # This line is not reached after a fault of our own, which is raised. The sweep sends doorbells later,
        # when this machine may be well again.
        self._ring_and_publish()
        return outcome

    def _run_batch(self, claim: Claim) -> str:
        """Runs this job, and further ones while the batch lasts. Says how the first and the last ended."""
        batch = JobBatch(self._task, self._memory)
        try:
            first = last = self._supervise(claim, batch)
            others = 0
            while following := self._following(batch):
                with log_setup.with_ids(jobId=following.job.id):
                    last = self._supervise(following, batch, on_first_look=partial(batch.announce, following))
                    log.info("%s", last)
                others += 1
        except BaseException:  # a shutdown, or a fault of ours: what was claimed for later goes back at once
            self._release_claimed(batch)
            raise
        return f"{first}; and {others} more, the last one: {last}" if others else first

    def _following(self, batch: JobBatch) -> Claim | None:
        """The job that was claimed as the one before ended, or else one that is claimed now."""
        asked = batch.take_next_claim()
        return self._claim_next(batch) if asked is None else asked.claimed

    def _release_claimed(self, batch: JobBatch) -> None:
        asked = batch.take_next_claim()
        if asked is not None and asked.claimed is not None:
            with suppress(InfrastructureError):  # then its lease runs out
                leased_jobs.release(self._context.engine, asked.claimed.lease)

    def _claim(self, job_id: Any) -> Claim | ClaimRefusal:
        # The warm parent comes before the claim: while we wait for it, no attempt and no lease is used up.
        self._warm_parent()
        return claims.claim(
            self._context.engine,
            parse_id(job_id),
            holder=self._holder,
            caps=self._context.shared_caps.present(),
            lease_s=self._context.configuration.settings.lease_seconds,
        )

    def _claim_next(self, batch: JobBatch) -> Claim | None:
        wanted = self._next_claim(batch)
        if wanted is None:
            return None
        self._warm_parent()
        return claims.claim_next(
            self._context.engine,
            excluded=wanted.excluded,
            holder=wanted.holder,
            caps=wanted.caps,
            lease_s=wanted.lease_s,
        )

    def _next_claim(self, batch: JobBatch) -> NextClaim | None:
        """The claim of a job without a doorbell: one that has a doorbell is left to whoever gets the message.

        None if this task is to take no further job.
        """
        if (
            not batch.lasts()
            or (have_doorbell := batch.jobs_with_doorbell(self._context)) is None
            or full_disk(self._context.configuration) is not None
            or self._memory.is_stopping()
        ):
            return None
        return NextClaim(
            excluded=have_doorbell,
            holder=self._holder,
            caps=self._context.shared_caps.present(),
            lease_s=self._context.configuration.settings.lease_seconds,
        )

    def _claim_with_end(self, batch: JobBatch) -> NextClaim | None:
        """A short job costs one transaction instead of two, if the next one is claimed as it ends.

        Only with a warm parent at hand: nobody waits for one while a result is not written.
        """
        try:
            return None if _living_warm_parent() is None else self._next_claim(batch)
        except Exception:  # the end of this job is written, whatever the search for the next one says
            log.exception("the next job is not claimed with the end of this one")
            return None

    def _supervise(
        self, claim: Claim, batch: JobBatch, *, on_first_look: Callable[[], None] = lambda: None
    ) -> str:
        """Works on a claimed job and says how it ended. In any case it has ended afterwards, or is queued."""
        log_setup.add_ids(runId=claim.run.id, modelId=claim.job.candidate.id, attempt=claim.job.attempt)
        lease = claim.lease
        monitor = LeaseMonitor(
            self._context,
            claim,
            lease_s=self._context.configuration.settings.lease_seconds,
            memory=self._memory,
            on_first_look=on_first_look,
        )
        batch.note_job(lease.job_id)
        at_work = JobAtWork(
            context=self._context, claim=claim, monitor=monitor, warm_parent=self._warm_parent
        )
        try:
            return f"{claim.job.candidate.id} in {claim.run.name}: {self._work(at_work, batch)}"
        except Exception as exc:  # whatever we did wrong must not keep the job in the state `running`; and a
            # MemoryError that left the task would end the whole worker
            log.exception("job %s is given up", lease.job_id)
            monitor.insist(self._put_back(lease, exc))
            raise InfrastructureError(
                f"job {lease.job_id} was given up: {type(exc).__name__}: {exc}"
            ) from None
        except BaseException:  # SystemExit: a shutdown or a revoke of Celery's
            leased_jobs.release(self._context.engine, lease)
            raise

    def _work(self, at_work: JobAtWork, batch: JobBatch) -> str:
        ending = _WORK[at_work.job.kind](at_work)
        if isinstance(ending, Stopped):
            return at_work.monitor.conclude()
        engine, lease = self._context.engine, at_work.lease
        match ending:
            case Completed():
                then = batch.note_next_claim(self._claim_with_end(batch))
                write, summary = partial(ending.write, then), f"completed, {ending.summary}"
            case Waiting():
                write, summary = partial(leased_jobs.wait, engine, lease), ending.summary
            case Faulty():
                write = partial(leased_jobs.fail, engine, lease, ending.error, state=ending.state)
                summary = f"{ending.state}, {ending.error.type}: {ending.error.message}"
            case Killed():
                write, summary = (
                    partial(leased_jobs.retry_or_fail, engine, lease, ending.error),
                    ending.error.message,
                )
        return summary if at_work.monitor.insist(write) else LEASE_LOST

    def _put_back(self, lease: Lease, exc: Exception) -> Callable[[], bool]:
        if full_disk(self._context.configuration) is not None:
            # No attempt is spent: nobody takes the job again before there is room.
            return partial(leased_jobs.release, self._context.engine, lease)
        return partial(leased_jobs.retry_or_fail, self._context.engine, lease, _our_own_fault(exc))

    def _ring_and_publish(self) -> None:
        """What follows each job: the look of a race, the next doorbells, the verdict of a run, the events."""
        try:
            look_where_rounds_are_over(self._context)
            ring_next(self._context)
            judge_what_is_due(self._context)
            self._context.event_relay.publish_pending()
        except InfrastructureError as exc:
            log.warning("what follows is left to the sweep: %s", exc)

    def _warm_parent(self) -> WarmParent:
        warm = _living_warm_parent()
        if warm is None:
            warm = _slot.warm = self._connect()
        return warm

    def _connect(self) -> WarmParent:
        deadline = time.monotonic() + _CONNECT_S
        while True:
            try:
                return connect(self._memory.oven_socket, timeout_s=_CONNECT_S)
            except InfrastructureError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_S)


def _living_warm_parent() -> WarmParent | None:
    warm: WarmParent | None = getattr(_slot, "warm", None)
    return warm if warm is not None and warm.is_alive() else None


def _our_own_fault(exc: Exception) -> JobError:
    """The error of a job that this worker could not run. It uses up an attempt: otherwise a broken machine
    would take the same job for ever.
    """
    return JobError(
        type=type(exc).__name__,
        message=f"the worker could not run it: {exc}",
        phase=Phase.START,
        traceback="".join(traceback.format_exception(exc)),
        hint="`bakeoff doctor` on that machine says what is wrong; then `bakeoff retry`",
    )
