"""The folder of the project that a notebook or script works in, and its configuration.

Without a project of its own, a notebook has a temporary one in the user's cache, one for each working folder.
It is found again by the next kernel, so that nothing is fitted twice.
"""

import errno
import hashlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.ids_and_times import new_id

_SETTINGS = "config/bakeoff.yaml"
_CATALOG = "config/models.yaml"
_MOST_WORKERS = 10

_FIRST_LINES = """\
# Made by `bakeoff.compare` for the notebooks and scripts in {folder}.
# It can be removed as a whole: it is made anew, and everything is fitted again.
"""


def temporary_root(folder: Path) -> Path:
    """The temporary project of this working folder; nothing is made."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:10]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name)[:40] or "root"
    return cache / "bakeoff" / "notebooks" / f"{name}-{digest}"


def make_temporary_project(folder: Path, *, workers: int | None) -> Path:
    """Makes the project if need be, and returns its configuration file.

    `workers`: evaluations at once; None: as before, or one for each core.
    """
    root = temporary_root(folder)
    settings = root / _SETTINGS
    data = root / "data"
    try:
        settings.parent.mkdir(parents=True, exist_ok=True)
        data.mkdir(exist_ok=True)
        if not os.access(data, os.W_OK):  # else whoever writes first says so, without a cure
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if not (root / _CATALOG).is_file():
            _write(root / _CATALOG, "models: {}\n")
        if workers is not None or not settings.is_file():
            _write(settings, _settings_text(folder, workers or _cores()))
    except OSError as exc:
        raise InfrastructureError(
            f"the temporary project {root} cannot be written ({exc.strerror}): set XDG_CACHE_HOME to a "
            "folder that you can write to, or use `bakeoff.project(path)`"
        ) from exc
    return settings


def worker_environment(
    environment: Mapping[str, str], import_path: list[str], *, with_settings: bool
) -> dict[str, str]:
    """The environment of a worker. It imports from where this process does, as modules beside the notebook.

    `with_settings`: with the settings of the environment, which a temporary project does not have.
    """
    kept = {name: text for name, text in environment.items() if with_settings or name[:8] != "BAKEOFF_"}
    return {**kept, "PYTHONPATH": os.pathsep.join(import_path)}


def import_path() -> list[str]:
    """The folders that this process imports from, but for those of Python and of the libraries."""
    pythons = (sys.prefix, sys.base_prefix)
    entries = (str(Path(entry or os.curdir).absolute()) for entry in sys.path)
    return [entry for entry in dict.fromkeys(entries) if not entry.startswith(pythons)]


def check_workers(workers: object) -> int | None:
    if workers is None or (type(workers) is int and 1 <= workers <= _MOST_WORKERS):
        return workers
    raise InvalidInputError(
        f"workers is {workers!r}: how many candidates are fitted at once, from 1 to {_MOST_WORKERS}"
    )


def _cores() -> int:
    return min(len(os.sched_getaffinity(0)), _MOST_WORKERS)


def _settings_text(folder: Path, workers: int) -> str:
    return (
        _FIRST_LINES.format(folder=str(folder.resolve()).replace("\n", " ")) + f"\nevalWorkers: {workers}\n"
    )


def _write(path: Path, text: str) -> None:
    """Written beside it and renamed: another kernel may read it at the same time."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    unfinished = path.with_name(f".{path.name}.{new_id()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
