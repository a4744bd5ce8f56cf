"""Folders: which of them are Bakeoff's own, and how much room is left on the disk of one."""

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bakeoff.domain.errors import InvalidInputError

#: The checkout, or the folder of installed packages.
SOURCES = Path(__file__).resolve().parents[3]

#: The packages there that are ours; everything else on the import path is a project's or a library's.
PACKAGES = ("bakeoff", "registry", "tasks")

#: Those of them that a cell needs. `tasks` is none, so `import tasks` finds a project's own there.
PACKAGES_IN_CELLS = ("bakeoff", "registry")


@contextmanager
def own_packages_first() -> Iterator[None]:
    """For imports of ours. A project that is earlier on the import path may have a `tasks.py`, too."""
    sys.path.insert(0, str(SOURCES))
    try:
        yield
    finally:
        sys.path.remove(str(SOURCES))


def refuse_tasks(path: str) -> None:
    """Refuse `tasks:function`, which a project names to be called outside cells: there `tasks` is ours.

    Without this, the error would say that the project's own module lacks a function that it has.
    """
    if path.partition(":")[0] == "tasks":
        raise InvalidInputError(
            f"{path!r} is looked for in Bakeoff's own package `tasks`: give the module with this function "
            "another name, such as my_tasks; candidates may import a module named tasks"
        )


def runtime_folder() -> Path:
    """The folder of this user's sockets, which no other user can enter.

    It is in the temporary folder and not in XDG_RUNTIME_DIR, which is removed at logout.
    """
    import tempfile

    return Path(tempfile.gettempdir()) / f"bakeoff-{os.geteuid()}"


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MB = 1_000_000


def is_lack_of_room(error: OSError) -> bool:
    """Whether the error says that a disk is full, or the user's share of it, or all temporary folders."""
    return error.errno in _FULL or "No usable temporary directory" in str(error)


def place_of(folder: Path) -> Path:
    """The folder itself if it exists, else the nearest existing folder above it."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(place_of(folder)).free


def free(folder: Path) -> str:
    return f"{mb(free_bytes(folder))} are free in {folder}"


def mb(size: int) -> str:
    return f"{size / _MB:,.0f} MB"
