"""The keys of config/models.yaml, what each may be, and the candidates that come of them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from bakeoff.domain.candidate import Candidate, CandidateKind, OutputKind, PipelineStep, Preprocess
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.signal import DEFAULT_RULES, EnsembleRules, Strategy
from registry.catalog import ensemble_weights
from registry.catalog.yaml_with_lines import CatalogError, Document, describe
from registry.code.class_import import nearest
from registry.code.distributions import version_of

__all__ = ["CLASS_PATH", "ID", "CatalogError", "CatalogFile", "read"]

#: An id names folders and takes part in URLs, so it starts with a letter or a digit.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CLASS_PATH = re.compile(r"(?:[^\W\d]\w*(?:\.[^\W\d]\w*)*|[^:]+\.py):[^\W\d]\w*")


@dataclass(frozen=True, kw_only=True)
class CatalogFile:
    candidates: tuple[Candidate, ...]  #: as declared, in the order of the file, the disabled ones too
    ensemble: EnsembleRules


def read(file: Path) -> CatalogFile:
    """Everything is checked before anything is said: a CatalogError holds all problems."""
    document = Document(file)
    sections = _known(document, document.root, "the catalog", ("models", "ensemble"))
    if "models" not in sections:
        document.report(document.root, "the key `models` is missing: the candidates stand below it")
    candidates = _candidates(document, sections["models"]) if "models" in sections else ()
    ensemble = _ensemble(document, sections["ensemble"]) if "ensemble" in sections else DEFAULT_RULES
    _check_weights(document, candidates, sections.get("models"))
    document.raise_problems()
    return CatalogFile(candidates=candidates, ensemble=ensemble)


def _candidates(document: Document, models: Node) -> tuple[Candidate, ...]:
    if _is_empty(models):
        return ()
    found = [_candidate(document, key, node) for key, node in document.entries(models, "models").values()]
    return tuple(candidate for candidate in found if candidate)


def _ensemble(document: Document, node: Node) -> EnsembleRules:
    if _is_empty(node):
        return DEFAULT_RULES
    given = _known(document, node, "ensemble", tuple(_ENSEMBLE_KEYS))
    return EnsembleRules(**(_Values(document, "ensemble").read(given, _ENSEMBLE_KEYS) or {}))


def _check_weights(document: Document, candidates: Iterable[Candidate], models: Node | None) -> None:
    """Each has been checked by itself; together they must not come to nothing."""
    try:
        ensemble_weights.check(ensemble_weights.declared(candidates))
    except InvalidInputError as exc:
        document.report(models or document.root, str(exc))


def _candidate(document: Document, key: ScalarNode, node: Node) -> Candidate | None:
    place = f"models.{key.value}"
    if not ID.fullmatch(key.value):
        document.report(
            key, f"{key.value!r} is no id: up to 100 letters, digits, `.`, `_`, `-`, a letter or digit first"
        )
    if _is_empty(node):
        document.report(key, f"{place} is empty: give it `path: package.module:Class`, or steps")
        return None
    given = _known(document, node, place, tuple(KEYS))
    values = _Values(document, place).read(given, KEYS)
    _check_together(document, key, place, given)
    if not values or not (values.get("path") or values.get("steps")):
        return None
    values.setdefault("version", version_of(values.get("path") or values["steps"][-1].path))
    return Candidate(id=key.value, **values)


def _check_together(document: Document, key: ScalarNode, place: str, given: Mapping[str, Node]) -> None:
    signal = "kind" in given and given["kind"].value == CandidateKind.SIGNAL
    if not {"path", "steps"} & given.keys():
        document.report(key, f"{place} names no class: give it `path: package.module:Class`, or steps")
    if {"path", "steps"} <= given.keys():
        document.report(given["steps"], f"{place} has both path and steps: the last step is the model")
    if {"params", "steps"} <= given.keys():
        document.report(given["params"], f"{place} has params beside steps: give each step its own params")
    if signal and "steps" in given:
        document.report(given["steps"], f"{place} is a signal model, which has a path and no steps")
    if "weight" in given and not signal:
        document.report(given["weight"], f"{place} has a weight, which only `kind: signal` may have")


def _known(document: Document, node: Node, place: str, keys: tuple[str, ...]) -> dict[str, Node]:
    """The values by key; a key that is none of `keys` is a problem."""
    entries = document.entries(node, place)
    for name, (key, _) in entries.items():
        if name not in keys:
            cure = nearest(name, keys) or f"there are {', '.join(keys)}"
            document.report(key, f"{place} has the unknown key {name!r}: {cure}")
    return {name: value for name, (_, value) in entries.items() if name in keys}


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag.endswith(":null")


@dataclass(frozen=True)
class _Values:
    """Reads the values of one mapping; what is wrong is reported at its line."""

    document: Document
    place: str

    def read(self, given: Mapping[str, Node], keys: "Mapping[str, _Key]") -> dict[str, Any] | None:
        """By field name; None when one of them is wrong."""
        values: dict[str, Any] = {}
        healthy = True
        for name, node in given.items():
            try:
                values[keys[name].field or name] = keys[name].read(
                    self.document, node, f"{self.place}.{name}"
                )
            except _WrongValueError as exc:
                self.document.report(node, f"{self.place}.{name} is {describe(node)}: {exc}")
                healthy = False
        return values if healthy else None


class _WrongValueError(Exception):
    """What the value should be instead."""


@dataclass(frozen=True)
class _Key:
    read: Callable[[Document, Node, str], Any]
    field: str = ""  #: of Candidate; empty when it has the name of the key


def _text(_: Document, node: Node, __: str) -> str:
    """As it is written, so that `version: 1.10` needs no quotes."""
    if not isinstance(node, ScalarNode) or not node.value.strip() or _is_empty(node):
        raise _WrongValueError("give it a text")
    return str(node.value)


def _class_path(document: Document, node: Node, place: str) -> str:
    path = _text(document, node, place)
    if not CLASS_PATH.fullmatch(path):
        raise _WrongValueError("write `package.module:Class` or `folder/file.py:Class`")
    return path


def _boolean(document: Document, node: Node, place: str) -> bool:
    if not node.tag.endswith(":bool"):
        raise _WrongValueError("write true or false")
    return bool(document.plain(node, place))


def _one_of(kinds: type[StrEnum]) -> Callable[[Document, Node, str], StrEnum]:
    def read(_: Document, node: Node, __: str) -> StrEnum:
        if not isinstance(node, ScalarNode) or node.value not in list(kinds):
            near = nearest(node.value, list(kinds)) if isinstance(node, ScalarNode) else ""
            raise _WrongValueError(near or f"write {' or '.join(kinds)}")
        return kinds(node.value)

    return read


def _number(
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    whole: bool = False,
) -> Callable[[Document, Node, str], float]:
    bound = f"above {above:g}" if above is not None else f"of at least {least:g}"
    upper = "" if most is None else f" and at most {most:g}"
    expected = f"write a {'whole ' if whole else ''}number {bound}{upper}"

    def read(document: Document, node: Node, place: str) -> float:
        value = document.plain(node, place) if isinstance(node, ScalarNode) else None
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise _WrongValueError(expected)
        if (above is not None and value <= above) or (least is not None and value < least):
            raise _WrongValueError(expected)
        if most is not None and value > most:
            raise _WrongValueError(expected)
        return value

    return read


def _words(document: Document, node: Node, place: str) -> tuple[str, ...]:
    if not isinstance(node, SequenceNode):
        raise _WrongValueError("write a list, [a, b]")
    return tuple(_text(document, item, place) for item in node.value)


def _params(document: Document, node: Node, place: str) -> dict[str, Any]:
    if _is_empty(node):
        return {}
    if not isinstance(node, MappingNode):
        raise _WrongValueError("write a mapping, {name: value}")
    plain = document.plain(node, place)
    if not all(key.value.isidentifier() for key, _ in node.value):
        raise _WrongValueError("its keys are the parameters of the constructor")
    return plain if isinstance(plain, dict) else {}


def _steps(document: Document, node: Node, place: str) -> tuple[PipelineStep, ...]:
    if not isinstance(node, SequenceNode) or not node.value:
        raise _WrongValueError("write a list of {path: ..., params: {...}}, the model last")
    steps = [_step(document, item, f"{place}[{i}]") for i, item in enumerate(node.value)]
    return tuple(step for step in steps if step)


def _step(document: Document, node: Node, place: str) -> PipelineStep | None:
    given = _known(document, node, place, tuple(_STEP_KEYS))
    if isinstance(node, MappingNode) and "path" not in given:
        document.report(node, f"{place} names no class: give it `path: package.module:Class`")
    values = _Values(document, place).read(given, _STEP_KEYS)
    return PipelineStep(**values) if values and "path" in values else None


_STEP_KEYS = {"path": _Key(_class_path), "params": _Key(_params)}

_ENSEMBLE_KEYS = {
    "strategy": _Key(_one_of(Strategy)),
    "min_agreement": _Key(_number(least=0, most=1)),
    "min_confidence": _Key(_number(least=0, most=1)),
    "flag_conflicts": _Key(_boolean),
}

#: The keys of one entry.
KEYS = {
    "kind": _Key(_one_of(CandidateKind)),
    "path": _Key(_class_path),
    "version": _Key(_text),
    "params": _Key(_params),
    "steps": _Key(_steps),
    "preprocess": _Key(_one_of(Preprocess)),
    "output_kind": _Key(_one_of(OutputKind)),
    "description": _Key(_text),
    "enabled": _Key(_boolean),
    "weight": _Key(_number(least=0)),
    "tags": _Key(_words),
    "features": _Key(_words),
    "timeout": _Key(_number(above=0), "timeout_s"),
    "memory_limit_mb": _Key(_number(least=16, whole=True)),
    "threads": _Key(_number(least=1, whole=True)),
}
