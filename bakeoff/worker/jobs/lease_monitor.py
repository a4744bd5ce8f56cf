"""The monitor of a job at work: is its lease still held, and may the work go on?"""

import logging
import time
from collections.abc import Callable

from bakeoff.domain.errors import InfrastructureError
from bakeoff.operations.context import Context
from bakeoff.settings.log_setup import RepeatedWarning
from bakeoff.store.bakeoffs import leased_jobs
from bakeoff.store.bakeoffs.leased_jobs import LeaseStanding
from bakeoff.store.bakeoffs.queue.claims import Claim
from bakeoff.worker.pool_shared_memory import SharedMemory

log = logging.getLogger(__name__)

LEASE_LOST = "the lease was lost, nothing was written"

_RETRY_S = 0.5
_RELAY_S = 0.5  #: of each second, at most, events are published


class LeaseMonitor:
    """Is asked each second whether the work may go on, and remembers why it may not."""

    def __init__(
        self,
        context: Context,
        claim: Claim,
        *,
        lease_s: float,
        memory: SharedMemory,
        on_first_look: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_first_look`: called at the first call of `may_go_on`; never if the work ends before."""
        self._context = context
        self._memory = memory
        self._lease = claim.lease
        self._on_first_look = on_first_look
        self._lease_s = lease_s
        self._held_until = time.monotonic() + self._lease_s
        self._standing = LeaseStanding.HELD
        self._trouble = RepeatedWarning(log)

    def may_go_on(self) -> bool:
        """Whether the lease is held and no shutdown has begun.

        Also publishes events, so that the start of a long job is known while it runs.
        """
        self._standing = self._look()
        if self._standing is not LeaseStanding.HELD or self._memory.must_let_go():
            return False
        on_first_look, self._on_first_look = self._on_first_look, lambda: None
        on_first_look()
        self._context.event_relay.publish_pending(within_s=_RELAY_S)
        return True

    def may_keep(self) -> bool:
        """Whether outputs may replace earlier files: only the holder of the lease may write there."""
        self._standing = self._look()
        return self._standing is LeaseStanding.HELD

    def conclude(self) -> str:
        """Write the end of work that was stopped because `may_go_on` or `may_keep` said no."""
        if self._standing is LeaseStanding.LOST:
            return LEASE_LOST
        if self._standing is LeaseStanding.CANCELLED:
            self.insist(lambda: leased_jobs.cancel(self._context.engine, self._lease))
            return "cancelled"
        self.insist(lambda: leased_jobs.release(self._context.engine, self._lease))
        return "put back, its worker is shutting down"

    def insist(self, write: Callable[[], bool]) -> bool:
        """Repeat a write while the database is away, so that a short outage does not cost an hour's work.

        `write` is fenced by the lease, so a repetition that comes too late changes nothing.
        """
        while True:
            try:
                return write()
            except InfrastructureError as exc:
                if not self._may_insist():
                    raise
                self._trouble.warn(f"the end of job {self._lease.job_id} will be written again: {exc}")
                time.sleep(_RETRY_S)

    def _may_insist(self) -> bool:
        return time.monotonic() < self._held_until or (
            self._is_still_ours() and not self._memory.must_let_go()
        )

    def _is_still_ours(self) -> bool:
        """Whether no other worker has taken the lease. One that has run out is ours until it is taken."""
        try:
            return leased_jobs.standing(self._context.engine, self._lease) is not LeaseStanding.LOST
        except InfrastructureError:
            return False

    def _look(self) -> LeaseStanding:
        try:
            self._renew_in_time()
            return leased_jobs.standing(self._context.engine, self._lease)
        except InfrastructureError as exc:
            self._trouble.warn(f"job {self._lease.job_id} goes on until its lease runs out: {exc}")
            return LeaseStanding.HELD if time.monotonic() < self._held_until else LeaseStanding.LOST

    def _renew_in_time(self) -> None:
        """Renews the lease when a third of it has passed, so that two more tries are left."""
        asked_at = time.monotonic()
        if asked_at < self._held_until - self._lease_s * 2 / 3:
            return
        try:
            if leased_jobs.renew(self._context.engine, self._lease, lease_s=self._lease_s):
                self._held_until = asked_at + self._lease_s
            self._trouble.resolve()
        except InfrastructureError as exc:
            self._trouble.warn(f"job {self._lease.job_id} goes on as long as nobody takes it: {exc}")
