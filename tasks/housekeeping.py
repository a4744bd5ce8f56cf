"""What keeps every promise when something died: taking silent leases, ringing again, telling what happened.

The sweep runs in every live worker and from beat. Any number of sweeps may run at once.
"""

import logging
from dataclasses import dataclass

from celery import shared_task

from config import journal
from domain.errors import BakeoffError
from store import leases
from tasks import doorbell, room, wiring
from tasks.complaint import Complaint
from tasks.relay import relay

log = logging.getLogger(__name__)

_full = Complaint(log)


@dataclass(frozen=True, kw_only=True)
class Swept:
    expired: int  #: leases taken from holders that fell silent
    rung: int  #: doorbells sent for free slots
    published: int  #: events moved to the stream


def sweep() -> Swept:
    """In a worker's own loop, so it never waits long for a broker that does not answer."""
    swept = Swept(
        expired=leases.expire(wiring.engine()),
        rung=_ring(),
        published=relay(),
    )
    if swept.expired:
        log.warning("%d jobs were taken from workers that fell silent", swept.expired)
    return swept


def _ring() -> int:
    if (full := room.lack()) is not None:
        _full.make(f"{full}: nothing is begun")
        return 0
    _full.withdraw()
    return doorbell.ring_free_slots()


@shared_task(name="bakeoff.sweep", throws=(BakeoffError,))
def sweep_task() -> str:
    journal.begin()
    swept = sweep()
    return f"{swept.expired} leases expired, {swept.rung} doorbells rung, {swept.published} events published"
