"""Work that only one process at a time may do: it goes on as long as the process holds the lease on a row.

Used for judging runs, saving models, and starting the runs of schedules and suites.
"""

import logging
import math
from collections.abc import Callable
from typing import TypeVar

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.machine.work_in_thread import StoppedError, run_in_thread
from bakeoff.store.bakeoffs.row_lease import RowLease

log = logging.getLogger(__name__)

T = TypeVar("T")


def work_while_leased(work: Callable[[], T], lease: RowLease, *, lease_s: float, name: str) -> T:
    """Returns or raises what `work` does; meanwhile the lease is renewed, three times within its length.

    Raises StoppedError when the lease is lost or cannot be renewed: another process may do the work then.
    `name` is what the log calls the work.
    """
    return run_in_thread(
        work,
        keep_going=lambda: _renew(lease, lease_s, name),
        longest_s=math.inf,
        tick_s=lease_s / 3,
    )


def start_while_leased(
    start: Callable[[], object],
    lease: RowLease,
    *,
    lease_s: float,
    name: str,
    gives_up: Callable[[Exception], bool] = lambda _: False,
) -> bool:
    """Whether the run was started. One that could not be is due again later, and its row keeps the reason.

    `gives_up` is told each error; if it has closed the row, it returns True.
    """
    try:
        work_while_leased(start, lease, lease_s=lease_s, name=name)
    except StoppedError:
        return False
    except Exception as exc:  # noqa: BLE001 - a dataset may be a function of anybody's, and raise anything
        if not gives_up(exc):
            log.warning("%s is started later, in %d s: %s", name, lease.pause_s, exc)
            lease.postpone(by_s=lease.pause_s, error=str(exc) or type(exc).__name__)
        return False
    return True


def _renew(lease: RowLease, lease_s: float, name: str) -> bool:
    try:
        return lease.renew(lease_s=lease_s)
    except InfrastructureError as exc:
        log.warning("%s is left to another attempt, for its lease cannot be renewed: %s", name, exc)
        return False
