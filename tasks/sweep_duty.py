"""What keeps every promise when something died: taking silent leases, ringing again, telling what happened.

The sweep runs in every live worker and from beat. Any number of sweeps may run at once.
"""

import logging
from dataclasses import dataclass

from celery import shared_task

from bakeoff.domain.errors import BakeoffError
from bakeoff.operations import disk_guard, process_context
from bakeoff.settings import log_setup
from bakeoff.settings.log_setup import RepeatedWarning
from bakeoff.store.bakeoffs import leases
from bakeoff.worker.event_relay import relay
from tasks import doorbell

log = logging.getLogger(__name__)

_full = RepeatedWarning(log)


@dataclass(frozen=True, kw_only=True)
class Swept:
    expired: int  #: leases taken from holders that fell silent
    rung: int  #: doorbells sent for free slots
    published: int  #: events moved to the stream


def sweep() -> Swept:
    """In a worker's own loop, so it never waits long for a broker that does not answer."""
    swept = Swept(
        expired=leases.expire(process_context.engine()),
        rung=_ring(),
        published=relay(),
    )
    if swept.expired:
        log.warning("%d jobs were taken from workers that fell silent", swept.expired)
    return swept


def _ring() -> int:
    if (full := disk_guard.lack()) is not None:
        _full.make(f"{full}: nothing is begun")
        return 0
    _full.withdraw()
    return doorbell.ring_free_slots()


@shared_task(name="bakeoff.sweep", throws=(BakeoffError,))
def sweep_task() -> str:
    log_setup.begin()
    swept = sweep()
    return f"{swept.expired} leases expired, {swept.rung} doorbells rung, {swept.published} events published"
