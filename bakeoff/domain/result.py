"""What a cell leaves behind of the model that it fitted, for a run that wants to save it.

A result is the metrics record of one finished job.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from bakeoff.domain.identity import iso


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """Files that were hashed, and that nobody has unpickled."""

    file: str  #: name of the pickle in the folder of its job
    digest: str  #: SHA-256
    preprocessor: str | None = None  #: name of the pickle of what was put before the model
    preprocessor_digest: str | None = None
    description: Mapping[str, Any]  #: in the cell's words: type, hyperparameters, signature, example, …
    metadata: Mapping[str, Any]  #: in ours: what whoever predicts with it must know

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class NotKept:
    """The candidate has a result, and its model cannot be saved."""

    problem: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(data: Mapping[str, Any]) -> FittedModel | NotKept:
    return NotKept(**data) if "problem" in data else FittedModel(**data)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an evaluation used, and what it had been granted."""

    fit_s: float
    predict_s: float
    cpu_s: float  #: user and system time of the cell and its descendants
    peak_memory_mb: float  #: most resident memory of the cell, shared libraries and data included
    granted_threads: int
    granted_memory_mb: int | None = None  #: None means no limit


@dataclass(frozen=True, kw_only=True)
class Result:
    evaluation_id: str  #: the id of the job
    run_id: str
    model_id: str
    model_version: str
    dataset_id: str
    dataset_name: str
    split_id: str
    seed: int
    metrics: Mapping[str, float | None]  #: None where a metric is undefined for these predictions
    details: Mapping[str, Any] = field(default_factory=dict)  #: per class table, confusion matrix, warnings
    timestamp: datetime
    duration_s: float  #: wall time from the claim to the score
    cost: Cost
    attempt: int
    reused_from: str | None = None  #: the evaluation whose numbers these are

    def to_record(self) -> dict[str, Any]:
        """The record as it leaves the system: in events, over HTTP, in `--json`."""
        return {
            "evaluationId": self.evaluation_id,
            "runId": self.run_id,
            "modelId": self.model_id,
            "modelVersion": self.model_version,
            "datasetId": self.dataset_id,
            "datasetName": self.dataset_name,
            "splitId": self.split_id,
            "seed": self.seed,
            "metrics": dict(self.metrics),
            "timestamp": iso(self.timestamp),
            "duration": self.duration_s,
            "attempt": self.attempt,
            "reusedFrom": self.reused_from,
            "fitSeconds": self.cost.fit_s,
            "predictSeconds": self.cost.predict_s,
            "cpuSeconds": self.cost.cpu_s,
            "peakMemoryMb": self.cost.peak_memory_mb,
            "grantedThreads": self.cost.granted_threads,
            "grantedMemoryMb": self.cost.granted_memory_mb,
        }
