"""The job that a worker is working on, with all that the kinds of jobs need; and how it ends."""

from collections.abc import Callable
from dataclasses import dataclass

from bakeoff.cell.host.cell_client import WarmParent
from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.run import Run
from bakeoff.evaluation.jobs.cell_failure import Faulty, Killed, Stopped
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import Grant
from bakeoff.operations.concurrency_caps_and_job_resources import grant_for
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs.queue.claims import Claim, Lease, NextClaim
from bakeoff.worker.jobs.lease_monitor import LeaseMonitor


@dataclass(frozen=True, kw_only=True)
class JobAtWork:
    context: Context
    claim: Claim
    monitor: LeaseMonitor  #: says whether the work may go on
    warm_parent: Callable[[], WarmParent]  #: called when a cell is needed

    @property
    def job(self) -> Job:
        return self.claim.job

    @property
    def run(self) -> Run:
        return self.claim.run

    @property
    def lease(self) -> Lease:
        return self.claim.lease

    @property
    def grant(self) -> Grant:
        return grant_for(self.job.candidate, self.context)


@dataclass(frozen=True, kw_only=True)
class Completed:
    #: Writes the end, and claims the next job if that is wanted. False when the lease was lost. May be called
    #: again.
    write: Callable[[NextClaim | None], bool]
    summary: str  #: how it ended, for the log and Flower


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Of a race: it lets go of its slot until the others have done the same folds."""

    summary: str


Ending = Completed | Waiting | Faulty | Killed | Stopped

#: What a kind of job supplies: it works on a claimed job, and returns how that ended.
Work = Callable[[JobAtWork], Ending]
