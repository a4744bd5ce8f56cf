"""Where the embedded Redis listens: a Unix socket with a short path, in a folder that only this user enters.

The address stands in the file `socket` of the server's folder, so that processes with another TMPDIR find it.
"""

import os
import stat
import sys
from pathlib import Path

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.machine.own_packages_and_disk_space import runtime_folder

_FILE = "socket"
_LONGEST = 107 if sys.platform == "linux" else 103  # bytes of sun_path without the final zero


def read(folder: Path) -> Path | None:
    try:
        place = Path((folder / _FILE).read_text())
    except OSError:
        return None
    return place if place.is_absolute() else None


def expected(folder: Path) -> Path:
    """Where the server listens or would listen: where it did before, if possible, so clients reconnect."""
    former = read(folder)
    return former if former is not None and _is_possible(former.parent) else _new(folder)


def settle(folder: Path) -> Path:
    """Make the folder of the socket and record its place. Called before a keeper is started."""
    place = expected(folder)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    refuse_if_others_reach(place.parent)
    if read(folder) != place:
        draft = folder / f"{_FILE}.new"
        draft.touch(mode=0o600)
        draft.write_text(str(place))
        draft.replace(folder / _FILE)
    return place


def refuse_if_others_reach(folder: Path) -> None:
    if not _is_private(folder):
        raise InfrastructureError(
            f"{folder} must be a folder, not a link, that belongs to user {os.geteuid()} with mode 0700, for "
            "whoever reaches the socket in it commands the workers: remove it, or set TMPDIR to another one"
        )


def _new(folder: Path) -> Path:
    import hashlib

    name = hashlib.sha256(os.fsencode(folder.parent)).hexdigest()[:16]
    place = runtime_folder() / f"{name}.sock"
    if len(os.fsencode(place)) > _LONGEST:
        raise InfrastructureError(
            f"the socket {place} is longer than the {_LONGEST} bytes that the system allows: "
            "set TMPDIR to a shorter folder, such as /tmp, or set brokerUrl"
        )
    return place


def _is_possible(folder: Path) -> bool:
    return _is_private(folder) or (folder.parent.is_dir() and not os.path.lexists(folder))


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
