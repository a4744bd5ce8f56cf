"""The folder of snapshots: `<dataset id>/<split id>/`, each put there whole, by one rename, or not at all.

    open/      what a cell may read: the manifest, the features, the training labels
    sealed/    what it may not: the test labels, and which rows of the data the test rows are

Two producers that pin the same data at once both succeed: the second finds the first one's folder and keeps
it. What a killed producer leaves is below `.incoming/`, until a pin finds it an hour old and removes it.

A snapshot that nobody cites may be removed, though somebody may just have found it for a new run. So whoever
finds one marks it with the time, and writes the run while `held` says that it is still there; whoever removes
one asks who cites it, and takes no fresh one, while nobody holds any.
"""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from bakeoff.domain.errors import BakeoffError, InfrastructureError, NotFoundError
from bakeoff.domain.folders import free_bytes, mb
from bakeoff.evaluation.datasets.snapshot_manifest import FILE, read_manifest

OPEN = "open"
SEALED = "sealed"
_INCOMING = ".incoming"
_LOCK = ".lock"
_ADDRESS = re.compile("[0-9a-f]{32}")
#: What nobody has touched for so long is not on its way to a run.
_ABANDONED_AFTER_S = 3600

#: Dataset id and split id.
Address = tuple[str, str]


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
    try:
        (folder / OPEN).mkdir(parents=True)
        (folder / SEALED).mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep(folder: Path, *, needed: int, fill: Callable[[Path], None]) -> None:
    """Finds it, or has it filled and puts it there. `needed`: bytes that it will take."""
    snapshots = folder.parent.parent
    try:
        snapshots.mkdir(parents=True, exist_ok=True)
        sweep(snapshots)
        if find(folder):
            return
        require_space(snapshots, needed)
        with incoming(snapshots) as filled:
            fill(filled)
            put(filled, folder)
    except OSError as problem:
        raise InfrastructureError(
            f"the snapshot cannot be written to {snapshots}: {problem}; it needs "
            f"{mb(needed)} there, {mb(free_bytes(snapshots))} are free: "
            "make room, or set dataDir or sharedDir to a folder on another disk"
        ) from problem


def find(folder: Path) -> bool:
    """Whether it is there and whole. Then it is not taken away, though nobody cites it yet."""
    with _turn(folder.parent.parent, fcntl.LOCK_SH):
        if not is_whole(folder):
            return False
        os.utime(folder)
        return True


def put(filled: Path, folder: Path) -> None:
    for part in (filled / OPEN, filled / SEALED, filled):
        _to_disk(part)
    os.utime(filled)
    with _turn(folder.parent.parent, fcntl.LOCK_SH):
        _put(filled, folder)


def _put(filled: Path, folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    try:
        filled.rename(folder)
    except OSError:
        if is_whole(folder):
            os.utime(folder)
            return
        shutil.rmtree(_set_aside(folder, filled.parent), ignore_errors=True)
        filled.rename(folder)
    _to_disk(folder.parent)
    _to_disk(folder.parent.parent)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Nobody takes it away meanwhile: who writes down that it is cited does so in here."""
    if not folder.parent.parent.is_dir():
        raise _taken_away(folder)
    with _turn(folder.parent.parent, fcntl.LOCK_SH):
        if not is_whole(folder):
            raise _taken_away(folder)
        yield


def _taken_away(folder: Path) -> NotFoundError:
    return NotFoundError(f"the snapshot {folder} is not there any more: start a new run of the dataset")


def uncited(snapshots: Path, cited: Callable[[], AbstractSet[Address]]) -> Sequence[Path]:
    """Those that nobody cites, nor has found or put there of late."""
    if not snapshots.is_dir():
        return []
    with _turn(snapshots, fcntl.LOCK_SH):
        return _uncited(snapshots, cited())


def take_away(snapshots: Path, cited: Callable[[], AbstractSet[Address]]) -> Sequence[Path]:
    """Put the uncited where nobody finds them any more; there they can be removed in peace.

    Who cites what is asked while nobody holds a snapshot for a run that is being written.
    """
    if not snapshots.is_dir():
        return []
    with _turn(snapshots, fcntl.LOCK_EX):
        doomed = _uncited(snapshots, cited())
        taken = [_set_aside(folder, snapshots / _INCOMING) for folder in doomed]
        for folder in {folder.parent for folder in doomed}:
            with suppress(OSError):  # it has other splits
                folder.rmdir()
    return taken


def _uncited(snapshots: Path, cited: AbstractSet[Address]) -> list[Path]:
    return [
        folder
        for folder in snapshots.glob("*/*")
        if _ADDRESS.fullmatch(folder.parent.name) and _ADDRESS.fullmatch(folder.name)
        if (folder.parent.name, folder.name) not in cited
        if folder.stat().st_mtime < _long_ago()
    ]


def _set_aside(folder: Path, where: Path) -> Path:
    where.mkdir(exist_ok=True)
    return folder.rename(where / uuid4().hex)


@contextmanager
def _turn(snapshots: Path, how: int) -> Iterator[None]:
    """Many find, put and hold snapshots at once; whoever takes some away is alone."""
    descriptor = os.open(snapshots / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def sweep(snapshots: Path) -> None:
    for leftover in abandoned(snapshots):
        shutil.rmtree(leftover, ignore_errors=True)


def abandoned(snapshots: Path) -> list[Path]:
    """What producers were filling when they were killed."""
    found = (snapshots / _INCOMING).glob("*")
    return [leftover for leftover in found if _last_touched(leftover) < _long_ago()]


def _long_ago() -> float:
    return time.time() - _ABANDONED_AFTER_S


def _last_touched(folder: Path) -> float:
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:  # somebody else is removing it
        return time.time()


def require_space(snapshots: Path, needed: int) -> None:
    free = free_bytes(snapshots)
    if free < needed:
        raise InfrastructureError(
            f"the snapshot needs {mb(needed)} in {snapshots}, {mb(free)} are free: "
            "make room, or set dataDir or sharedDir to a folder on another disk"
        )


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
