"""Under which versions of which libraries a model was fitted. A cell asks, too."""

import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from bakeoff.domain.folders import SOURCES
from registry.code.distributions import identity_of, name_of

#: What decides whether a pickle loads, and means the same: noted when it is there.
_MODULES = ("numpy", "scipy", "pandas", "sklearn", "joblib", "lightgbm", "xgboost", "catboost", "torch")

#: What every cell has loaded before it is given a candidate, and what pandas takes besides if it is there.
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

#: Those of our own packages that do something in a cell.
_OURS = ("bakeoff/cell", "bakeoff/domain", "bakeoff/evaluation", "registry")


def cell_environment() -> dict[str, str]:
    """What each candidate finds in a cell: Python, the libraries, and Bakeoff itself, as on the disk."""
    identities = {name: identity for name in _LOADED if (identity := identity_of(name))}
    return {"python": platform.python_version(), BAKEOFF: own_version(), **identities}


#: The same as they were when this process first asked: so a process that loads them then knows what it has.
loaded_environment = cache(cell_environment)


def own_version() -> str:
    """Our version, and a digest of our sources, which may change without it."""
    return _version_and_digest(tuple(sorted(_our_files())))


def _our_files() -> Iterator[tuple[str, int, int]]:
    """With what changes when they do: this is part of each start of a run."""
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
    """By distribution: Python's, that of the class, and those of the usual ones that are loaded."""
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
