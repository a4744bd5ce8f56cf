"""What is done about a claimed job, whatever kind it is of, and how it ends."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from cell.client import WarmParent
from domain.candidate import Candidate
from evaluation.verdict import Faulty, Grant, Killed, Stopped
from store.leases import Claim
from tasks import wiring
from tasks.watch import Watch


@dataclass(frozen=True, kw_only=True)
class Completed:
    write: Callable[[], bool]  #: False when the lease was lost; may be called again
    said: str  #: what came of it, for the log and Flower


Ending = Completed | Faulty | Killed | Stopped

#: The warm parent is asked for where a cell is needed.
Work = Callable[[Claim, Watch, Callable[[], WarmParent]], Ending]


def grant_for(candidate: Candidate) -> Grant:
    settings, cores = wiring.configuration().settings, len(os.sched_getaffinity(0))
    return Grant(
        threads=candidate.threads or max(1, cores // wiring.caps().per_node),
        memory_mb=candidate.memory_limit_mb or settings.memory_limit_mb,
    )
