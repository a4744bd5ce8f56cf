"""A result is the metrics record of one finished job.

Also here: what one fit of an evaluation with folds or seeds gave (a `FoldResult`), the fitted model that a
cell leaves for a run that saves models, and the provenance of a result, by which a later run decides whether
it reuses the predictions.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from bakeoff.domain.ids_and_times import iso
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.verdict import Interval
from bakeoff.domain.snapshot_reference_and_split_design import Design


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """The pickles of a fitted model: they were hashed, and never unpickled."""

    file: str  #: name of the pickle in the folder of its job
    digest: str  #: SHA-256
    preprocessor: str | None = None  #: name of the pickle of what was put before the model
    preprocessor_digest: str | None = None
    description: Mapping[str, Any]  #: from the cell: type, hyperparameters, signature, example, …
    metadata: Mapping[str, Any]  #: from us: what is needed to predict with it

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class NotKept:
    """Why the model of a candidate that has a result cannot be saved."""

    problem: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(data: Mapping[str, Any]) -> FittedModel | NotKept:
    return NotKept(**data) if "problem" in data else FittedModel(**data)


@dataclass(frozen=True, kw_only=True)
class CallTimes:
    """How long calls of `predict` took, in seconds."""

    rows: int  #: given to each call
    calls: int
    p50: float
    p99: float  #: of fewer than 100 calls, the longest

    def to_record(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Measured in the cell after the fit, with the threads of the job."""

    one_row: CallTimes
    batch: CallTimes

    def to_record(self) -> dict[str, Any]:
        return {"oneRow": self.one_row.to_record(), "batch": self.batch.to_record()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(one_row=CallTimes(**stored["one_row"]), batch=CallTimes(**stored["batch"]))


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The resources that an evaluation used, and those that it was granted."""

    fit_s: float
    predict_s: float
    cpu_s: float  #: user and system time of the cell and its descendants
    peak_memory_mb: float  #: most resident memory of the cell, shared libraries and data included
    granted_threads: int
    granted_memory_mb: int | None = None  #: None means no limit
    latency: Latency | None = None  #: None where the model was too slow for it, or failed meanwhile
    model_bytes: int | None = None  #: of the pickles; None where the run saves no models

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        latency = stored.get("latency")
        return cls(**{**stored, "latency": Latency.from_json(latency) if latency else None})


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
    intervals: Mapping[str, Interval] = field(default_factory=dict)  #: 95 %; of metrics that have one
    timestamp: datetime
    duration_s: float  #: wall time from the claim to the score
    cost: Cost
    attempt: int
    reused_from: str | None = (
        None  #: the earlier evaluation that these metrics come from; None: it was fitted for this run
    )

    @property
    def unscored(self) -> dict[str, str]:
        """Why metrics have no value, by their names: the warning of each that says something of it."""
        warnings = [str(warning) for warning in self.details.get("warnings", ())]
        undefined = [name for name, value in self.metrics.items() if value is None]
        told = {name: next((said for said in warnings if said.startswith(name)), None) for name in undefined}
        return {name: said for name, said in told.items() if said is not None}

    def to_record(self) -> dict[str, Any]:
        """The record as JSON, in events, over HTTP and in `--json`."""
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
            "intervals": {metric: [one.low, one.high] for metric, one in self.intervals.items()},
            "restsOn": {
                metric: one.rests_on for metric, one in self.intervals.items() if one.rests_on is not None
            },
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
            "latency": self.cost.latency.to_record() if self.cost.latency else None,
            "modelBytes": self.cost.model_bytes,
        }


class Part(StrEnum):
    """The things that determine the predictions of a candidate, but not how these are scored."""

    CODE = "code"  #: its class, what that imports, or the distribution that it comes from
    PARAMETERS = "parameters"  #: of its entry in the catalog
    VERSION = "version"  #: as its entry in the catalog says
    DATA = "data"  #: snapshot and split
    SEED = "seed"
    LIBRARIES = "libraries"  #: Python and what every cell has loaded
    BAKEOFF = "bakeoff"  #: our own code that runs in a cell


Parts = Mapping[Part, str]  #: a digest of each


@dataclass(frozen=True, kw_only=True)
class CodeManifest:
    """The environment of a fit: it shows what has changed when the fit cannot be reproduced."""

    commit: str | None  #: of the git checkout that the project is in; None if it is in none
    cpu: str
    packages: Mapping[str, str]  #: versions, Python's among them

    def to_record(self) -> dict[str, Any]:
        return {"commit": self.commit, "cpu": self.cpu, "packages": dict(self.packages)}


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What the predictions of a result depend on. A reused result has the provenance of its origin."""

    parts: Parts
    seen: Mapping[str, str]  #: digests of other files that it was seen to use, by path
    obstacle: str = ""  #: why it cannot be known whether it would predict the same again; empty if it can
    predictions: str  #: digest of the file of its predictions
    probabilities: str | None = (
        None  #: digest of the probabilities or scores beside labels; None: there are none
    )
    manifest: CodeManifest

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.parts)

    def predicted_like(self, other: Self) -> bool:
        """Whether both predicted the same; probabilities are compared where both have them."""
        known = {self.probabilities, other.probabilities} - {None}
        return self.predictions == other.predictions and len(known) <= 1


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted result, and what another run must know to reuse it."""

    result: Result
    rules: ScoringRules  #: by which its predictions were scored
    train_rows: int
    test_rows: int
    fits: int = 1  #: folds of all repeats
    provenance: Provenance

    @property
    def is_deterministic(self) -> bool | None:
        """Whether a second fit predicted the same; None when there was no second fit."""
        return self.result.details.get("deterministic")


def fingerprint(parts: Parts) -> str:
    return digest_of({part: parts[part] for part in Part})


def digest_of(value: Any) -> str:
    """SHA-256 of the value as JSON. The order of keys counts: it may be that of arguments."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class FoldResult:
    place: int  #: among the fits of the design, from 0
    metrics: Mapping[str, float | None]  #: of this fold alone; None where a metric is undefined
    cost: Cost
    duration_s: float
    warnings: tuple[str, ...] = ()
    uses_seed: bool = True  #: false: its cell saw that another seed would change nothing
    deterministic: bool | None = None  #: whether a second fit predicted the same; None: there was none
    provenance: Provenance | None = None  #: None where nothing is kept
    choices: Mapping[str, Any] = field(default_factory=dict)  #: parameters and thresholds, as in details

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            **{
                **data,
                "cost": Cost.from_json(data["cost"]),
                "warnings": tuple(data["warnings"]),
                "provenance": None if data["provenance"] is None else _provenance(data["provenance"]),
            }
        )


def fold_record(design: Design, place: int, metrics: Mapping[str, float | None]) -> dict[str, Any]:
    """A fold as JSON, in the details of a result and wherever folds are shown."""
    seed, split = divmod(place, design.splits)
    repeat, fold = divmod(split, design.folds)
    return {"seed": seed + 1, "repeat": repeat + 1, "fold": fold + 1, "metrics": dict(metrics)}


def _provenance(data: Mapping[str, Any]) -> Provenance:
    parts = {part: data["parts"][part] for part in Part}
    return Provenance(**{**data, "parts": parts, "manifest": CodeManifest(**data["manifest"])})
