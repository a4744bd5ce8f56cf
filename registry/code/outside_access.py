"""What a candidate may use from outside its cell: variables of the environment, and files beside its project.

The catalog names both for one candidate, `env: [HF_TOKEN]` and `readable: [~/.cache/huggingface]`, and the
settings name them for all. Only names are stored and compared: the values come from the environment of the
worker, go to the cell with its order, and are masked in what it prints.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bakeoff.cell.inside.cell_main import OWN_VARIABLES
from bakeoff.domain.candidate import Candidate

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Variables that decide how a process is loaded, or that hold secrets of Bakeoff.
_RESERVED = ("BAKEOFF_", "LD_", "PYTHON")
#: In the home folder: what only its owner should read.
_PERSONAL = (".ssh", ".gnupg", ".aws", ".kube", ".netrc", ".pgpass")


class AccessNames(Protocol):
    """A candidate, or the settings for all."""

    @property
    def env(self) -> Sequence[str]: ...

    @property
    def readable(self) -> Sequence[str]: ...


def name_problem(name: str) -> str | None:
    """Why a variable of this name cannot be passed on; None if it can."""
    if not _NAME.fullmatch(name):
        return f"{name!r} is no name of a variable: write names alone, such as HF_TOKEN, and no values"
    if name in OWN_VARIABLES:
        return f"{name} is set in each cell: leave it out"
    if name.startswith(_RESERVED):
        return f"{name} stays closed to candidates: give what they need another name"
    return None


def path_problem(path: str, root: Path, closed: Iterable[Path]) -> str | None:
    """Why this path cannot be opened; None if it can. `closed`: the project's data and secrets."""
    place, home = _place(path, root), Path.home().resolve()
    project = root.resolve()
    if project == place or project.is_relative_to(place) or place == home:
        return f"{path} holds the whole {'home folder' if place == home else 'project'}: name a folder in it"
    if place.is_relative_to(project) and any(
        part.startswith(".") for part in place.relative_to(project).parts
    ):
        return f"{path} is a hidden file of the project, which candidates may not read: name another one"
    for secret in (*closed, *(home / name for name in _PERSONAL)):
        kept = Path(os.path.realpath(secret))
        if place.is_relative_to(kept):
            return (
                f"{path} is part of {secret}, which holds data or secrets and stays closed: name another one"
            )
        if kept.is_relative_to(place):
            return f"{path} holds {secret}, which stays closed: name a folder that does not"
    return None


def problem_of(one: AccessNames, root: Path, closed: Iterable[Path]) -> str | None:
    """The first problem of what a candidate, or the settings, name."""
    closed = tuple(closed)
    names = [f"env: {problem}" for name in one.env if (problem := name_problem(name))]
    paths = [f"readable: {found}" for path in one.readable if (found := path_problem(path, root, closed))]
    return next(iter((*names, *paths)), None)


def with_access_of_all(candidate: Candidate, env: Sequence[str], readable: Sequence[str]) -> Candidate:
    """The candidate with what the settings open to all, besides its own."""
    return replace(
        candidate,
        env=tuple(dict.fromkeys((*candidate.env, *env))),
        readable=tuple(dict.fromkeys((*candidate.readable, *readable))),
    )


def variables_of(those: Iterable[AccessNames]) -> dict[str, str]:
    """The variables that they may have, with the values that this process has."""
    names = dict.fromkeys(name for one in those for name in one.env)
    return {name: os.environ[name] for name in names if name in os.environ and not name_problem(name)}


def outside_paths(those: Iterable[AccessNames], root: Path, closed: Iterable[Path]) -> tuple[Path, ...]:
    """What they may read beside the project, as far as it is there.

    What must stay closed is left out: a link may lead elsewhere than when the catalog was read.
    """
    closed = tuple(closed)
    named = dict.fromkeys(path for one in those for path in one.readable)
    return tuple(
        place
        for path in named
        if not path_problem(path, root, closed) and (place := _place(path, root)).exists()
    )


def below_home(those: Iterable[AccessNames], root: Path, closed: Iterable[Path]) -> dict[str, Path]:
    """Those of them that lie in the home folder, by their place there: a cell has them in its own HOME."""
    home = Path.home()
    closed = tuple(closed)
    found: Mapping[str, Path] = {
        path: home / path.removeprefix("~/") if path.startswith("~/") else Path(path)
        for one in those
        for path in one.readable
        if not path_problem(path, root, closed)
    }
    return {
        str(place.relative_to(home)): place.resolve()
        for place in found.values()
        if place.is_relative_to(home) and place.exists()
    }


def _place(path: str, root: Path) -> Path:
    return Path(os.path.realpath(root / Path(path).expanduser()))
