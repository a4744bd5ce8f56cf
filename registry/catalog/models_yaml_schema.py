"""The keys of config/models.yaml, what each may be, and the candidates that result from them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from yaml import MappingNode, Node

from bakeoff.domain.candidate import Candidate, CandidateKind, OutputKind, PipelineStep, Preprocess
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.signal import DEFAULT_RULES, ConfidenceMeaning, EnsembleRules, Strategy
from bakeoff.domain.tuning import ChoosingRules, Sampler, Tuning
from bakeoff.settings.yaml_with_lines import Location, YamlFile, describe, is_empty, key_path
from registry.catalog import ensemble_weights
from registry.catalog.parameter_grid import members_of
from registry.catalog.search_space import RandomTrials, members_drawn, with_tuning
from registry.code.class_import import nearest
from registry.code.distribution_of_module import version_of

__all__ = ["CLASS_PATH", "ID", "KEYS", "CatalogError", "CatalogFile", "read"]

#: An id names folders and is a part of URLs, so it starts with a letter or a digit.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CLASS_PATH = re.compile(r"(?:[^\W\d]\w*(?:\.[^\W\d]\w*)*|[^:]+\.py):[^\W\d]\w*")

#: Keys whose values stay as they are written, so that `version: 1.10` needs no quotes.
_TEXTS = {
    *("kind", "path", "version", "preprocess", "output_kind", "description", "tags", "features"),
    *("confidence", "env", "readable"),
}
#: Keys that say something to readers alone: a signal model lists what it looks at, and how it has done.
_FOR_READERS = {CandidateKind.CANDIDATE: set[str](), CandidateKind.SIGNAL: {"features", "performance"}}
#: Keys that mean nothing for a kind. They are checked and ignored, so that an entry can change its kind.
_MEANINGLESS: Mapping[CandidateKind, tuple[str, ...]] = {
    CandidateKind.CANDIDATE: ("weight", "confidence", "performance"),
    CandidateKind.SIGNAL: ("preprocess", "output_kind"),
}
_NO_CLASS = "names no class: give it `path: package.module:Class`"


class CatalogError(InvalidInputError):
    """The catalog file cannot be used; each line of the message names a file, a line, and what to mend."""


@dataclass(frozen=True, kw_only=True)
class CatalogFile:
    candidates: tuple[Candidate, ...]  #: as declared, in the order of the file, the disabled ones too
    ensemble: EnsembleRules
    remarks: tuple[str, ...] = ()  #: keys that are ignored, with file and line


def _or_else(cure: str) -> WrapValidator:
    """For a type: if a value is wrong in any way, the error says what would be right."""

    def check(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validate(value)
        except ValidationError:
            raise ValueError(cure) from None

    return WrapValidator(check)


def _one_of(kinds: type[StrEnum]) -> BeforeValidator:
    def check(value: Any) -> StrEnum:
        if value not in list(kinds):
            near = nearest(value, list(kinds)) if isinstance(value, str) else ""
            raise ValueError(near or f"write {' or '.join(kinds)}")
        return kinds(value)

    return BeforeValidator(check)


def _class_path(value: str) -> str:
    if isinstance(value, str) and value.strip() and not CLASS_PATH.fullmatch(value):
        raise ValueError("write `package.module:Class` or `folder/file.py:Class`")
    return value


def _parameters(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError("write a mapping, {name: value}")  # noqa: TRY004 - pydantic collects ValueErrors
    if not all(name.isidentifier() for name in value):
        raise ValueError("its keys are the parameters of the constructor")
    return value


def _grid(value: Any) -> dict[str, tuple[Any, ...]]:
    cure = "write {parameter: [value, value]}"
    if not isinstance(value, dict) or not value:
        raise ValueError(cure)
    if not all(isinstance(values, list) and values for values in value.values()):
        raise ValueError(cure)
    return {name: tuple(values) for name, values in value.items()}


def _list(cure: str, *, least: int = 0) -> BeforeValidator:
    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) < least:
            raise ValueError(cure)
        return tuple(value)

    return BeforeValidator(check)


def _notes(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | dict):
        raise ValueError("write a list, [{auc: 0.61}], or a mapping, {auc: 0.61}")  # noqa: TRY004
    return tuple(value) if isinstance(value, list) else (value,)


_Text = Annotated[str, StringConstraints(pattern=r"\S"), _or_else("give it a text")]
_Path = Annotated[_Text, BeforeValidator(_class_path)]
_Boolean = Annotated[bool, _or_else("write true or false")]
_Parameters = Annotated[dict[str, Any], BeforeValidator(_parameters)]
_Words = Annotated[tuple[_Text, ...], _list("write a list, [a, b]")]
_Notes = Annotated[tuple[Any, ...], BeforeValidator(_notes)]
_Share = Annotated[float, Field(ge=0, le=1), _or_else("write a number of at least 0 and at most 1")]


class _StrictEntry(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class StepEntry(_StrictEntry):
    path: _Path
    params: _Parameters = {}


_Steps = Annotated[
    tuple[StepEntry, ...],
    _list("write a list of {path: ..., params: {...}}, the model last", least=1),
]


class RandomEntry(_StrictEntry):
    trials: Annotated[int, Field(ge=1), _or_else("write a whole number of at least 1")]
    params: _Parameters
    seed: Annotated[int, Field(ge=0), _or_else("write a whole number of at least 0")] = 0


class TuneEntry(_StrictEntry):
    params: _Parameters
    trials: Annotated[int, Field(ge=1, le=1000), _or_else("write a whole number from 1 to 1000")] = 50
    seconds: Annotated[float, Field(gt=0), _or_else("write a number above 0")] | None = None
    folds: Annotated[int, Field(ge=2, le=20), _or_else("write a whole number from 2 to 20")] = 3
    metric: _Text | None = None
    sampler: Annotated[Sampler, _one_of(Sampler)] = Sampler.TPE
    prune: _Boolean = True

    def to_tuning(self) -> Tuning:
        said = {name: getattr(self, name) for name in self.model_fields_set - {"metric"}}
        return Tuning(**said, rules=ChoosingRules(metric=self.metric))


_Grid = Annotated[dict[str, tuple[Any, ...]], BeforeValidator(_grid)]


class CandidateEntry(_StrictEntry):
    """What may stand below the id of a candidate."""

    kind: Annotated[CandidateKind, _one_of(CandidateKind)] = CandidateKind.CANDIDATE
    path: _Path = ""
    version: _Text = ""
    params: _Parameters = {}
    steps: _Steps = ()
    grid: _Grid = {}
    random: RandomEntry | None = None
    tune: TuneEntry | None = None
    preprocess: Annotated[Preprocess, _one_of(Preprocess)] = Preprocess.AUTO
    output_kind: Annotated[OutputKind, _one_of(OutputKind)] = OutputKind.LABELS
    description: _Text = ""
    enabled: _Boolean = True
    confidence: Annotated[ConfidenceMeaning, _one_of(ConfidenceMeaning)] = ConfidenceMeaning.PROBABILITY
    weight: Annotated[float, Field(ge=0), _or_else("write a number of at least 0")] = 1.0
    tags: _Words = ()
    features: _Words = ()
    performance: _Notes = ()
    timeout_s: Annotated[float, Field(gt=0), _or_else("write a number above 0")] = Field(1.0, alias="timeout")
    memory_limit_mb: Annotated[int, Field(ge=16), _or_else("write a whole number of at least 16")] = 16
    threads: Annotated[int, Field(ge=1), _or_else("write a whole number of at least 1")] = 1
    env: _Words = ()
    readable: _Words = ()

    def to_candidate(self, candidate_id: str) -> Candidate:
        """Only what the file says is passed on: `Candidate` has the defaults."""
        given = {
            name: getattr(self, name)
            for name in self.model_fields_set
            - {*_MEANINGLESS[self.kind], *_FOR_READERS[self.kind], "grid", "random", "tune"}
        }
        if self.steps:
            given["steps"] = tuple(PipelineStep(path=step.path, params=step.params) for step in self.steps)
        given.setdefault("version", version_of(self.path or self.steps[-1].path))
        candidate = Candidate(id=candidate_id, **given)
        return candidate if self.tune is None else with_tuning(candidate, self.tune.to_tuning())

    def to_candidates(self, candidate_id: str) -> tuple[Candidate, ...]:
        """The candidate, or the members of its grid or of its random trials in its place."""
        candidate = self.to_candidate(candidate_id)
        if self.random is not None:
            drawn = RandomTrials(trials=self.random.trials, params=self.random.params, seed=self.random.seed)
            return members_drawn(candidate, drawn)
        return members_of(candidate, self.grid) if self.grid else (candidate,)


class EnsembleEntry(_StrictEntry):
    conflict_strategy: Annotated[Strategy, _one_of(Strategy)] = DEFAULT_RULES.conflict_strategy
    min_agreement: _Share = DEFAULT_RULES.min_agreement
    min_confidence: _Share = DEFAULT_RULES.min_confidence
    flag_conflicts: _Boolean = DEFAULT_RULES.flag_conflicts


class CatalogEntries(_StrictEntry):
    models: dict[str, CandidateEntry] | None
    ensemble: EnsembleEntry | None = None


#: The keys of the entry of a candidate.
KEYS = tuple(field.alias or name for name, field in CandidateEntry.model_fields.items())


def read(file: Path) -> CatalogFile:
    """Reads the file. The whole of it is checked first: a CatalogError has all problems."""
    if not file.exists():
        raise CatalogError(
            f"there is no catalog file {file}: write one, or make the shipped one with `bakeoff init`"
        )
    document = YamlFile(file, CatalogError)
    if not isinstance(document.root, MappingNode):
        found = describe(document.root)
        raise CatalogError(f"{file} must hold a mapping with the key `models`, but it holds {found}")
    content = document.values(is_text=_is_text, is_free=_is_free)
    _check_entries(document, content.get("models"))
    try:
        entries = CatalogEntries.model_validate(content)
    except ValidationError as exc:
        document.report_errors(exc.errors(), _explain)
        document.raise_problems()
        raise  # not reached: each error of pydantic is reported, and so raised above
    document.raise_problems()
    candidates = tuple(_candidates(document, entries.models or {}))
    document.raise_problems()
    try:
        ensemble_weights.check(ensemble_weights.declared_weights(candidates))
    except InvalidInputError as exc:  # each weight is right by itself, but together they come to nothing
        document.report(document.node_at(("models",)), str(exc))
        document.raise_problems()
    rules = entries.ensemble
    given = {} if rules is None else {name: getattr(rules, name) for name in rules.model_fields_set}
    remarks = tuple(_remarks(document, entries.models or {}))
    return CatalogFile(candidates=candidates, ensemble=replace(DEFAULT_RULES, **given), remarks=remarks)


def _candidates(document: YamlFile, models: Mapping[str, CandidateEntry]) -> Iterator[Candidate]:
    taken: dict[str, str] = {}
    for id_, entry in models.items():
        try:
            made = entry.to_candidates(id_)
        except InvalidInputError as exc:
            key = next((key for key in ("tune", "grid", "random") if getattr(entry, key)), "path")
            document.report(document.node_at(("models", id_, key), the_key=True), str(exc))
            continue
        for candidate in made:
            if candidate.id in taken:
                message = f"{candidate.id!r} of {id_} is also in {taken[candidate.id]}: give one another id"
                document.report(document.node_at(("models", id_), the_key=True), message)
            taken[candidate.id] = id_
            yield candidate


def _remarks(document: YamlFile, models: Mapping[str, CandidateEntry]) -> Iterator[str]:
    for id_, entry in models.items():
        for key in _MEANINGLESS[entry.kind]:
            if key in entry.model_fields_set:
                place = document.place_of(document.node_at(("models", id_, key), the_key=True))
                yield f"{place}: models.{id_}.{key} is ignored: it means nothing for `kind: {entry.kind}`"


def _is_text(location: Location) -> bool:
    match tuple(location):
        case ("models", _, key) | ("models", _, "steps", _, key):
            return key in _TEXTS
        case ("ensemble", "conflict_strategy"):
            return True
    return False


def _is_free(location: Location) -> bool:
    match tuple(location):
        case ("models", _, "performance", *_):
            return True
        case ("models", _, "params" | "grid") | ("models", _, "steps" | "random" | "tune", *_, "params"):
            return True
    return False


def _check_entries(document: YamlFile, models: Any) -> None:
    """Reports keys that do not go together, and ids that are not allowed."""
    for id_, entry in models.items() if isinstance(models, dict) else ():
        place, location = f"models.{id_}", ("models", id_)
        if not ID.fullmatch(id_):
            document.report(
                document.node_at(location, the_key=True),
                f"{id_!r} is no id: up to 100 letters, digits, `.`, `_`, `-`, a letter or digit first",
            )
        if not isinstance(entry, dict):
            continue  # pydantic reports it
        signal = entry.get("kind") == CandidateKind.SIGNAL
        if not {"path", "steps"} & entry.keys():
            document.report(document.node_at(location, the_key=True), f"{place} {_NO_CLASS}, or steps")
        if {"path", "steps"} <= entry.keys():
            document.report(
                document.node_at((*location, "steps"), the_key=True),
                f"{place} has both path and steps: the last step is the model",
            )
        if {"params", "steps"} <= entry.keys():
            document.report(
                document.node_at((*location, "params"), the_key=True),
                f"{place} has params beside steps: give each step its own params",
            )
        for key in {"grid", "random", "tune"} & entry.keys() if signal else ():
            document.report(
                document.node_at((*location, key), the_key=True),
                f"{place} is a signal model, which takes part in no bake-off: it has no {key}",
            )
        several = [key for key in ("grid", "random", "tune") if key in entry]
        if len(several) > 1:
            document.report(
                document.node_at((*location, several[1]), the_key=True),
                f"{place} has both {several[0]} and {several[1]}: leave one out",
            )
        if signal and "steps" in entry:
            document.report(
                document.node_at((*location, "steps"), the_key=True),
                f"{place} is a signal model, which has a path and no steps",
            )


def _explain(error: Any, node: Node) -> str:
    """An error of pydantic in our words."""
    location = error["loc"]
    place, above = key_path(location), key_path(location[:-1]) or "the catalog"
    match error["type"]:
        case "extra_forbidden":
            known = _keys_at(location[:-1])
            cure = nearest(str(location[-1]), known) or f"there are {', '.join(known)}"
            return f"{above} has the unknown key {location[-1]!r}: {cure}"
        case "missing" if location == ("models",):
            return "the key `models` is missing: the candidates stand below it"
        case "missing":
            return f"{above} {_NO_CLASS}"
        case "model_type" if is_empty(node):
            return f"{place} is empty: give it `path: package.module:Class`, or steps"
        case "model_type" | "dict_type":
            return f"{place} is {describe(node)}, where `key: value` lines are expected"
    return f"{place} is {describe(node)}: {error['msg'].removeprefix('Value error, ')}"


def _keys_at(location: Location) -> Sequence[str]:
    match tuple(location):
        case ():
            return tuple(CatalogEntries.model_fields)
        case ("ensemble",):
            return tuple(EnsembleEntry.model_fields)
        case ("models", _, "random"):
            return tuple(RandomEntry.model_fields)
        case ("models", _, "tune"):
            return tuple(TuneEntry.model_fields)
        case ("models", _, "steps", _):
            return tuple(StepEntry.model_fields)
    return KEYS
