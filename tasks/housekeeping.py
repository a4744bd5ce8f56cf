"""What keeps every promise when something died: taking silent leases, ringing again, telling what happened.

The sweep runs in every live worker and from beat. Any number of sweeps may run at once.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from celery import shared_task

from config import journal
from domain.errors import BakeoffError, InvalidInputError
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


@shared_task(name="bakeoff.start_run", throws=(BakeoffError,))
def start_run_task(*nameless: Any, **payload: Any) -> str:
    """What other services call by name. The body of the HTTP API, and `runId`, which the caller chose."""
    journal.begin(runId=payload.get("runId"))
    try:
        if nameless:
            raise InvalidInputError("a request for a run is given by name, as `kwargs`, and not as `args`")
        return _start(payload)
    except BakeoffError as exc:
        log.warning("a request for a run failed, and there is no run: %s", exc)
        raise


def _start(payload: Mapping[str, Any]) -> str:
    from evaluation.plan import RunRequest
    from tasks.enqueue import start_run

    return start_run(RunRequest.parse(payload))
