"""Finds the code that a candidate is made of by reading source files, without importing anything.

A module of the project counts by its syntax tree: comments and layout make no difference, docstrings do,
since code can read them. The modules that it imports, anywhere in it, are read too. An installed module
counts by its distribution. `file_access_audit` finds in the cell what reading cannot show.
"""

import ast
import hashlib
import importlib.util
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import NamedTuple

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.machine.own_packages_and_disk_space import PACKAGES, PACKAGES_IN_CELLS, SOURCES
from registry.code.cell_import_and_readable_paths import class_paths, import_path
from registry.code.distribution_of_module import canonical, holds, identity_of, library_folders, owners_of

_SUFFIXES = (*EXTENSION_SUFFIXES, ".py", ".pyc")
#: Our own code is the same for all candidates, so it is not read for each of them.
_OUR_FOLDERS = tuple(f"{SOURCES / name}/" for name in PACKAGES)


@dataclass(frozen=True, kw_only=True)
class Code:
    modules: Mapping[str, str]  #: digests of the project's own modules, by name
    distributions: Mapping[str, str]  #: identities of the installed ones that these and the catalog name
    missing: frozenset[str]  #: what is imported and not there, as an optional dependency may be
    compiled: frozenset[str]  #: modules of the project that have no source
    files: Mapping[
        str, tuple[int, int]
    ]  #: inode and time of change: they show a change even when it was undone

    @property
    def digest(self) -> str:
        known = (sorted(self.modules.items()), sorted(self.distributions.items()), sorted(self.missing))
        return hashlib.sha256(repr(known).encode()).hexdigest()


def class_modules(candidate: Candidate) -> tuple[str, ...]:
    """The modules of its classes, or the files, as the catalog names them."""
    return tuple(dict.fromkeys(path.rpartition(":")[0] for path in class_paths(candidate)))


def code_at(places: Iterable[str], *, root: Path) -> Code:
    """The code as it is on the disk now, found as a cell that imports from `root` finds it.

    It is read once, and again when anything has changed that it was read from: each job asks twice.
    """
    key = (tuple(places), root.resolve(), _path(root))
    known = _known.get(key)
    if known is not None and known.marks == tuple(map(_mark, known.read_from)):
        return known.code
    began = time.time()
    reading = _Reading(root=key[1], path=key[2])
    for place in key[0]:
        reading.add(place)
    reading.read_all()
    code = Code(
        modules=reading.modules,
        distributions={name: identity_of(name) or "" for name in sorted(reading.distributions)},
        missing=frozenset(reading.missing),
        compiled=frozenset(reading.compiled),
        files=reading.files,
    )
    _remember(key, code, reading, began)
    return code


_Key = tuple[tuple[str, ...], Path, tuple[str, ...]]
_Mark = tuple[int, int, int]


class _KnownCode(NamedTuple):
    code: Code
    read_from: tuple[
        str, ...
    ]  #: files that were read, and folders that were searched, for what is missing, too
    marks: tuple[_Mark, ...]  #: of each of them


_known: dict[_Key, _KnownCode] = {}
_MOST_KNOWN = 256
_AT_REST_S = (
    2.0  #: what changed less than this before it was read may change again, and its times stay the same
)


def _remember(key: _Key, code: Code, reading: "_Reading", began: float) -> None:
    read_from = (*sorted(reading.read_from), *library_folders())
    marks = tuple(map(_mark, read_from))
    changed_last_ns = max(changed_ns for *_, changed_ns in marks)
    if reading.asks_finders or changed_last_ns > (began - _AT_REST_S) * 1e9:
        return
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[key] = _KnownCode(code, read_from, marks)


def _mark(path: str) -> _Mark:
    """Changes with the content of a file, and when anything is added to a folder or removed from it."""
    try:
        found = os.stat(path)  # noqa: PTH116 - text is faster, and this is part of each job
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_size, found.st_ctime_ns)


def is_installed(file: str) -> bool:
    return file.startswith(tuple(f"{folder}/" for folder in library_folders()))


def is_ours(file: str) -> bool:
    return file.startswith(_OUR_FOLDERS)


def _path(root: Path) -> tuple[str, ...]:
    """The folders in the order in which a cell searches them."""
    libraries = (entry for entry in sys.path if entry.startswith((sys.prefix, sys.base_prefix)))
    return tuple(dict.fromkeys((*import_path(root), str(SOURCES), *libraries)))


class _ModuleFiles(NamedTuple):
    file: str | None  #: None for a folder that is a package without a file
    folders: tuple[str, ...]  #: where its submodules lie; empty if it is no package


