"""The import path of a plugin's cell, and the paths that it may read."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bakeoff.cell.confinement.file_grants import Closed, Marks
from bakeoff.domain.candidate import Candidate
from bakeoff.domain.machine.own_packages_and_disk_space import SOURCES
from registry.code.class_import import is_of_another_project
from registry.code.model_building import is_class_mapping, is_object_mapping
from registry.code.permitted_environment_and_files import outside_paths


def import_path(root: Path) -> tuple[str, ...]:
    """The folders beside the libraries: those of this process, then `root`, then a checkout of Bakeoff.

    The checkout comes last, so that `import tasks` finds a project's own module before ours. Other projects
    that this process works with are left out: their modules may have the same names.
    """
    pythons = (sys.prefix, sys.base_prefix)
    known = [
        entry
        for entry in sys.path
        if entry.startswith("/") and not entry.startswith(pythons) and not is_of_another_project(entry, root)
    ]
    entries = dict.fromkeys([*known, str(root.resolve())])
    checkout = [entry for entry in entries if entry == str(SOURCES)]
    return (*(entry for entry in entries if entry not in checkout), *checkout)


def readable_paths(
    root: Path, *, candidates: Iterable[Candidate] = (), closed: Iterable[Path] = ()
) -> tuple[Path, ...]:
    """What a cell may read: the folders of the import path, those of candidates that are files, and what the
    candidates are to read besides.

    Hidden entries (`.env`, `.git`) and whatever is in `closed` are left out.
    """
    closed_files = Closed.of(closed)
    candidates, closed = tuple(candidates), tuple(closed)
    outside = outside_paths(candidates, root, closed)
    folders = (*import_path(root), *map(str, _folders_of_files(candidates, root)))
    places = tuple(dict.fromkeys(map(os.path.realpath, folders)))
    marks = closed_files.marks_of(places)
    known_marks, found = _found.get((places, closed_files), (None, ()))
    if marks is None or marks != known_marks:
        opened = (path for place in places for path in closed_files.all_within_but_these(place))
        found = tuple(map(Path, dict.fromkeys(opened)))
        _remember(places, closed_files, marks, found)
    return (*found, *outside)


#: Listing the folders takes longer than a short job, so results are kept until one of the folders changes.
_found: dict[tuple[tuple[str, ...], Closed], tuple[Marks, tuple[Path, ...]]] = {}
_MOST_REMEMBERED = 64


def _remember(places: tuple[str, ...], closed_files: Closed, marks: Marks, found: tuple[Path, ...]) -> None:
    """Keeps a result, unless there are symbolic links: what they lead to can change without these folders."""
    if len(_found) >= _MOST_REMEMBERED:
        _found.clear()
    if not any(path.is_symlink() for path in found):
        _found[places, closed_files] = marks, found


def class_paths(candidate: Candidate) -> Iterator[str]:
    """The path of each class that it is made of, those in its parameters included."""
    parts = [(step.path, step.params) for step in candidate.steps]
    if candidate.path:
        parts.append((candidate.path, candidate.params))
    for path, params in parts:
        yield path
        yield from _nested_paths(params)


def _nested_paths(value: Any) -> Iterator[str]:
    if is_class_mapping(value):
        yield value["class"]
    if is_object_mapping(value):
        yield value["object"]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _nested_paths(item)


def _folders_of_files(candidates: Iterable[Candidate], root: Path) -> Iterator[Path]:
    for candidate in candidates:
        for path in class_paths(candidate):
            file = path.rpartition(":")[0]
            if file.endswith(".py"):
                yield (root / file).resolve().parent
