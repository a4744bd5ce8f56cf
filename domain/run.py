"""A run is one bake-off: a set of candidates on one dataset snapshot.

    queued -> running                          its first job is claimed
    queued | running -> completed              every job completed
    queued | running -> partial                some completed, some did not
    queued | running -> failed                 none completed
    queued | running -> cancelled              somebody stopped it, whatever had completed before

The end of a run is not decided by anybody: it follows from the ends of its jobs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.dataset import DatasetRef
from domain.job import JobState
from domain.saving import SaveRequest
from domain.scoring import ScoringRules


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def has_ended(self) -> bool:
        return self not in {RunState.QUEUED, RunState.RUNNING}


@dataclass(frozen=True, kw_only=True)
class Run:
    id: str
    name: str
    state: RunState
    dataset: DatasetRef
    rules: ScoringRules
    seed: int
    test_size: float
    baseline_id: str | None = None  #: the candidate that others must beat; None when it was left out
    repeat_check: bool = False  #: each candidate is fitted twice, to see whether it predicts the same
    save: SaveRequest | None = None  #: what becomes of the models it fits; None: nothing
    retry_of: str | None = None
    created_at: datetime
    started_at: datetime | None = None  #: first claim of one of its jobs
    ended_at: datetime | None = None


def end_of_run(jobs: Mapping[JobState, int]) -> RunState:
    """The state that a run ends in, from the number of its jobs in each state, once all have ended."""
    if jobs.get(JobState.CANCELLED):
        return RunState.CANCELLED
    completed = jobs.get(JobState.COMPLETED, 0)
    if completed == sum(jobs.values()):
        return RunState.COMPLETED
    return RunState.PARTIAL if completed else RunState.FAILED
