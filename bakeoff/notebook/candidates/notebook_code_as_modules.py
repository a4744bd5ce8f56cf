"""Classes and functions of a notebook or script, written as modules that a cell can import.

    class Clipped(BaseEstimator): ...   in a cell of the notebook
    -> notebook_code/clipped_4be1c0a92d17.py, with the imports, constants, functions and classes it names

The name of a module contains the digest of its text: unchanged code is the same module, and an old run keeps
the one that it was made with. Nothing is pickled.
"""

import ast
import builtins
import hashlib
import inspect
import linecache
import logging
import re
import symtable
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.wording import quoted

FOLDER = "notebook_code"

_MOST_NUMBERS = 1000
_FUTURE_ANNOTATIONS = 0x1000000
_HEADER = (
    '"""Written by Bakeoff from a notebook or script. Do not edit: the name is the digest of the text."""'
)


class NoSourceError(InvalidInputError):
    """The code of something in the notebook cannot be written to a module."""


def lives_in_no_module(thing: Any) -> bool:
    """Whether a class or function was defined where no import statement of another process reaches it."""
    module = getattr(thing, "__module__", None)
    return isinstance(module, str) and _is_out_of_reach(module)


def _is_out_of_reach(module: str) -> bool:
    top = module.partition(".")[0]
    if top == "__main__":
        return True
    return top not in sys.stdlib_module_names and PathFinder.find_spec(top) is None


def write_module(thing: Any, *, root: Path) -> str:
    """Writes the class or function, with what it needs. Returns its path, `notebook_code.module:name`."""
    text = module_text(thing)
    name = f"{thing.__name__.lower()}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    file = root / FOLDER / f"{name}.py"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f".{name}.{new_id()}")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(file)
    return f"{FOLDER}.{name}:{thing.__name__}"


def module_text(thing: Any) -> str:
    collected = _Collected()
    collected.add(thing)
    future = ["from __future__ import annotations"] if collected.has_future_annotations else []
    top = "\n".join([_HEADER, "", *future, *sorted(collected.imports)])
    parts = [top, "\n".join(collected.constants), *collected.definitions, "\n".join(collected.aliases)]
    return "\n\n\n".join(part.rstrip() for part in parts if part.strip()) + "\n"


@dataclass
class _Collected:
    imports: set[str] = field(default_factory=set)
    constants: list[str] = field(default_factory=list)
    definitions: list[str] = field(
        default_factory=list
    )  #: each after those that it needs when it is executed
    aliases: list[str] = field(default_factory=list)
    has_future_annotations: bool = False
    _known: dict[int, str] = field(default_factory=dict)  #: what was added, by its id

    def add(self, thing: Any) -> None:
        if id(thing) in self._known:
            return
        self._known[id(thing)] = thing.__name__
        found = _definition_of(thing)
        self.has_future_annotations |= found.has_future_annotations
        for name in _global_names(found.text):
            if name in found.surroundings and name != thing.__name__:
                self._add_named(name, found.surroundings[name], thing)
        self.definitions.append(found.text)

    def _add_named(self, name: str, value: Any, owner: Any) -> None:
        if hasattr(builtins, name) and inspect.unwrap(value) is getattr(builtins, name):
            return  # IPython puts a wrapper of its own around `open`, which no cell has
        if isinstance(value, ModuleType):
            self.imports.add(_import_of(name, value.__name__))
        elif (inspect.isclass(value) or inspect.isroutine(value)) and lives_in_no_module(value):
            self.add(value)
            if value.__name__ != name and (alias := f"{name} = {value.__name__}") not in self.aliases:
                self.aliases.append(alias)
        elif (line := _import_from(name, value)) is not None:
            self.imports.add(line)
        elif (written := _written_value(value)) is not None:
            needed, text = written
            self.imports.update([f"import {needed}"] if needed else [])
            self._add_constant(name, text)
        else:
            raise NoSourceError(
                f"{owner.__name__} uses {name}, {quoted(value)} of type {type(value).__name__}, which cannot "
                f"be written as code: make `{name}` a parameter of the constructor, or make it inside "
                f"{owner.__name__}"
            )

    def _add_constant(self, name: str, text: str) -> None:
        if (line := f"{name} = {text}") not in self.constants:
            self.constants.append(line)


def _import_of(name: str, module: str) -> str:
    return f"import {module}" if name == module else f"import {module} as {name}"


