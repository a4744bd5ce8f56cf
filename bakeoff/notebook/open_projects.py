"""The projects that this process works in, each opened once: later runs find its worker warm."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.notebook.project_folders import (
    import_path,
    make_temporary_project,
    temporary_root,
    worker_environment,
)
from bakeoff.worker.temporary.start_worker_early import begin_worker

if TYPE_CHECKING:
    from bakeoff.notebook.project_session import ProjectSession
    from bakeoff.settings.configuration import Configuration

_WITH_ESTIMATORS = (
    *("ensemble", "linear_model", "svm", "tree", "neighbors", "naive_bayes", "neural_network"),
    *("discriminant_analysis", "gaussian_process", "dummy"),
)
_open: "dict[Path, ProjectSession]" = {}
_opening = Lock()


def temporary_session(*, workers: int | None = None) -> "ProjectSession":
    """That of the project of the current folder's notebooks and scripts."""
    folder = Path.cwd()
    with _opening:
        root = temporary_root(folder).resolve()
        if root in _open and not _open[root].is_there():
            _open.pop(root).close()
        if root not in _open:
            _open[root] = _new_temporary_session(root, folder, workers)
        elif workers is not None:
            make_temporary_project(folder, workers=workers)
        return _open[root]


def _new_temporary_session(root: Path, folder: Path, workers: int | None) -> "ProjectSession":
    """Its worker begins before this process imports what a session needs: that takes about as long."""
    file = make_temporary_project(folder, workers=workers)
    environment = worker_environment(os.environ, import_path(), with_settings=False)
    begun = begin_worker(file, root, environment)
    try:
        from bakeoff.notebook.project_session import ProjectSession
        from bakeoff.settings.configuration import load

        return ProjectSession(
            load(file, environment={}), environment=environment, is_temporary=True, begun=begun
        )
    except BaseException:
        if begun is not None and begun.stdin is not None:
            begun.stdin.close()  # it ends
        raise


def comparison_session(candidates: Any, *, workers: int | None) -> "ProjectSession":
    """The temporary one; with names of the catalog among the candidates, that of their project."""
    names = [text for text in _texts(candidates) if ":" not in text]
    if not names:
        return temporary_session(workers=workers)
    from bakeoff.settings.configuration import load

    configuration = load()
    if not configuration.catalog_file.is_file():
        path = names[0].rpartition(".")
        is_dotted = path[0] and path[2][:1].isupper()
        meant = f"{path[0]}:{path[2]}" if is_dotted else _path_in_sklearn(names[0]) or "sklearn.svm:SVC"
        raise InvalidInputError(
            f"{names[0]!r} would be an id of a catalog, and there is no project in {Path.cwd()}: give an "
            f"estimator, or the path of its class such as {meant!r}, or make a project with `bakeoff init`"
        )
    if workers is not None:
        raise InvalidInputError(
            f"workers is {workers}, and {names[0]!r} is of the project {configuration.root}, where "
            "evalWorkers says how many candidates are fitted at once: leave workers out"
        )
    return session_of(configuration)


def _path_in_sklearn(name: str) -> str | None:
    """That of the estimator of this name."""
    from importlib import import_module

    modules = [f"sklearn.{part}" for part in _WITH_ESTIMATORS]
    return next((f"{one}:{name}" for one in modules if hasattr(import_module(one), name)), None)


def _texts(candidates: Any) -> Iterator[str]:
    """What is given as text instead of as an object. Iterators are left for later: they can be read once."""
    if isinstance(candidates, str):
        yield candidates
    elif isinstance(candidates, Mapping):
        yield from (thing for thing in candidates.values() if isinstance(thing, str))
    elif isinstance(candidates, (list, tuple)):
        things = (one[1] if isinstance(one, tuple) and len(one) > 1 else one for one in candidates)
        yield from (thing for thing in things if isinstance(thing, str))


def session_of(configuration: "Configuration") -> "ProjectSession":
    with _opening:
        return _session(configuration)


def session_at(root: Path, file: Path | None) -> "ProjectSession":
    """The project in this folder, for a result that was pickled."""
    from bakeoff.settings.configuration import load

    with _opening:
        if (known := _open.get(root.resolve())) is not None:
            return known
    return session_of(load(file or root))


def _session(configuration: "Configuration") -> "ProjectSession":
    from bakeoff.notebook.project_session import ProjectSession

    root = configuration.root.resolve()
    if root not in _open:
        environment = worker_environment(os.environ, import_path(), with_settings=True)
        _open[root] = ProjectSession(configuration, environment=environment, is_temporary=False)
    return _open[root]


def _forget_in_child() -> None:
    """A forked child opens projects of its own: connections and workers are those of its parent."""
    _open.clear()


os.register_at_fork(after_in_child=_forget_in_child)
