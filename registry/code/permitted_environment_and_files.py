"""Which variables of the environment, and which files beside its project, a candidate may use in its cell.

The catalog names both for one candidate, `env: [HF_TOKEN]` and `readable: [~/.cache/huggingface/hub]`, and
the settings name them for all. Only names are stored and compared: the values come from the environment of
the worker, go to the cell with its order, and are masked in what it prints and returns.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

from bakeoff.cell.inside.cell_main import OWN_VARIABLES
from bakeoff.domain.candidate import Candidate

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Variables that decide how a process is loaded, or that hold secrets of Bakeoff.
_RESERVED = ("BAKEOFF_", "LD_", "PYTHON")
#: In the home folder: what only its owner should read. A token goes to those whose `env` names it.
_PERSONAL = (
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".config/gcloud",
    ".docker",
    ".kube",
    ".cache/huggingface/token",
    ".cache/huggingface/stored_tokens",
    ".git-credentials",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
)


class AccessNames(Protocol):
    """A candidate, or the settings for all."""

    @property
    def env(self) -> Sequence[str]: ...

    @property
    def readable(self) -> Sequence[str]: ...


class AccessProblem(NamedTuple):
    """Why something cannot be opened to candidates, and what to do about it."""

    cause: str
    cure: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.cure}"


def name_problem(name: str) -> AccessProblem | None:
    """Why a variable of this name cannot be passed on; None if it can."""
    if not _NAME.fullmatch(name):
        return AccessProblem(
            f"{name!r} is no name of a variable", "write names alone, such as HF_TOKEN, and no values"
        )
    if name in OWN_VARIABLES:
        return AccessProblem(f"{name} is set in each cell", "leave it out")
    if name.startswith(_RESERVED):
        return AccessProblem(f"{name} stays closed to candidates", "give what they need another name")
    return None


def path_problem(path: str, root: Path, closed: Iterable[Path]) -> AccessProblem | None:
    """Why this path cannot be opened; None if it can. `closed`: the project's data and secrets."""
    place, home = _place(path, root), Path.home().resolve()
    project = root.resolve()
    if project == place or project.is_relative_to(place) or place == home:
        whole = "home folder" if place == home else "project"
        return AccessProblem(f"{path} holds the whole {whole}", "name a folder in it")
    if place.is_relative_to(project) and any(
        part.startswith(".") for part in place.relative_to(project).parts
    ):
        return AccessProblem(
            f"{path} is a hidden file of the project, which candidates may not read", "name another one"
        )
    for secret in (*closed, *(home / name for name in _PERSONAL)):
        kept = Path(os.path.realpath(secret))
        if place.is_relative_to(kept):
            return AccessProblem(
                f"{path} is part of {secret}, which holds data or secrets and stays closed",
                "name another one",
            )
        if kept.is_relative_to(place):
            return AccessProblem(
                f"{path} holds {secret}, which stays closed", "name a folder that does not, such as one in it"
            )
    return None


def problem_of(one: AccessNames, root: Path, closed: Iterable[Path]) -> AccessProblem | None:
    """The first problem with the variables and files that a candidate, or the settings, name."""
    closed = tuple(closed)
    names = (("env", name_problem(name)) for name in one.env)
    paths = (("readable", path_problem(path, root, closed)) for path in one.readable)
    return next(
        (found._replace(cause=f"{key}: {found.cause}") for key, found in (*names, *paths) if found), None
    )


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


def names_at_hand(one: AccessNames, root: Path) -> list[str]:
    """Which of the variables and files that a candidate names are there now, whatever they hold."""
    return [*variables_of([one]), *(path for path in one.readable if _place(path, root).exists())]


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
    """The files that lie in the home folder, by their place there: a cell has them in its own HOME.

    One below another is left out: it is seen through that other, and its own link would be made in the folder
    of the user.
    """
    home = Path.home()
    closed = tuple(closed)
    found: dict[Path, Path] = {}
    for path in dict.fromkeys(path for one in those for path in one.readable):
        # Without `..`, which would lead the link out of the folder of the cell.
        place = Path(os.path.normpath(home / path.removeprefix("~/") if path.startswith("~/") else path))
        target = _place(path, root)
        if home in place.parents and not path_problem(path, root, closed) and target.exists():
            found[place] = target
    return {
        str(place.relative_to(home)): target
        for place, target in found.items()
        if found.keys().isdisjoint(place.parents)
    }


def _place(path: str, root: Path) -> Path:
    return Path(os.path.realpath(root / Path(path).expanduser()))
