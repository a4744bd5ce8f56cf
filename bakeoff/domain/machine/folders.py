"""Folders: which of them are Bakeoff's own, and how much room is left on the disk of one."""

import errno
import os
import shutil
from pathlib import Path

from bakeoff.domain.errors import InvalidInputError

#: The checkout, or the folder of installed packages.
SOURCES = Path(__file__).resolve().parents[3]

#: The packages there that are ours; everything else on the import path is a project's or a library's.
PACKAGES = ("bakeoff", "registry", "tasks")

#: Those of them that a cell needs. There a project's own `tasks.py` is what `import tasks` finds.
PACKAGES_IN_CELLS = ("bakeoff", "registry")


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

    It lies in the temporary folder, which unlike XDG_RUNTIME_DIR is still there after logout.
    """
    import tempfile

    return Path(tempfile.gettempdir()) / f"bakeoff-{os.geteuid()}"


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MB = 1_000_000


def is_lack_of_room(error: OSError) -> bool:
    """The disk is full, or the user's share of it; or so are all that temporary files may go to."""
    return error.errno in _FULL or "No usable temporary directory" in str(error)


def place_of(folder: Path) -> Path:
    """Where that folder is, or would be made."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(place_of(folder)).free


def free(folder: Path) -> str:
    return f"{mb(free_bytes(folder))} are free in {folder}"


def mb(size: int) -> str:
    return f"{size / _MB:,.0f} MB"
