"""Work that one process at a time may do: it goes on as long as the process holds the lease on its row.

Savings and scheduled runs are worked on like this, by processes of different floors.
"""

import logging
import math
from collections.abc import Callable
from typing import TypeVar

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.machine.background_work import run_in_thread
from bakeoff.store.bakeoffs.row_lease import RowLease

log = logging.getLogger(__name__)

T = TypeVar("T")


def work_while_leased(work: Callable[[], T], lease: RowLease, *, lease_s: float, name: str) -> T:
    """What `work` returns or raises; the lease is renewed three times in its length meanwhile.

    Raises StoppedError when the lease is lost, or cannot be renewed: then somebody else may do the work.
    `name` is what the log calls it.
    """
    return run_in_thread(
        work,
        keep_going=lambda: _renew(lease, lease_s, name),
        longest_s=math.inf,
        tick_s=lease_s / 3,
    )


def _renew(lease: RowLease, lease_s: float, name: str) -> bool:
    try:
        return lease.renew(lease_s=lease_s)
    except InfrastructureError as exc:
        log.warning("%s is left to another attempt, for its lease cannot be renewed: %s", name, exc)
        return False
