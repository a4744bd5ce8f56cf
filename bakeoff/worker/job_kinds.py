"""What is done about a claimed job, whatever kind it is of, and how it ends."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from bakeoff.cell.host.cell_client import WarmParent
from bakeoff.domain.candidate import Candidate
from bakeoff.evaluation.jobs.cell_failure import Faulty, Killed, Stopped
from bakeoff.evaluation.jobs.evaluation_under_way import Grant
from bakeoff.operations import process_context
from bakeoff.store.bakeoffs.leases import Claim
from bakeoff.worker.lease_monitor import LeaseMonitor


@dataclass(frozen=True, kw_only=True)
class Completed:
    write: Callable[[], bool]  #: False when the lease was lost; may be called again
    said: str  #: what came of it, for the log and Flower


Ending = Completed | Faulty | Killed | Stopped

#: The warm parent is asked for where a cell is needed.
Work = Callable[[Claim, LeaseMonitor, Callable[[], WarmParent]], Ending]


def grant_for(candidate: Candidate) -> Grant:
    settings, cores = process_context.configuration().settings, len(os.sched_getaffinity(0))
    return Grant(
        threads=candidate.threads or max(1, cores // process_context.caps().per_node),
        memory_mb=candidate.memory_limit_mb or settings.memory_limit_mb,
    )
