"""The watch that a supervisor keeps while a job runs: is the lease still held, and may the work go on?"""

import logging
import time
from collections.abc import Callable

from bakeoff.domain.errors import InfrastructureError
from bakeoff.operations import process_context
from bakeoff.settings.log_setup import RepeatedWarning
from bakeoff.store.bakeoffs import leases
from bakeoff.store.bakeoffs.leases import Claim, LeaseStanding
from bakeoff.worker import node_startup
from bakeoff.worker.event_relay import relay

log = logging.getLogger(__name__)

LEASE_LOST = "the lease was lost, nothing was written"

_AGAIN_S = 0.5
_TELL_S = 0.5  #: of the second until the next look, however much there is to tell


class LeaseMonitor:
    """Asked each second whether the work may go on; remembers why it may not."""

    def __init__(self, claim: Claim, *, lease_s: float, tell: Callable[[], None] = lambda: None) -> None:
        """`tell` is called once, when the work has gone on for as long as until the first question."""
        self._lease = claim.lease
        self._tell = tell
        self._lease_s = lease_s
        self._held_until = time.monotonic() + lease_s
        self._standing = LeaseStanding.HELD
        self._trouble = RepeatedWarning(log)

    def may_go_on(self) -> bool:
        """Also has it told that the job has started, unless it was over before anybody could ask."""
        self._standing = self._look()
        if self._standing is not LeaseStanding.HELD or node_startup.must_let_go():
            return False
        self._tell_once()
        relay(within_s=_TELL_S)
        return True

    def _tell_once(self) -> None:
        tell, self._tell = self._tell, lambda: None
        tell()

    def may_keep(self) -> bool:
        self._standing = self._look()
        return self._standing is LeaseStanding.HELD

    def conclude(self) -> str:
        """The end of work that was stopped because the watch said no."""
        if self._standing is LeaseStanding.LOST:
            return LEASE_LOST
        if self._standing is LeaseStanding.CANCELLED:
            self.insist(lambda: leases.cancel(process_context.engine(), self._lease))
            return "cancelled"
        self.insist(lambda: leases.release(process_context.engine(), self._lease))
        return "put back, its worker is shutting down"

    def insist(self, write: Callable[[], bool]) -> bool:
        """Work of an hour is not thrown away because the database is away for a moment, or full for a day."""
        while True:
            try:
                return write()
            except InfrastructureError as exc:
                if not self._may_insist():
                    raise
                self._trouble.make(f"the end of job {self._lease.job_id} will be written again: {exc}")
                time.sleep(_AGAIN_S)

    def _may_insist(self) -> bool:
        return time.monotonic() < self._held_until or (
            self._is_still_ours() and not node_startup.must_let_go()
        )

    def _is_still_ours(self) -> bool:
        """A lease that has run out is lost when somebody takes it, and that is a write, too."""
        try:
            return leases.standing(process_context.engine(), self._lease) is not LeaseStanding.LOST
        except InfrastructureError:
            return False

    def _look(self) -> LeaseStanding:
        try:
            self._renew_in_time()
            return leases.standing(process_context.engine(), self._lease)
        except InfrastructureError as exc:
            self._trouble.make(f"job {self._lease.job_id} goes on until its lease runs out: {exc}")
            return LeaseStanding.HELD if time.monotonic() < self._held_until else LeaseStanding.LOST

    def _renew_in_time(self) -> None:
        asked_at = time.monotonic()
        if asked_at < self._held_until - self._lease_s * 2 / 3:
            return
        try:
            if leases.renew(process_context.engine(), self._lease, lease_s=self._lease_s):
                self._held_until = asked_at + self._lease_s
            self._trouble.withdraw()
        except InfrastructureError as exc:
            self._trouble.make(f"job {self._lease.job_id} goes on as long as nobody takes it: {exc}")
