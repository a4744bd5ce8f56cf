"""The projects that this process works in, each opened once: later runs find its worker warm."""

import os
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from bakeoff.notebook.project_folders import temporary_configuration, temporary_root, worker_environment
from bakeoff.notebook.project_session import ProjectSession, import_path

if TYPE_CHECKING:
    from bakeoff.settings.configuration import Configuration

_open: dict[Path, ProjectSession] = {}
_opening = Lock()


def temporary_session(*, workers: int | None = None) -> ProjectSession:
    """That of the project of the current folder's notebooks and scripts."""
    folder = Path.cwd()
    with _opening:
        root = temporary_root(folder).resolve()
        if root in _open and not _open[root].is_there():
            _open.pop(root).close()
        if root not in _open or workers is not None:
            configuration = temporary_configuration(folder, workers=workers)
            return _session(configuration, is_temporary=True)
        return _open[root]


def session_of(configuration: "Configuration") -> ProjectSession:
    with _opening:
        return _session(configuration, is_temporary=False)


def session_at(root: Path, file: Path | None) -> ProjectSession:
    """The project in this folder, for a result that was pickled."""
    from bakeoff.settings.configuration import load

    with _opening:
        if (known := _open.get(root.resolve())) is not None:
            return known
    return session_of(load(file or root))


def _session(configuration: "Configuration", *, is_temporary: bool) -> ProjectSession:
    root = configuration.root.resolve()
    if root not in _open:
        environment = worker_environment(os.environ, import_path(), with_settings=not is_temporary)
        _open[root] = ProjectSession(configuration, environment=environment, is_temporary=is_temporary)
    return _open[root]


def _forget_in_child() -> None:
    """A forked child opens projects of its own: connections and workers are those of its parent."""
    _open.clear()


os.register_at_fork(after_in_child=_forget_in_child)
