"""The watch that a supervisor keeps while a job runs: is the lease still held, and may the work go on?"""

import logging
import time
from collections.abc import Callable

from domain.errors import InfrastructureError
from store import leases
from store.leases import Claim, Standing
from tasks import node, wiring
from tasks.relay import relay

log = logging.getLogger(__name__)

LEASE_LOST = "the lease was lost, nothing was written"

_AGAIN_S = 0.5
_TELL_S = 0.5  #: of the second until the next look, however much there is to tell


class Watch:
    """Asked each second whether the work may go on; remembers why it may not."""

    def __init__(self, claim: Claim, *, lease_s: float) -> None:
        self._lease = claim.lease
        self._lease_s = lease_s
        self._held_until = time.monotonic() + lease_s
        self._standing = Standing.HELD

    def may_go_on(self) -> bool:
        """Also has it told that the job has started, unless it was over before anybody could ask."""
        self._standing = self._look()
        if self._standing is not Standing.HELD or node.must_let_go():
            return False
        relay(within_s=_TELL_S)
        return True

    def conclude(self) -> str:
        """The end of work that was stopped because `may_go_on` said no."""
        if self._standing is Standing.LOST:
            return LEASE_LOST
        if self._standing is Standing.CANCELLED:
            self.insist(lambda: leases.cancel(wiring.engine(), self._lease))
            return "cancelled"
        self.insist(lambda: leases.release(wiring.engine(), self._lease))
        return "put back, its worker is shutting down"

    def insist(self, write: Callable[[], bool]) -> bool:
        """Work of an hour is not thrown away because the database is away for a moment."""
        while True:
            try:
                return write()
            except InfrastructureError as exc:
                if time.monotonic() > self._held_until:
                    raise
                log.warning("the end of job %s is written again: %s", self._lease.job_id, exc)
                time.sleep(_AGAIN_S)

    def _look(self) -> Standing:
        try:
            return self._ask()
        except InfrastructureError as exc:
            log.warning("job %s goes on until its lease runs out: %s", self._lease.job_id, exc)
            return Standing.HELD if time.monotonic() < self._held_until else Standing.LOST

    def _ask(self) -> Standing:
        asked_at = time.monotonic()
        if asked_at > self._held_until - self._lease_s * 2 / 3:
            if not leases.renew(wiring.engine(), self._lease, lease_s=self._lease_s):
                return Standing.LOST
            self._held_until = asked_at + self._lease_s
        return leases.standing(wiring.engine(), self._lease)
