"""A result is the metrics record of one finished job.

Beside it: what a cell leaves of the model that it fitted, for a run that saves models, and the provenance of
the result, by which a later run sees whether it may reuse the predictions.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from bakeoff.domain.identity import iso
from bakeoff.domain.metric import ScoringRules


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


class Part(StrEnum):
    """What decides the predictions of a candidate. What only decides how they are scored is none of it."""

    CODE = "code"  #: its class, what that imports, or the distribution that it comes from
    PARAMETERS = "parameters"  #: of its entry in the catalog
    VERSION = "version"  #: that its entry gives it
    DATA = "data"  #: snapshot and split
    SEED = "seed"
    LIBRARIES = "libraries"  #: Python and what every cell has loaded
    BAKEOFF = "bakeoff"  #: what of our own runs in a cell


Parts = Mapping[Part, str]  #: a digest of each


@dataclass(frozen=True, kw_only=True)
class CodeManifest:
    """On what a fit was made: for people, and to see what has changed when it cannot be reproduced."""

    commit: str | None  #: of the git checkout that the project lies in; None outside of one
    cpu: str
    packages: Mapping[str, str]  #: versions, Python's among them

    def to_record(self) -> dict[str, Any]:
        return {"commit": self.commit, "cpu": self.cpu, "packages": dict(self.packages)}


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Of a result that was fitted for; one that was taken over has that of its origin."""

    parts: Parts
    seen: Mapping[str, str]  #: digests of what it was seen to use besides, by what that is
    obstacle: str = ""  #: why nobody can tell when it would predict the same; empty if it can be told
    predictions: str  #: digest of the file of what it answered
    probabilities: str | None = None  #: digest of that beside labels; None if it was not asked or has none
    manifest: CodeManifest

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.parts)

    def answered_like(self, other: Self) -> bool:
        """As far as both were asked."""
        known = {self.probabilities, other.probabilities} - {None}
        return self.predictions == other.predictions and len(known) <= 1


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A result that was fitted for, and what another run must know to take it over."""

    result: Result
    rules: ScoringRules  #: that its predictions were scored by
    train_rows: int
    test_rows: int
    provenance: Provenance

    @property
    def is_deterministic(self) -> bool | None:
        """What a second fit told; None when there was none."""
        return self.result.details.get("deterministic")


def fingerprint(parts: Parts) -> str:
    return digest_of({part: parts[part] for part in Part})


def digest_of(value: Any) -> str:
    """Of JSON. The order of keys counts: it may be that of arguments."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
