"""What a plugin finds around it in a cell: where modules are sought, and which files it may read."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from domain.candidate import Candidate
from registry.loader import is_class_mapping


def import_path(root: Path) -> tuple[str, ...]:
    """Beside the libraries: wherever this process looks for modules, and last below `root`."""
    pythons = (sys.prefix, sys.base_prefix)
    ours = [entry for entry in sys.path if Path(entry).is_absolute() and not entry.startswith(pythons)]
    return tuple(dict.fromkeys([*ours, str(root.resolve())]))


def readable(
    root: Path, *, candidates: Iterable[Candidate] = (), closed: Iterable[Path] = ()
) -> tuple[Path, ...]:
    """What is in the folders of the import path, and in those of `candidates` that are files.

    Without what is hidden (`.env`, `.git`) and what `closed` holds.
    """
    shut = frozenset(os.path.realpath(path) for path in closed)
    ways = frozenset(above for path in shut for above in _above(path))
    folders = (*map(Path, import_path(root)), *_folders(candidates, root))
    opened = (path for folder in folders for path in _open_in(os.path.realpath(folder), shut, ways))
    return tuple(map(Path, dict.fromkeys(opened)))


def class_paths(candidate: Candidate) -> Iterator[str]:
    """Of each class that it is made of, those in its parameters too."""
    parts = [(step.path, step.params) for step in candidate.steps]
    if candidate.path:
        parts.append((candidate.path, candidate.params))
    for path, params in parts:
        yield path
        yield from _nested_paths(params)


def _nested_paths(value: Any) -> Iterator[str]:
    if is_class_mapping(value):
        yield value["class"]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _nested_paths(item)


def _folders(candidates: Iterable[Candidate], root: Path) -> Iterator[Path]:
    for candidate in candidates:
        for path in class_paths(candidate):
            file = path.rpartition(":")[0]
            if file.endswith(".py"):
                yield (root / file).resolve().parent


def _open_in(folder: str, shut: frozenset[str], ways: frozenset[str]) -> Iterator[str]:
    """`ways` lead to what is shut: such a folder is not opened as a whole, but what else is in it."""
    for child in [] if _is_shut(folder, shut) else _visible_in(folder):
        place = os.path.realpath(child)
        if place in ways:
            yield from _open_in(place, shut, ways)
        elif not _is_shut(place, shut):
            yield child


def _is_shut(place: str, shut: frozenset[str]) -> bool:
    return place in shut or not shut.isdisjoint(_above(place))


def _visible_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return sorted(child.path for child in found if not child.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path
