"""The versions of the libraries that a model is fitted with. Also imported in cells."""

import hashlib
import os
import platform
import sys
import time
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from bakeoff.domain.machine.own_packages_and_disk_space import SOURCES
from registry.code.distribution_of_module import identities_of, name_of

#: The libraries that decide whether a pickle loads and means the same; recorded if they are loaded.
_MODULES = ("numpy", "scipy", "pandas", "sklearn", "joblib", "lightgbm", "xgboost", "catboost", "torch")

#: Libraries that every cell has loaded before its candidate, and those that pandas loads if they are there.
_LOADED = (
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "joblib",
    "threadpoolctl",
    "numexpr",
    "bottleneck",
)

BAKEOFF = "bakeoff"

#: Our packages whose code runs in a cell.
_OURS = ("bakeoff/cell", "bakeoff/domain", "bakeoff/evaluation", "registry")


def cell_environment() -> dict[str, str]:
    """The versions of Python, of the libraries in a cell and of Bakeoff itself, as they are on the disk."""
    return {"python": platform.python_version(), BAKEOFF: own_version(), **identities_of(_LOADED)}


#: The same, as it was at the first call in this process, so the versions are those that it has loaded.
loaded_environment = cache(cell_environment)


def own_version() -> str:
    """Our version and a digest of our sources, which may change while the version does not.

    They are looked at once a second at most: for each start of a run that would be two hundred calls to the
    kernel, and in a busy server a thread may have to wait after each.
    """
    return _version_and_digest(_own_files_at(int(time.monotonic() / _LOOKS_EVERY_S)))


_LOOKS_EVERY_S = 1.0


@lru_cache(maxsize=1)
def _own_files_at(_look: int) -> tuple[tuple[str, int, int], ...]:
    return tuple(sorted(_own_files()))


def _own_files() -> Iterator[tuple[str, int, int]]:
    """Our source files with times and sizes: reading them would take too long at each start of a run."""
    folders = [str(SOURCES / name) for name in _OURS]
    while folders:
        for entry in os.scandir(folders.pop()):
            if entry.is_dir():
                folders.append(entry.path)
            elif entry.name.endswith(".py"):
                found = entry.stat()
                yield entry.path, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=1)
def _version_and_digest(files: tuple[tuple[str, int, int], ...]) -> str:
    sources = hashlib.sha256()
    for path, _, _ in files:
        file = Path(path)
        sources.update(f"{file.relative_to(SOURCES)}\n".encode() + file.read_bytes())
    return f"{metadata.version(BAKEOFF)} {sources.hexdigest()[:16]}"


def libraries_of(model: Any) -> dict[str, str]:
    """Versions by distribution: Python, that of the class, and the usual libraries that are loaded."""
    loaded = [module for module in _MODULES if module in sys.modules]
    names = dict.fromkeys(name_of(module) for module in (*loaded, type(model).__module__))
    versions = {name: version for name in names if (version := _version(name))}
    return {"python": platform.python_version(), **versions}


@cache
def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
