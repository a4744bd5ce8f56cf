"""Room on a disk: how much is left, and how to say that it is too little."""

import errno
import shutil
from pathlib import Path

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
