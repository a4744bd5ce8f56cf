"""Logging a run to a tracking server: what is logged, and how far that has come.

the run is judged -> due -> done     it is in MLflow
                     due -> due      another attempt later: the server was away, or who logged it was killed
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from bakeoff.domain.ids_and_times import iso


class TrackedEnd(StrEnum):
    """How something that is logged ended, in the words of MLflow."""

    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True, kw_only=True)
class TrackedValue:
    metric: str
    value: float
    step: int = 0  #: the fold, for scores of folds


@dataclass(frozen=True, kw_only=True)
class TrackedEntry:
    """A run, or one candidate of it, as a tracking server shows it."""

    id: str  #: of the run or of the evaluation: by this an entry is found again, so that there is one
    name: str
    status: TrackedEnd
    started_at: datetime
    ended_at: datetime
    params: Mapping[str, str]
    metrics: Sequence[TrackedValue]
    tags: Mapping[str, str]
    note: str  #: a few words for readers, as Markdown
    files: Mapping[str, str] = field(default_factory=dict)  #: text by name


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """All that is logged of one run."""

    run: TrackedEntry
    candidates: Sequence[TrackedEntry]
    dataset: str
    dataset_id: str  #: digest of the data
    split_id: str


@dataclass(frozen=True, kw_only=True)
class TrackedAddress:
    """Where a run was logged."""

    uri: str  #: of the server, without its password
    experiment: str
    experiment_id: str
    run_id: str  #: of the parent, in MLflow

    @property
    def page(self) -> str | None:
        """For a browser; None where the address is a database's."""
        if not self.uri.startswith(("http://", "https://")):
            return None
        return f"{self.uri.rstrip('/')}/#/experiments/{self.experiment_id}/runs/{self.run_id}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """How far the logging of one run has come."""

    run_id: str
    due_at: datetime  #: when the next attempt may begin; while one is under way, when its lease ends
    tries: int
    error: str  #: of the last attempt; empty if it did not fail
    address: TrackedAddress | None  #: where it was logged last; None: it never was
    done_at: datetime | None  #: None: there will be another attempt

    @property
    def in_words(self) -> str:
        """Where the run was logged, or that it waits and why."""
        if self.done_at is not None and self.address is not None:
            place = self.address.page or f"{self.address.uri}, run {self.address.run_id}"
            return f"experiment {self.address.experiment}, {place}"
        return f"not yet: {self.error}" if self.error else "not yet"

    def to_record(self) -> dict[str, Any]:
        """The tracking as JSON, over HTTP and in `--json`."""
        return {
            "state": "done" if self.done_at else "waiting",
            "uri": self.address and self.address.uri,
            "experiment": self.address and self.address.experiment,
            "mlflowRunId": self.address and self.address.run_id,
            "page": self.address and self.address.page,
            "error": self.error,
            "tries": self.tries,
            "dueAt": iso(self.due_at),
            "doneAt": None if self.done_at is None else iso(self.done_at),
        }
