"""Checks plugins with the conformance kit, one after another in one oven, and keeps the reports.

Also here: which plugin is meant by an id of the catalog, a class path or a file, and of which kind it is. The
kind of a class that no catalog names is read from its source: a signal model has `generate_signals`.
"""

import ast
import importlib.util
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.domain.conformance_report import ConformanceReport
from bakeoff.domain.errors import InvalidInputError, NotFoundError
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.conformance.check_candidate import PRELOADED, KitLimits, check_candidate
from bakeoff.evaluation.temporary_oven import own_oven
from bakeoff.operations.conformance import conformance_report_store
from bakeoff.operations.context import Context
from bakeoff.operations.signals.check_signal_model import check_signal_model
from registry.catalog import models_yaml_schema

_SIGNALS = "generate_signals"
_MODEL = frozenset({"fit", "predict"})


def check_plugins(
    context: Context, plugins: Sequence[Candidate], *, timeout_s: float | None = None
) -> Generator[ConformanceReport, None, None]:
    """`timeout_s`: for all checks of a plugin; None: what the kit takes."""
    configuration = context.configuration
    with own_oven(context.configuration, preload=PRELOADED) as run:
        for plugin in plugins:
            if plugin.kind is CandidateKind.SIGNAL:
                report = check_signal_model(context, plugin, timeout_s=timeout_s)
            else:
                limits = KitLimits(memory_mb=plugin.memory_limit_mb or configuration.settings.memory_limit_mb)
                if timeout_s is not None:
                    limits = KitLimits(timeout_s=timeout_s, memory_mb=limits.memory_mb)
                report = check_candidate(
                    plugin, run, root=configuration.root, closed=configuration.secrets, limits=limits
                )
            conformance_report_store.keep(configuration, plugin, report)
            yield report


def choose_plugin(context: Context, what: str, params: Mapping[str, Any]) -> Candidate:
    """`what`: an id of the catalog, `package.module:Class`, or a file, with or without its class."""
    declared = declared_plugins(context)
    if what in declared:
        found = declared[what]
        return replace(found, params={**found.params, **params})
    if models_yaml_schema.CLASS_PATH.fullmatch(what):
        place, name = what.rsplit(":", 1)
        path = f"{Path(place).absolute()}:{name}" if place.endswith(".py") else what
        kind = _kind_of(_source_of(place, context.configuration.root), name)
    elif what.endswith(".py"):
        name, kind = _only_class_in(Path(what))
        path = f"{Path(what).absolute()}:{name}"
    else:
        hint = nearest(what, declared) or "; name a file.py:Class, a package.module:Class or an id"
        raise NotFoundError(f"there is no candidate {what!r}{hint}")
    return Candidate(id=path, version="1", kind=kind, path=path, params=params)


def declared_plugins(context: Context) -> dict[str, Candidate]:
    """The plugins of the catalog by id, also rejected ones: a check finds out why."""
    file = context.configuration.catalog_file
    return {one.id: one for one in models_yaml_schema.read(file).candidates} if file.is_file() else {}


def _only_class_in(file: Path) -> tuple[str, CandidateKind]:
    kinds = {node.name: kind for node in _classes_in(file) if (kind := _kind(node)) is not None}
    if len(kinds) != 1:
        there = f"these: {listed(kinds)}" if kinds else "none"
        raise InvalidInputError(
            f"{file} should have one class with fit and predict, or with generate_signals, and has {there}: "
            f"name it, {file}:Class"
        )
    return next(iter(kinds.items()))


def _classes_in(file: Path) -> Sequence[ast.ClassDef]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError) as exc:
        raise InvalidInputError(f"{file} cannot be read: {exc}") from exc
    return [node for node in tree.body if isinstance(node, ast.ClassDef)]


def _kind(node: ast.ClassDef) -> CandidateKind | None:
    methods = {one.name for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    if _SIGNALS in methods:
        return CandidateKind.SIGNAL
    return CandidateKind.CANDIDATE if methods >= _MODEL else None


def _kind_of(file: Path | None, name: str) -> CandidateKind:
    """A class whose source is not found, or that inherits its methods, is taken for a candidate."""
    if file is None or not file.is_file():
        return CandidateKind.CANDIDATE
    kinds = [_kind(node) for node in _classes_in(file) if node.name == name]
    return next((kind for kind in kinds if kind is not None), CandidateKind.CANDIDATE)


def _source_of(place: str, root: Path) -> Path | None:
    """The source of a module, found without importing it."""
    if place.endswith(".py"):
        return Path(place)
    top, *rest = place.split(".")
    below = root.joinpath(top, *rest).with_suffix(".py")
    if below.is_file():
        return below
    try:
        package = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if package is None or not package.submodule_search_locations:
        return Path(package.origin) if package is not None and package.origin and not rest else None
    folder = Path(next(iter(package.submodule_search_locations))).joinpath(*rest)
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
