"""A run is one bake-off: a set of candidates on one dataset snapshot.

    queued -> running                          its first job is claimed
    queued | running -> completed              every job completed, or was stopped by the race
    queued | running -> partial                some completed, some did not
    queued | running -> failed                 none completed
    queued | running -> cancelled              one of its jobs was cancelled, whatever completed before

The end of a run follows from the ends of its jobs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from bakeoff.domain.finding import Finding
from bakeoff.domain.ids_and_times import iso, iso_or_none
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.job import JobKind, JobState
from bakeoff.domain.runs.model_saving import SavePolicy, SaveRequest
from bakeoff.domain.signal import SignalOrder
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef


class ProgressStep(Protocol):
    """The part of a job that is needed to estimate how long its run still takes."""

    @property
    def state(self) -> JobState: ...

    @property
    def started_at(self) -> datetime | None: ...


def number_ended(steps: Sequence[ProgressStep]) -> int:
    return sum(step.state.has_ended for step in steps)


def seconds_left(steps: Sequence[ProgressStep], elapsed: float) -> float | None:
    """An estimate by the pace so far, for which reused jobs do not count; None before a job has ended."""
    done = sum(step.state.has_ended and step.started_at is not None for step in steps)
    return (len(steps) - number_ended(steps)) * elapsed / done if done else None


#: Of two runs, jobs of the one with the higher priority start first.
#: Characters of a label, by which people find a run again.
LONGEST_LABEL = 60

PRIORITIES = range(-100, 101)


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
    save: SaveRequest | None = None  #: which of the models it fits are saved; None: none of them
    signals: SignalOrder | None = None  #: what its signal models predict; None: it evaluates candidates
    priority: int = 0  #: one of PRIORITIES
    options: Mapping[str, Any] = field(default_factory=dict)  #: others that were asked for, by camelCase key
    findings: tuple[Finding, ...] = ()  #: on its data, as they were known when it was started
    retry_of: str | None = None
    request_digest: str | None = (
        None  #: of the request, if it had an idempotency key: a repeat has the same one
    )
    created_at: datetime
    started_at: datetime | None = None  #: first claim of one of its jobs
    ended_at: datetime | None = None

    @property
    def is_race(self) -> bool:
        """Whether candidates that are shown not to be the best are not fitted on the other folds."""
        return bool(self.options.get("race"))

    @property
    def spreads(self) -> bool:
        """Whether each fold of a candidate is a job of its own."""
        return bool(self.options.get("spread")) and self.dataset.design.has_folds

    @property
    def kind(self) -> JobKind:
        return JobKind.EVALUATION if self.signals is None else JobKind.SIGNALS

    @property
    def title(self) -> str:
        """The name, and the beginning of the id if it is not in the name: as a message tells runs apart."""
        return self.name if self.id[:8] in self.name else f"{self.name} ({self.id[:8]})"

    @property
    def wants_shuffle_check(self) -> bool:
        """Whether the candidate that it would recommend is first fitted to shuffled labels."""
        return bool(self.options.get("shuffleCheck"))

    def to_record(self) -> dict[str, Any]:
        """The run as JSON, over HTTP and in `--json`."""
        return {
            "runId": self.id,
            "kind": self.kind,
            "name": self.name,
            "status": self.state,
            "datasetId": self.dataset.dataset_id,
            "datasetName": self.dataset.name,
            "splitId": self.dataset.split_id,
            "target": self.dataset.target,
            "targetKind": self.dataset.target_kind,
            "classes": list(self.dataset.classes),
            "trainRows": self.dataset.train_rows,
            "testRows": self.dataset.test_rows,
            "columns": self.dataset.columns,
            "design": self.dataset.design.to_record(),
            **self.rules.to_record(),
            "seed": self.seed,
            "testSize": self.test_size,
            "baselineId": self.baseline_id,
            "priority": self.priority,
            "race": self.is_race,
            "save": self.save.policy if self.save else SavePolicy.NONE,
            "saveAs": self.save.name if self.save else None,
            "signals": self.signals.to_record() if self.signals else None,
            "findings": [finding.to_record() for finding in self.findings],
            "retryOf": self.retry_of,
            "createdAt": iso(self.created_at),
            "startedAt": iso_or_none(self.started_at),
            "endedAt": iso_or_none(self.ended_at),
        }


def end_of_run(jobs: Mapping[JobState, int]) -> RunState:
    """The state that a run ends in, from the number of its jobs in each state, once all have ended."""
    if jobs.get(JobState.CANCELLED):
        return RunState.CANCELLED
    completed = jobs.get(JobState.COMPLETED, 0)
    if completed and completed + jobs.get(JobState.STOPPED, 0) == sum(jobs.values()):
        return RunState.COMPLETED
    return RunState.PARTIAL if completed else RunState.FAILED
