"""What a cell's witness told, held against the disk: what else was used, and whether that is still so.

Strangers may have had a hand in what it told. Who lies there deceives nobody but himself.
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

from registry.code.code_reading import Code
from registry.code.distributions import identity_of, owners_of
from registry.code.file_access_audit import SYSTEM

_FILE, _PACKAGE = "file ", "package "
_UNFIT = "unfit"
_LISTS = ("files", "folders", "packages", "deeds")
_COMPILED = tuple(EXTENSION_SUFFIXES)
_SETTLED_S = 3.0  #: longer than the steps of any file system's clock
_STEP_S = 0.05  #: longer than those of a local one's
_LARGEST = 2**32  #: bytes of a file that is read each time somebody wants to know


class ObstacleError(Exception):
    """Nobody can tell when it would do the same again."""


def weigh(testimony: Any, code: Code, *, root: Path, since: float) -> dict[str, str]:
    """Digests of what was used beside the code, by what that is; `since` is when the cell was ordered."""
    if not _is_testimony(testimony):
        raise ObstacleError("its cell does not say what it used")
    if code.compiled:
        raise ObstacleError(f"{min(code.compiled)} is compiled: nobody can read what it does")
    if testimony["deeds"]:
        raise ObstacleError(testimony["deeds"][0])
    files = {_FILE + _named(path, root): _state_since(path, since) for path in _unread(testimony, code)}
    packages = {_PACKAGE + name: identity_of(name) or "" for name in _distributions(testimony)}
    return files | packages


def has_changed(seen: Mapping[str, str], *, root: Path) -> str | None:
    """What is not as it was; None if all is."""
    return next((what for what, state in seen.items() if _present(what, root) != state), None)


def packages_in(seen: Mapping[str, str]) -> dict[str, str]:
    """Identities of the installed ones, by distribution."""
    return {what.removeprefix(_PACKAGE): state for what, state in seen.items() if what.startswith(_PACKAGE)}


def sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _is_testimony(told: Any) -> bool:
    if not isinstance(told, Mapping) or not all(isinstance(told.get(name), list) for name in _LISTS):
        return False
    return all(isinstance(word, str) and "\0" not in word for name in _LISTS for word in told[name])


def _unread(testimony: Mapping[str, list[str]], code: Code) -> Iterator[str]:
    """What was opened and is not part of the code that was read before."""
    for path in testimony["files"]:
        place = os.path.realpath(_source_of(path))
        if place.endswith(_COMPILED):
            raise ObstacleError(f"it loads {place}, which is compiled: nobody can read what it does")
        if place not in code.files:
            yield place
    yield from map(os.path.realpath, testimony["folders"])


def _source_of(path: str) -> str:
    with suppress(ValueError, NotImplementedError):
        return importlib.util.source_from_cache(path)
    return path


def _distributions(testimony: Mapping[str, list[str]]) -> set[str]:
    owners = {package: owners_of(package) for package in testimony["packages"]}
    stray = next((package for package, found in owners.items() if not found), None)
    if stray is not None:
        raise ObstacleError(f"it uses the installed module {stray}, which belongs to no distribution")
    return {name for found in owners.values() for name in found}


def _named(path: str, root: Path) -> str:
    """Below the project's folder as from there, so that another machine finds it, too."""
    place = Path(path)
    return str(place.relative_to(root)) if place.is_relative_to(root) else path


def _present(what: str, root: Path) -> str:
    if what.startswith(_PACKAGE):
        return identity_of(what.removeprefix(_PACKAGE)) or ""
    return _state(str(root / what.removeprefix(_FILE)))


def _state_since(path: str, since: float) -> str:
    """Of a file that was not touched meanwhile: what was read is what is there."""
    before = _look(path)
    if before is not None and before.st_ctime > since - _STEP_S:
        raise ObstacleError(f"{path} was changed while it ran")
    state = _state(path)
    if state == _UNFIT:
        raise ObstacleError(f"it uses {path}, which is too large to be hashed, or no file")
    return state


def _look(path: str) -> os.stat_result | None:
    with suppress(OSError):
        return Path(path).stat()
    return None


def _state(path: str) -> str:
    """Empty for what is not there, or cannot be read."""
    found = _look(path)
    if found is None or not os.access(path, os.R_OK):
        return ""
    if stat.S_ISDIR(found.st_mode):
        return hashlib.sha256("\n".join(sorted(os.listdir(path))).encode()).hexdigest()  # noqa: PTH208 - names
    if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST or _is_of_the_system(path):
        return _UNFIT
    marks = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    settled = max(found.st_mtime, found.st_ctime) < time.time() - _SETTLED_S
    return _digest(path, marks) if settled else _digest.__wrapped__(path, marks)


def _is_of_the_system(path: str) -> bool:
    """A testimony may be forged, and some of these files never end."""
    return os.path.realpath(path).startswith(SYSTEM)


@lru_cache(maxsize=4096)
def _digest(path: str, _marks: tuple[int, ...]) -> str:
    """What was touched lately may be touched again without its times showing it."""
    return sha256(Path(path))
