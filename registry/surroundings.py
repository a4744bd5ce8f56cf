"""What a plugin finds around it in a cell: where modules are sought, and which files it may read."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from cell.reach import Closed
from domain.candidate import Candidate
from registry.loader import is_class_mapping


def import_path(root: Path) -> tuple[str, ...]:
    """Beside the libraries: wherever this process looks for modules, and last below `root`."""
    pythons = (sys.prefix, sys.base_prefix)
    ours = [entry for entry in sys.path if entry.startswith("/") and not entry.startswith(pythons)]
    return tuple(dict.fromkeys([*ours, str(root.resolve())]))


def readable(
    root: Path, *, candidates: Iterable[Candidate] = (), closed: Iterable[Path] = ()
) -> tuple[Path, ...]:
    """What is in the folders of the import path, and in those of `candidates` that are files.

    Without what is hidden (`.env`, `.git`) and what `closed` holds.
    """
    shut = Closed.of(closed)
    folders = (*import_path(root), *map(str, _folders(candidates, root)))
    places = tuple(dict.fromkeys(map(os.path.realpath, folders)))
    marks = shut.marks_of(places)
    return _found(places, shut) if marks is None else _found_before(places, shut, marks)


@lru_cache(maxsize=64)
def _found_before(places: tuple[str, ...], shut: Closed, marks: tuple[int, ...]) -> tuple[Path, ...]:  # noqa: ARG001 - what it found is right for these marks
    """To look takes longer than a short job does."""
    return _found(places, shut)


def _found(places: tuple[str, ...], shut: Closed) -> tuple[Path, ...]:
    opened = (path for place in places for path in shut.all_within_but_these(place))
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
