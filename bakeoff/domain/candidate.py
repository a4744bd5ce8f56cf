"""A candidate is a plugin named in the catalog that can be evaluated."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

from bakeoff.domain.signal import ConfidenceMeaning
from bakeoff.domain.tuning import TunedThreshold, Tuning


class CandidateKind(StrEnum):
    CANDIDATE = "candidate"  #: has fit and predict, takes part in bake-offs
    SIGNAL = "signal"  #: a signal model: predicts for symbols as of a date


class Preprocess(StrEnum):
    AUTO = "auto"  #: a plain estimator gets the default pipeline if the frame needs one
    NONE = "none"  #: the candidate sees the frame as it is


class OutputKind(StrEnum):
    """What `predict` returns, and so how it is turned into something that can be scored."""

    LABELS = "labels"  #: with a threshold in the run, its probabilities or scores decide instead
    PROBA = "proba"  #: probability of the positive class, compared with the run's threshold
    SCORE = "score"  #: any real number, the higher the more positive; threshold 0 unless given


class Learns(StrEnum):
    """What a candidate can learn to predict."""

    CLASSES = "classes"
    NUMBERS = "numbers"


@dataclass(frozen=True, kw_only=True)
class PipelineStep:
    """One class of a pipeline, and the parameters that it is built with."""

    path: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """All that is needed to build the model. Each job has a copy, as the candidate was when the run began."""

    id: str
    version: str
    kind: CandidateKind = CandidateKind.CANDIDATE
    path: str | None = None  #: `package.module:Class` or `folder/file.py:Class`; None when `steps` are given
    params: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[PipelineStep, ...] = ()
    preprocess: Preprocess = Preprocess.AUTO
    output_kind: OutputKind = OutputKind.LABELS
    description: str = ""
    enabled: bool = True
    weight: float | None = None  #: share in the ensemble, signal models only; None means 1.0
    confidence: ConfidenceMeaning = ConfidenceMeaning.PROBABILITY  #: of its answers, signal models only
    tags: tuple[str, ...] = ()
    features: tuple[str, ...] | None = None  #: the columns it sees; None means all
    timeout_s: float | None = None  #: None means evaluationTimeout
    memory_limit_mb: int | None = None  #: None means memoryLimitMb
    threads: int | None = None  #: None means an equal share of the cores
    env: tuple[str, ...] = ()  #: variables of the worker's environment that it has, too
    readable: tuple[str, ...] = ()  #: files and folders beside the project that it may read
    tune: Tuning | None = None  #: parameters that it chooses itself, on its training rows; None: none
    tuned_threshold: TunedThreshold | None = None  #: from the run; None: it chooses no threshold
    family: str | None = None  #: the entry whose grid it is a member of; None: it is of none
    learns: Learns | None = None  #: found by the check; None when the candidate does not say
    artefacts: tuple[str, ...] = ()  #: found by the check: the saved models that a signal model needs

    @property
    def chooses(self) -> bool:
        """Whether something about it is chosen in its cell, beside the fit."""
        return self.tune is not None or self.tuned_threshold is not None

    @property
    def writes(self) -> OutputKind:
        """What its cell writes as its predictions: with a threshold of its own, labels."""
        return self.output_kind if self.tuned_threshold is None else OutputKind.LABELS

    def to_json(self) -> dict[str, Any]:
        return dict(self._fields)

    @cached_property
    def _fields(self) -> dict[str, Any]:
        """Made once: each run that a candidate takes part in writes it."""
        return asdict(self)

    def to_record(self) -> dict[str, Any]:
        """The candidate as JSON, over HTTP and in `--json`."""
        return {
            "modelId": self.id,
            "modelVersion": self.version,
            "kind": self.kind,
            "learns": self.learns,
            "path": self.path,
            "steps": [step.path for step in self.steps],
            "description": self.description,
            "family": self.family,
            "tuned": sorted(self.tune.params) if self.tune else [],
            "tags": list(self.tags),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            **{
                **data,
                "kind": CandidateKind(data["kind"]),
                "steps": tuple(PipelineStep(**step) for step in data["steps"]),
                "preprocess": Preprocess(data["preprocess"]),
                "output_kind": OutputKind(data["output_kind"]),
                "confidence": ConfidenceMeaning(data.get("confidence", ConfidenceMeaning.PROBABILITY)),
                "tags": tuple(data["tags"]),
                "features": None if data["features"] is None else tuple(data["features"]),
                "learns": None if data.get("learns") is None else Learns(data["learns"]),
                "artefacts": tuple(data.get("artefacts", ())),
                "env": tuple(data.get("env", ())),
                "readable": tuple(data.get("readable", ())),
                "tune": Tuning.from_json(tune) if (tune := data.get("tune")) else None,
                "tuned_threshold": TunedThreshold.from_json(chosen)
                if (chosen := data.get("tuned_threshold"))
                else None,
            }
        )


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """Why a candidate that the catalog names cannot take part."""

    id: str
    version: str
    path: str
    cause: str  #: one line
    fix: str  #: one line: what its author can do
    traceback: str = ""
    check_failed: bool = (
        False  #: the check itself failed, so that the next one may find the candidate healthy
    )

    def to_record(self) -> dict[str, Any]:
        return {
            "modelId": self.id,
            "modelVersion": self.version,
            "path": self.path,
            "cause": self.cause,
            "fix": self.fix,
            "traceback": self.traceback,
        }