def _import_from(name: str, value: Any) -> str | None:
    """`from module import value as name`; None if no module has it by its own name."""
    own = getattr(value, "__name__", None) or getattr(value, "_name", None)
    module = getattr(value, "__module__", None) or ("numpy" if type(value).__module__ == "numpy" else None)
    if isinstance(module, str) and _is_out_of_reach(module):
        return None
    for called in (own, name):
        found = sys.modules.get(module) if isinstance(module, str) else None
        if isinstance(called, str) and called.isidentifier() and getattr(found, called, None) is value:
            return f"from {module} import {called}" + ("" if called == name else f" as {name}")
    return None


def _written_value(value: Any) -> tuple[str | None, str] | None:
    """The value as an expression, and the module that this needs; None if it cannot be written."""
    if isinstance(value, logging.Logger):
        return "logging", f"logging.getLogger({value.name!r})"
    if isinstance(value, re.Pattern):
        return "re", f"re.compile({value.pattern!r}, {value.flags})"
    if type(value).__module__ == "numpy" and getattr(value, "dtype", None) is not None:
        return _written_numbers(value)
    try:
        is_plain = bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return (None, repr(value)) if is_plain else None


def _written_numbers(value: Any) -> tuple[str | None, str] | None:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or array.size > _MOST_NUMBERS or not np.isfinite(array).all():
        return None
    return "numpy", f"numpy.asarray({array.tolist()!r}, dtype={array.dtype.str!r})[()]"


@dataclass(frozen=True, kw_only=True)
class _Definition:
    text: str
    surroundings: Mapping[str, Any]  #: the global names where it was defined
    has_future_annotations: bool


def _definition_of(thing: Any) -> _Definition:
    name = thing.__qualname__
    if "<locals>" in name:
        raise NoSourceError(
            f"{name.replace('<locals>.', '')} is defined inside a function, whose values nobody else has: "
            "define it at the top level of the notebook"
        )
    if "." in name:
        raise NoSourceError(
            f"{name} is defined inside another class: define it at the top level of the notebook"
        )
    functions = list(_functions_in(thing))
    for function in functions:
        line = function.__code__.co_firstlineno
        text = _find(thing.__name__, "".join(linecache.getlines(function.__code__.co_filename)), line)
        if text is not None:
            return _Definition(
                text=text,
                surroundings=function.__globals__,
                has_future_annotations=bool(function.__code__.co_flags & _FUTURE_ANNOTATIONS),
            )
    text = None if functions else _find_anywhere(thing)
    if text is None:
        raise NoSourceError(
            f"the source of {name} is not known here, as in Python's own prompt: write it to a file, such as "
            f"my_model.py, and `from my_model import {thing.__name__}`"
        )
    surroundings = vars(sys.modules[thing.__module__])
    return _Definition(text=text, surroundings=surroundings, has_future_annotations=False)


def _functions_in(thing: Any) -> Iterator[FunctionType]:
    """The function, or those that the class defines; their code says which file and line they are from."""
    members = vars(thing).values() if inspect.isclass(thing) else [thing]
    for member in members:
        bare = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
        bare = inspect.unwrap(bare) if callable(bare) else bare
        if isinstance(bare, FunctionType) and bare.__qualname__.startswith(thing.__qualname__):
            yield bare


def _find(name: str, source: str, line: int | None) -> str | None:
    """The text of the definition of this name that contains this line; the last one if there are several."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    found = None
    for node in _top_level(tree.body):
        begin = min([node.lineno, *(one.lineno for one in node.decorator_list)])
        if node.name == name and (line is None or begin <= line <= (node.end_lineno or begin)):
            found = "\n".join(source.splitlines()[begin - 1 : node.end_lineno])
    return None if found is None else textwrap.dedent(found)


def _top_level(
    statements: "list[ast.stmt]",
) -> "Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]":
    for node in statements:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            yield from _top_level([one for one in ast.iter_child_nodes(node) if isinstance(one, ast.stmt)])


def _find_anywhere(thing: Any) -> str | None:
    """The definition of a class without methods, in the file of its module or in the cells of a notebook."""
    file = getattr(sys.modules.get(thing.__module__), "__file__", None)
    sources = ["".join(linecache.getlines(file))] if file else []
    sources += [
        "".join(linecache.getlines(name))
        for name in list(linecache.cache)
        if "ipython" in name.lower() or "ipykernel" in name.lower()
    ]
    found = (_find(thing.__name__, source, None) for source in reversed(sources))
    return next((text for text in found if text is not None), None)


def _global_names(text: str) -> list[str]:
    """The names that the code takes from its surroundings, Python's own not among them."""
    table = symtable.symtable(text, "<notebook>", "exec")
    names = [one.get_name() for one in table.get_symbols() if one.is_referenced()]
    tables = list(table.get_children())
    while tables:
        inner = tables.pop()
        names += [one.get_name() for one in inner.get_symbols() if one.is_global()]
        tables += inner.get_children()
    return sorted(set(names))
