"""Imports the class of a plugin. Importing runs untrusted code, so this belongs in a cell.

This module imports only the standard library and `bakeoff.domain`, because each cell imports it after its
fork.
"""

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.machine.own_packages_and_disk_space import PACKAGES, SOURCES
from bakeoff.domain.runs.job import Phase
from registry.code.explain_missing_module import cure_for

_TRACEBACK_LIMIT = 20_000
_MESSAGE_LIMIT = 500

#: Classes of scikit-learn that can be imported only after a module that says that they may change.
_EXPERIMENTAL = {
    ("sklearn.model_selection", "HalvingGridSearchCV"): "sklearn.experimental.enable_halving_search_cv",
    ("sklearn.model_selection", "HalvingRandomSearchCV"): "sklearn.experimental.enable_halving_search_cv",
    ("sklearn.impute", "IterativeImputer"): "sklearn.experimental.enable_iterative_imputer",
}


class LoadError(InvalidInputError):
    """The class of a candidate cannot be imported or constructed."""

    def __init__(self, phase: Phase, cause: str, fix: str) -> None:
        super().__init__(phase, cause, fix)
        self.phase = phase
        self.cause = cause  #: one line, in words
        self.fix = fix  #: one line: what its author can do

    def __str__(self) -> str:
        return f"{self.cause}: {self.fix}"

    @property
    def traceback(self) -> str:
        """Where the plugin's code failed; empty when the fault was found by our own checks."""
        return "" if self.__cause__ is None else _plugin_traceback(self.__cause__)


def find_class(path: str, *, root: Path) -> type[Any]:
    """The class that `package.module:Class` or `folder/file.py:Class` names; files are relative to `root`."""
    where, name = _parts(path, "Class")
    _enable(where, name)
    return _class_in(_module(where, root), name, where)


def find_object(path: str, *, root: Path) -> Any:
    """What `package.module:name` names, such as a function that is the parameter of a model."""
    where, name = _parts(path, "name")
    _enable(where, name)
    module = _module(where, root)
    with plugin_errors(Phase.IMPORT, where):
        if hasattr(module, name):
            return getattr(module, name)
    raise LoadError(
        Phase.IMPORT,
        f"{where} has nothing of the name {name!r}",
        nearest(name, vars(module)) or "correct the name",
    )


def _enable(where: str, name: str) -> None:
    """Imports what scikit-learn wants to be imported before an experimental class of its own is there."""
    enabling = _EXPERIMENTAL.get((where, name))
    if enabling is not None:
        with plugin_errors(Phase.IMPORT, enabling):
            importlib.import_module(enabling)


def _parts(path: str, what: str) -> tuple[str, str]:
    where, colon, name = path.rpartition(":")
    if where and colon and name:
        return where, name
    raise LoadError(
        Phase.IMPORT,
        f"the path {path!r} names no {what.lower()}",
        f"write `package.module:{what}` or `folder/file.py:{what}`",
    )


def _module(where: str, root: Path) -> ModuleType:
    add_to_import_path(root)
    root = root.resolve()
    return _import_file(where, root) if where.endswith(".py") else _import_module(where, where, root)


_projects: set[str] = set()  #: the folders that `add_to_import_path` has appended


def add_to_import_path(root: Path) -> None:
    """Appends the folder, so that a project's own modules never hide ours or a library's.

    Python's cache of this folder is dropped, because a file may just have been written. For other folders
    Python compares modification times; dropping all caches would cost a forked cell over a millisecond.
    """
    folder = str(root.resolve())
    if folder not in sys.path:
        sys.path.append(folder)
        _projects.add(folder)
    sys.path_importer_cache.pop(folder, None)


def is_of_another_project(entry: str, root: Path) -> bool:
    """Whether the entry of the import path was put there for another project that this process works with."""
    return entry in _projects and entry != str(root.resolve())


def nearest(word: str, known: Iterable[str], *, alike: float = 0.6) -> str:
    """`did you mean ...?`, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=alike)
    return f"did you mean '{near[0]}'?" if near else ""


def describe_exception(exc: BaseException) -> str:
    """One line of bounded length, even for an exception whose text raises an error."""
    try:
        text = " ".join(str(exc).split())[:_MESSAGE_LIMIT]
    except Exception:  # noqa: BLE001 - the __str__ of a plugin's exception may raise anything
        text = "(its message cannot be printed)"
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


@contextmanager
def plugin_errors(phase: Phase, what: str) -> Iterator[None]:
    """Turns whatever the plugin's code raises into a LoadError; a MemoryError is raised as it is."""
    try:
        yield
    except (LoadError, MemoryError):
        raise
    except SystemExit as exc:
        raise LoadError(
            phase,
            f"{what} ended the process with exit code {exc.code!r} at {phase}",
            "remove the call of sys.exit, or put it below `if __name__ == '__main__':`",
        ) from exc
    except (
        Exception
    ) as exc:  # a plugin's code may raise anything; without this, one could end the check of all
        raise LoadError(
            phase, f"{what} failed at {phase} with {describe_exception(exc)}", "mend what the traceback shows"
        ) from exc