@dataclass
class _Reading:
    root: Path
    path: tuple[str, ...]
    modules: dict[str, str] = field(default_factory=dict)
    distributions: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    compiled: set[str] = field(default_factory=set)
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    read_from: set[str] = field(default_factory=set)  #: what changes when anything here may change
    asks_finders: bool = False  #: something was found by other means, which nothing tells the changes of
    _places: dict[str, _ModuleFiles | None] = field(default_factory=dict)
    _todo: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        """`place` is a module, or a file as the catalog names it."""
        if not place.endswith(".py"):
            self._todo.append(place)
            return
        file = (self.root / place).resolve()
        self.read_from.update((str(self.root / place), str(file)))
        name = self._importable_name(file)
        if name is not None:
            self._todo.append(name)
        elif file.is_file():
            self._read(place, str(file), package="")
        else:
            self.missing.add(place)

    def read_all(self) -> None:
        """Reads modules until every import has been followed."""
        while self._todo:
            name = self._todo.pop()
            for above in _parents_and_self(name):
                if not self._visit(above):
                    break

    def _importable_name(self, file: Path) -> str | None:
        if not file.is_relative_to(self.root):
            return None
        name = ".".join(file.relative_to(self.root).with_suffix("").parts)
        found = self._find(name)
        return name if found and found.file and os.path.realpath(found.file) == str(file) else None

    def _visit(self, name: str) -> bool:
        """Reads a module. False if its submodules need not be read: missing, installed, ours or Python's."""
        if name in self.modules:
            return True
        if name.partition(".")[0] in sys.stdlib_module_names:
            return False
        place = self._find(name)
        if place is None:
            self.missing.add(name)
            return False
        where = place.file or place.folders[0] + "/"
        if is_installed(where):
            self.distributions.update(owners_of(name))
            return False
        if is_ours(where):
            return False
        if place.file is not None:
            self._add_module(name, place.file, package=name if place.folders else name.rpartition(".")[0])
        return True

    def _add_module(self, name: str, file: str, *, package: str) -> None:
        if file.endswith(".py"):
            self._read(name, file, package=package)
        else:
            self.compiled.add(name)

    def _read(self, name: str, file: str, *, package: str) -> None:
        self.read_from.add(file)
        try:
            with Path(file).open("rb") as opened:
                status = os.fstat(opened.fileno())
                parsed = _parse(opened.read())
        except OSError:
            self.missing.add(name)
            return
        self.modules[name] = parsed.digest
        self.files[os.path.realpath(file)] = (status.st_ino, status.st_ctime_ns)
        self._todo.extend(_absolute(parsed.imports, package))

    def _find(self, name: str) -> _ModuleFiles | None:
        if name not in self._places:
            above, _, last = name.rpartition(".")
            self._places[name] = self._find_in(above, last) if above else self._find_top(name)
        return self._places[name]

    def _find_top(self, name: str) -> _ModuleFiles | None:
        """Finds a top-level module. A project's module does not replace ours, which a cell has loaded."""
        path = (str(SOURCES),) if name in PACKAGES_IN_CELLS else self.path
        found = self._look(name, path)
        if found is None:
            found = _ask_editable_finders(name)
            self.asks_finders |= found is not None
        return found

    def _find_in(self, above: str, last: str) -> _ModuleFiles | None:
        package = self._find(above)
        return self._look(last, package.folders) if package else None

    def _look(self, name: str, folders: tuple[str, ...]) -> _ModuleFiles | None:
        """Searches as Python does: a package, a module, and at last folders without `__init__`."""
        namespaces = []
        for folder in folders:
            self.read_from.add(folder)
            inside = f"{folder}/{name}"
            if os.path.isdir(inside):  # noqa: PTH112 - text is faster
                self.read_from.add(inside)
                if (file := _file_of(f"{inside}/__init__")) is not None:
                    return _ModuleFiles(file, (inside,))
                namespaces.append(inside)
            if (file := _file_of(inside)) is not None:
                return _ModuleFiles(file, ())
        return _ModuleFiles(None, tuple(namespaces)) if namespaces else None


def _parents_and_self(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[: end + 1]) for end in range(len(parts)))


def _file_of(stem: str) -> str | None:
    files = (stem + suffix for suffix in _SUFFIXES)
    return next((file for file in files if os.path.isfile(file)), None)  # noqa: PTH113 - as above


def _ask_editable_finders(name: str) -> _ModuleFiles | None:
    """Editable installs register finders that know where their modules are."""
    for finder in sys.meta_path:
        if not getattr(finder, "__module__", "").startswith("__editable__"):
            continue
        spec = finder.find_spec(name, None)
        if spec is not None:
            return _ModuleFiles(spec.origin, tuple(spec.submodule_search_locations or ()))
    return None


class _Import(NamedTuple):
    level: int  #: dots before the name
    module: str
    names: tuple[str, ...]  #: what is imported from it, which may be modules, too


class _Parsed(NamedTuple):
    digest: str
    imports: tuple[_Import, ...]


@lru_cache(maxsize=1024)
def _parse(source: bytes) -> _Parsed:
    """The digest and imports of a source. One that cannot be parsed counts by its bytes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
        return _Parsed(_digest(ast.dump(tree).encode()), tuple(_imports_in(tree)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _Parsed(_digest(source), ())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _imports_in(tree: ast.AST) -> Iterator[_Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (_Import(0, alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield _Import(node.level, node.module or "", tuple(alias.name for alias in node.names))


def _absolute(imports: tuple[_Import, ...], package: str) -> Iterator[str]:
    for level, module, names in imports:
        base = module
        if level:
            try:
                base = importlib.util.resolve_name("." * level + module, package)
            except ImportError:
                continue  # a relative import without such a package: it fails at run time, too
        yield base
        yield from (f"{base}.{name}" for name in names if name != "*")


def is_installed_code(candidate: Candidate, code: Code, *, packages: Iterable[str]) -> bool:
    """Whether the module of each of its classes and objects, nested ones too, is a file of these packages.

    A module of the project that hides an installed one of the same name is one of the project: `code` names
    what a cell would import.
    """
    if code.modules or code.compiled or code.missing:
        return False
    allowed = {canonical(name) for name in packages}
    found = {canonical(name) for name in code.distributions}
    return found <= allowed and all(
        any(holds(name, module) for name in found) for module in class_modules(candidate)
    )
