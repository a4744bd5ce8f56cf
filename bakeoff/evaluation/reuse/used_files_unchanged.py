"""Check a cell's audit of the files it used against the disk, and later whether they are still the same.

The audit comes from untrusted code: a false one can only harm its own result.
"""

import hashlib
import importlib.util
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from registry.code.candidate_code import Code
from registry.code.distribution_of_module import identity_of, owners_of
from registry.code.file_access_audit import SYSTEM

_FILE, _PACKAGE = "file ", "package "
_NOT_HASHABLE = "unfit"
_LISTS = ("files", "folders", "packages", "actions")
_COMPILED = tuple(EXTENSION_SUFFIXES)
_SETTLED_S = 3.0  #: longer than the clock steps of any file system
_STEP_S = 0.05  #: longer than the clock steps of a local file system
_LARGEST_FILE_BYTES = 2**32  #: the file is read again at each check


class ObstacleError(Exception):
    """Raised when it cannot be known whether the candidate would predict the same again."""


def verify_audit(audit: Any, code: Code, *, root: Path, since: float) -> dict[str, str]:
    """Digests of what the candidate used beside its code: `file data.csv`, `package lightgbm`, ...

    `since` is when the cell was ordered.
    """
    if not _is_audit(audit):
        raise ObstacleError("its cell does not say what it used")
    if code.compiled:
        raise ObstacleError(f"{min(code.compiled)} is compiled: nobody can read what it does")
    if audit["actions"]:
        raise ObstacleError(audit["actions"][0])
    files = {_FILE + _relative(path, root): _state_since(path, since) for path in _unread(audit, code)}
    packages = {_PACKAGE + name: identity_of(name) or "" for name in _distributions(audit)}
    return files | packages


def first_change(seen: Mapping[str, str], *, root: Path) -> str | None:
    """The first thing that has changed, such as `file data.csv`; None if nothing has."""
    return next((what for what, state in seen.items() if _present(what, root) != state), None)


def packages_in(seen: Mapping[str, str]) -> dict[str, str]:
    """The identity of each installed distribution that was used."""
    return {what.removeprefix(_PACKAGE): state for what, state in seen.items() if what.startswith(_PACKAGE)}


def sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _is_audit(reported: Any) -> bool:
    if not isinstance(reported, Mapping) or not all(isinstance(reported.get(name), list) for name in _LISTS):
        return False
    return all(isinstance(word, str) and "\0" not in word for name in _LISTS for word in reported[name])


def _unread(audit: Mapping[str, list[str]], code: Code) -> Iterator[str]:
    """The files and folders that were opened and are not part of the code that was read before."""
    for path in audit["files"]:
        place = os.path.realpath(_source_of(path))
        if place.endswith(_COMPILED):
            raise ObstacleError(f"it loads {place}, which is compiled: nobody can read what it does")
        if place not in code.files:
            yield place
    yield from map(os.path.realpath, audit["folders"])


def _source_of(path: str) -> str:
    with suppress(ValueError, NotImplementedError):
        return importlib.util.source_from_cache(path)
    return path


def _distributions(audit: Mapping[str, list[str]]) -> set[str]:
    owners = {package: owners_of(package) for package in audit["packages"]}
    stray = next((package for package, found in owners.items() if not found), None)
    if stray is not None:
        raise ObstacleError(f"it uses the installed module {stray}, which belongs to no distribution")
    return {name for found in owners.values() for name in found}


def _relative(path: str, root: Path) -> str:
    """Relative to the project's folder if it lies in there, so that another machine finds it too."""
    place = Path(path)
    return str(place.relative_to(root)) if place.is_relative_to(root) else path


def _present(what: str, root: Path) -> str:
    if what.startswith(_PACKAGE):
        return identity_of(what.removeprefix(_PACKAGE)) or ""
    return _state(str(root / what.removeprefix(_FILE)))


def _state_since(path: str, since: float) -> str:
    """The state of the file. If it changed since then, the candidate may have read another state."""
    before = _stat(path)
    if before is not None and before.st_ctime > since - _STEP_S:
        raise ObstacleError(f"{path} was changed while it ran")
    state = _state(path)
    if state == _NOT_HASHABLE:
        raise ObstacleError(f"it uses {path}, which is too large to be hashed, or no file")
    return state


def _stat(path: str) -> os.stat_result | None:
    with suppress(OSError):
        return Path(path).stat()
    return None


def _state(path: str) -> str:
    """A digest; empty for what does not exist or cannot be read."""
    found = _stat(path)
    if found is None or not os.access(path, os.R_OK):
        return ""
    if stat.S_ISDIR(found.st_mode):
        return hashlib.sha256("\n".join(sorted(os.listdir(path))).encode()).hexdigest()  # noqa: PTH208 - names
    if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST_FILE_BYTES or _is_of_the_system(path):
        return _NOT_HASHABLE
    # A file that changed a moment ago may change again without its times showing it: it is hashed each time.
    marks = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    settled = max(found.st_mtime, found.st_ctime) < time.time() - _SETTLED_S
    return _digest(path, marks) if settled else _digest.__wrapped__(path, marks)


def _is_of_the_system(path: str) -> bool:
    """Whether the path is that of a system file. Reading some never ends; a forged audit may name them."""
    return os.path.realpath(path).startswith(SYSTEM)


@lru_cache(maxsize=4096)
def _digest(path: str, _marks: tuple[int, ...]) -> str:
    """Cached until the size or a time of the file changes, which `_marks` hold."""
    return sha256(Path(path))
