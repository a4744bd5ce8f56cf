"""A model version is a fitted, saved artefact, kept by the registry of trained models.

    Development -> Staging -> Production -> Archived

Any stage may follow any other; one version of a name is in Production at most. Versions are
`major.minor.patch`, and a version that a name once had is never given again, not even after it was deleted.

People and programs name a version by a URI:

    models:/churn/1.2.0        by version
    models:/churn/3            the third version ever saved under the name
    models:/churn/Production   by stage; the newest, where several are in it
    models:/churn/latest       the newest
    models:/churn@champion     by alias
    runs:/<run id>/<candidate> the model of a candidate that was saved from a run
    churn/1.2.0                short for the first
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from bakeoff.domain.errors import InvalidInputError, OvertakenError
from bakeoff.domain.ids_and_times import iso

_NUMBER = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_ALIAS = re.compile(r"(?![vV]?[0-9]+\Z)[A-Za-z0-9_-]{1,100}")
LONGEST_NAME = 200
NO_VERSION = ""  #: where a version is named that must be in Production: none must be


class Stage(StrEnum):
    DEVELOPMENT = "Development"  #: saved, and not checked any further
    STAGING = "Staging"
    PRODUCTION = "Production"  #: what predictors use; one version of a name at most
    ARCHIVED = "Archived"

    @classmethod
    def parse(cls, text: str) -> "Stage":
        """The stage by its name, in upper or lower case."""
        found = next((stage for stage in cls if stage.lower() == str(text).lower()), None)
        if found is None:
            raise InvalidInputError(f"{text!r} is no stage: there are {', '.join(cls)}")
        return found


@dataclass(frozen=True, order=True)
class VersionNumber:
    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Self:
        found = _NUMBER.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise InvalidInputError(f"{text!r} is no version: expected major.minor.patch, such as 1.2.0")
        return cls(*map(int, found.groups()))

    @property
    def next(self) -> Self:
        return type(self)(self.major, self.minor, self.patch + 1)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


FIRST_VERSION = VersionNumber(1, 0, 0)


def check_name(name: str) -> str:
    """The name, if it can be stored and shown. How it becomes a file name is left to the backend."""
    if not isinstance(name, str) or not name.strip():
        raise InvalidInputError(f"a model cannot be named {name!r}: give it a name, such as churn")
    if len(name) > LONGEST_NAME or not is_utf8(name):
        raise InvalidInputError(
            f"a model cannot be named {name[:40]!r}…: expected {LONGEST_NAME} characters of UTF-8 at most"
        )
    return name


def is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_alias(alias: str) -> str:
    """The alias, if every backend can store it, and no URI could take it for something else."""
    if not _ALIAS.fullmatch(alias) or alias == "latest":
        raise InvalidInputError(
            f"{alias!r} is no alias: expected letters, digits, `_` and `-`, and neither latest nor a number"
        )
    return alias


@dataclass(frozen=True, kw_only=True)
class VersionOrigin:
    """The evaluation that a model was fitted in; every field is None for a model from elsewhere."""

    run_id: str | None = None
    evaluation_id: str | None = None  #: the job; no two model versions come from the same one
    candidate_id: str | None = None
    dataset_id: str | None = None  #: address of the snapshot: only metrics on the same one compare
    split_id: str | None = None


NOWHERE = VersionOrigin()


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    id: int | str  #: as the backend names it: opaque to all others
    name: str
    type: str  #: class name, unless another was given
    version: str
    serial: int  #: its place among all versions ever saved under the name, from 1
    created_at: datetime
    stage: Stage = Stage.DEVELOPMENT
    aliases: tuple[str, ...] = ()
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)  #: whatever else its saver wanted to keep
    description: str | None = None
    file_path: str  #: where the backend keeps the model
    digest: str  #: SHA-256 of that file, checked before anything is unpickled
    size_bytes: int
    libraries: Mapping[str, str] = field(
        default_factory=dict
    )  #: versions it was saved under, by distribution
    signature: Mapping[str, Any] | None = None  #: as JSON, see `registry.signature`
    feature_names: tuple[str, ...] | None = None
    has_preprocessor: bool = False
    has_input_example: bool = False
    origin: VersionOrigin = NOWHERE

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.version}"

    def to_row(self) -> dict[str, Any]:
        """The version as `list_models` returns it: plain values, by names that other programs rely on."""
        return {
            "model_id": self.id,
            "model_name": self.name,
            "model_type": self.type,
            "version": self.version,
            "serial": self.serial,
            "uri": self.uri,
            "stage": str(self.stage),
            "aliases": list(self.aliases),
            "metrics": dict(self.metrics),
            "hyperparameters": dict(self.hyperparameters),
            "tags": dict(self.tags),
            "metadata": dict(self.metadata),
            "description": self.description,
            "created_at": iso(self.created_at),
            "file_path": self.file_path,
            "digest": self.digest,
            "size_bytes": self.size_bytes,
            "libraries": dict(self.libraries),
            "signature": None if self.signature is None else dict(self.signature),
            "feature_names": None if self.feature_names is None else list(self.feature_names),
            "has_preprocessor": self.has_preprocessor,
            "has_input_example": self.has_input_example,
            "run_id": self.origin.run_id,
            "evaluation_id": self.origin.evaluation_id,
            "candidate_id": self.origin.candidate_id,
            "dataset_id": self.origin.dataset_id,
            "split_id": self.origin.split_id,
        }

    def to_record(self) -> dict[str, Any]:
        """The version as JSON, over HTTP and in `--json`."""
        return {_camel(name): value for name, value in self.to_row().items()}


@dataclass(frozen=True, kw_only=True)
class VersionFilter:
    """Conditions that model versions must meet. All of them must hold; None stands for no condition."""

    name: str | None = None
    type: str | None = None
    version: str | None = None
    stage: Stage | None = None
    dataset_id: str | None = None  #: address of the snapshot that it was measured on
    run_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)  #: each key with exactly this value
    min_metrics: Mapping[str, float] = field(default_factory=dict)  #: each with at least this value

    def matches(self, version: ModelVersion) -> bool:
        expected = (self.name, self.type, self.version, self.stage, self.dataset_id, self.run_id)
        origin = version.origin
        found = (
            version.name,
            version.type,
            version.version,
            version.stage,
            origin.dataset_id,
            origin.run_id,
        )
        return (
            all(want in {None, value} for want, value in zip(expected, found, strict=True))
            and self.tags.items() <= version.tags.items()
            and all(_reaches(version.metrics.get(name), least) for name, least in self.min_metrics.items())
        )


EVERY_VERSION = VersionFilter()


def _reaches(value: float | None, least: float) -> bool:
    return value is not None and value >= least


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


@dataclass(frozen=True, kw_only=True)
class GateResult:
    gate: str  #: the condition, such as `f1 at least 0.8`
    passed: bool
    measured: float | None  #: None when the version has no such metric
    needed: float | None  #: None when there was nothing to compare with, and where a verdict decides
    reason: str  #: a sentence: what was measured, and by how much it fails
    comparison: Mapping[str, Any] | None = (
        None  #: with Production, by a verdict: run, difference, low, high, pValue, rows, …
    )


def overtaken(model_name: str, *, expected: str, found: str) -> OvertakenError:
    """The error for a caller that expected another version in Production. Both may be NO_VERSION."""
    return OvertakenError(
        f"Production of {model_name} is {found or 'no version'} by now, and not {expected or 'no version'}: "
        f"nothing was changed; `bakeoff registry history {model_name}` lists what happened"
    )


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """An entry of the log of stages. Entries are added, and never changed."""

    model_name: str
    version: str
    from_stage: Stage
    to_stage: Stage
    at: datetime
    by: str  #: the person, `bakeoff run`, or the schedule that did it
    reason: str = ""
    replaced: str | None = None  #: the version that was in Production before, and is archived now
    evidence: Mapping[str, Any] = field(default_factory=dict)  #: run, metrics, gates, hooks

    @property
    def uri(self) -> str:
        return f"models:/{self.model_name}/{self.version}"

    @property
    def moved(self) -> bool:
        """Whether it changes a stage. False for an entry that adds to an earlier one: results of hooks."""
        return self.from_stage is not self.to_stage

    def to_record(self) -> dict[str, Any]:
        return {
            "modelName": self.model_name,
            "version": self.version,
            "fromStage": str(self.from_stage),
            "toStage": str(self.to_stage),
            "at": iso(self.at),
            "by": self.by,
            "reason": self.reason,
            "replaced": self.replaced,
            "evidence": dict(self.evidence),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        return cls(
            model_name=record["modelName"],
            version=record["version"],
            from_stage=Stage(record["fromStage"]),
            to_stage=Stage(record["toStage"]),
            at=datetime.fromisoformat(record["at"]),
            by=record["by"],
            reason=record["reason"],
            replaced=record["replaced"],
            evidence=record["evidence"],
        )


_MODELS, _RUNS = "models:/", "runs:/"
LATEST = "latest"
_SERIAL = re.compile("[0-9]{1,18}")


@dataclass(frozen=True, kw_only=True)
class ModelUri:
    """A parsed URI: exactly one of the fields after `name` is set, or `run_id` and `candidate_id`."""

    name: str = ""  #: empty for a model of a run
    version: str | None = None
    serial: int | None = None
    stage: Stage | None = None
    alias: str | None = None
    latest: bool = False
    run_id: str | None = None
    candidate_id: str | None = None

    @property
    def moves(self) -> bool:
        """Whether the version that it names can change."""
        return self.latest or self.stage is not None or self.alias is not None


def is_uri(text: str) -> bool:
    """Whether the text is a whole URI; the short form `name/version` is not."""
    return text.startswith((_MODELS, _RUNS))


def parse_uri(text: str) -> ModelUri:
    """Parses a URI. The name may have any characters, so it ends at the last slash or @."""
    if text.startswith(_RUNS):
        run_id, _, candidate_id = text.removeprefix(_RUNS).partition("/")
        if run_id and candidate_id:
            return ModelUri(run_id=run_id, candidate_id=candidate_id)
        raise _no_uri(text)
    rest = text.removeprefix(_MODELS)
    found = _by_slash(*rest.rpartition("/")) or _by_alias(*rest.rpartition("@"))
    if found is None:
        raise _no_uri(text)
    return found


def _by_slash(name: str, _slash: str, which: str) -> ModelUri | None:
    if not name:
        return None
    if _SERIAL.fullmatch(which):
        return ModelUri(name=name, serial=int(which))
    if which == LATEST:
        return ModelUri(name=name, latest=True)
    if which.lower() in {stage.lower() for stage in Stage}:
        return ModelUri(name=name, stage=Stage.parse(which))
    try:
        return ModelUri(name=name, version=str(VersionNumber.parse(which)))
    except InvalidInputError:
        return None


def _by_alias(name: str, _at: str, alias: str) -> ModelUri | None:
    try:
        return ModelUri(name=name, alias=check_alias(alias)) if name else None
    except InvalidInputError:
        return None


def _no_uri(text: str) -> InvalidInputError:
    return InvalidInputError(
        f"{text!r} names no model: write models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME@ALIAS, "
        "runs:/RUN/CANDIDATE, or NAME/VERSION"
    )
