"""The folder of snapshots: `<dataset id>/<split id>/`, each put there whole, by one rename, or not at all.

    open/      what a cell may read: the manifest, the features, the training labels
    sealed/    what it may not: the test labels, and which rows of the data the test rows are

Two producers that pin the same data at once both succeed: the second finds the first one's folder and keeps
it. What a killed producer leaves is below `.incoming/`, until a pin finds it an hour old and removes it.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from domain.errors import BakeoffError, InfrastructureError
from evaluation.data.manifest import FILE, read_manifest

OPEN = "open"
SEALED = "sealed"
_INCOMING = ".incoming"
_ABANDONED_AFTER_S = 3600


def snapshots_in(snapshots: Path) -> list[Path]:
    return sorted(manifest.parent.parent for manifest in snapshots.glob(f"[!.]*/*/{OPEN}/{FILE}"))


def is_whole(folder: Path) -> bool:
    """Whether all files are there and as long as they were: what was truncated or removed is pinned anew."""
    try:
        sizes = read_manifest(folder / OPEN).sizes
        return all((folder / file).stat().st_size == size for file, size in sizes.items())
    except (BakeoffError, OSError):
        return False


@contextmanager
def incoming(snapshots: Path) -> Iterator[Path]:
    """A folder to fill, removed at the end unless it was put on the shelf."""
    folder = snapshots / _INCOMING / uuid4().hex
    (folder / OPEN).mkdir(parents=True)
    (folder / SEALED).mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put(filled: Path, folder: Path) -> None:
    for part in (filled / OPEN, filled / SEALED, filled):
        _to_disk(part)
    folder.parent.mkdir(exist_ok=True)
    try:
        filled.rename(folder)
    except OSError:
        if is_whole(folder):
            return
        _set_aside(folder, filled.parent)
        filled.rename(folder)
    _to_disk(folder.parent)
    _to_disk(folder.parent.parent)


def _set_aside(folder: Path, where: Path) -> None:
    aside = where / uuid4().hex
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def sweep(snapshots: Path) -> None:
    for leftover in (snapshots / _INCOMING).glob("*"):
        if _last_touched(leftover) < time.time() - _ABANDONED_AFTER_S:
            shutil.rmtree(leftover, ignore_errors=True)


def _last_touched(folder: Path) -> float:
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:  # somebody else is removing it
        return time.time()


def require_space(snapshots: Path, needed: int) -> None:
    free = shutil.disk_usage(snapshots).free
    if free < needed:
        raise InfrastructureError(
            f"the snapshot needs {needed / 1e6:.0f} MB in {snapshots}, {free / 1e6:.0f} MB are free: "
            "free space, or set sharedDir to a folder on another disk"
        )


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