def _import_module(name: str, where: str, root: Path, file: Path | None = None) -> ModuleType:
    """`where` is what the catalog says: the module, or the file that is imported by this name."""
    with plugin_errors(Phase.IMPORT, where), _missing_modules(name, where, root, file):
        return importlib.import_module(name)


def _import_file(where: str, root: Path) -> ModuleType:
    file = (root / where).resolve()
    if not file.is_file():
        beside = [f.name for f in file.parent.glob("*.py")] if file.parent.is_dir() else []
        raise LoadError(
            Phase.IMPORT,
            f"there is no file {file}",
            nearest(file.name, beside) or "correct the path, which starts from the folder above config/",
        )
    name = _importable_name(where, file, root)
    return _import_module(name, where, root, file) if name else _import_alone(where, root, file)


def _importable_name(where: str, file: Path, root: Path) -> str | None:
    """The module name of the file, if importing that name from `root` gives this file.

    Its models are then pickled with that name, and can be loaded wherever `root` is on the path.
    """
    if not file.is_relative_to(root):
        return None
    name = ".".join(file.relative_to(root).with_suffix("").parts)
    with plugin_errors(Phase.IMPORT, where):
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
    return name if spec and spec.origin and Path(spec.origin).resolve() == file else None


def _import_alone(where: str, root: Path, file: Path) -> ModuleType:
    """Imports the file as a module that no import statement can reach.

    Therefore its classes are pickled with their code, for processes of joblib and others that load the model.
    """
    import cloudpickle  # type: ignore[import-untyped]  # it ships no stubs

    name = f"{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    loader = SourceFileLoader(name, str(file))
    spec = ModuleSpec(name, loader, origin=str(file))
    spec.has_location = True
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        with plugin_errors(Phase.IMPORT, where), _missing_modules(name, where, root, file):
            loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    cloudpickle.register_pickle_by_value(module)
    return module


@contextmanager
def _missing_modules(name: str, where: str, root: Path, file: Path | None) -> Iterator[None]:
    """Distinguishes a module that is missing from one that imports a missing module."""
    try:
        yield
    except ModuleNotFoundError as exc:
        if exc.name is None:
            raise
        if f"{name}.".startswith(f"{exc.name}."):
            cause, cure = f"there is no module {exc.name!r}", cure_for(exc.name, root=root)
        else:
            cause = f"{where} needs the module {exc.name!r}, which is not there"
            cure = cure_for(exc.name, root=root, importer=name, file=file)
        raise LoadError(Phase.IMPORT, cause, cure) from exc


def _class_in(module: ModuleType, name: str, where: str) -> type[Any]:
    with plugin_errors(Phase.IMPORT, where):
        found = getattr(module, name, None)
    if found is None:
        classes = [n for n, member in vars(module).items() if isinstance(member, type) and n[0] != "_"]
        raise LoadError(
            Phase.IMPORT,
            f"{where} has no class {name!r}",
            nearest(name, classes) or f"it has {', '.join(sorted(classes)[:10]) or 'no class at all'}",
        )
    if not isinstance(found, type):
        kind = "a function" if inspect.isroutine(found) else f"of type {type(found).__name__}"
        raise LoadError(
            Phase.IMPORT, f"{where}:{name} is {kind}, not a class", "name a class with fit and predict"
        )
    return found


def _plugin_traceback(exc: BaseException) -> str:
    """The traceback without our own frames and those of the import system."""
    ours = (
        *(str(SOURCES / name) for name in PACKAGES),
        "<frozen importlib",
        importlib.__file__,
        contextmanager.__code__.co_filename,
    )
    report = traceback.TracebackException.from_exception(exc)
    report.stack = traceback.StackSummary.from_list(
        [frame for frame in report.stack if not frame.filename.startswith(ours)]
    )
    return "".join(report.format())[-_TRACEBACK_LIMIT:]
