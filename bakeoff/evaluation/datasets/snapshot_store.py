"""The folder of snapshots: `<dataset id>/<split id>/`. Each appears there complete, by one rename.

    open/      what a cell may read: the manifest, the features, the training labels
    sealed/    what no cell may read: the test labels, and which rows of the data the test rows are

If two producers pin the same data at once, the second one finds the folder of the first and uses it. A killed
producer leaves a folder below `.incoming/`; a later pin removes it when it is an hour old.

A snapshot that no run uses may be removed. So that none is removed that a producer has just found for a new
run:

    a producer    touches the snapshot that it finds, and writes the run inside `held`, which checks that it
                  is still there
    a remover     holds the lock exclusively while it reads from the database which ones are used, and leaves
                  recently touched ones
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
from bakeoff.domain.machine.own_packages_and_disk_space import free_bytes, mb
from bakeoff.evaluation.datasets.snapshot_layout import MANIFEST, OPEN, SEALED, read_manifest

_INCOMING = ".incoming"
_LOCK = ".lock"
_ADDRESS = re.compile("[0-9a-f]{32}")
#: A snapshot that was not touched for this long belongs to no run that is being started.
_ABANDONED_AFTER_S = 3600

Address = tuple[str, str]  #: dataset id and split id


def snapshots_in(snapshots: Path) -> list[Path]:
    return sorted(manifest.parent.parent for manifest in snapshots.glob(f"[!.]*/*/{OPEN}/{MANIFEST}"))


def is_complete(folder: Path) -> bool:
    """Whether all files are there in their full length; if not, the dataset is pinned anew."""
    try:
        sizes = read_manifest(folder / OPEN).sizes
        return all(os.stat(f"{folder}/{file}").st_size == size for file, size in sizes.items())  # noqa: PTH116 - faster
    except (BakeoffError, OSError):
        return False


@contextmanager
def incoming(snapshots: Path) -> Iterator[Path]:
    """A new folder to fill. It is removed at the end, unless `publish` has renamed it."""
    folder = snapshots / _INCOMING / uuid4().hex
    try:
        (folder / OPEN).mkdir(parents=True)
        (folder / SEALED).mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_or_create(folder: Path, *, needed: int, fill: Callable[[Path], None]) -> None:
    """Find the snapshot, or have `fill` write it. `needed`: bytes that it will take."""
    snapshots = folder.parent.parent
    try:
        snapshots.mkdir(parents=True, exist_ok=True)
        remove_abandoned(snapshots)
        if find_and_touch(folder):
            return
        require_space(snapshots, needed)
        with incoming(snapshots) as filled:
            fill(filled)
            publish(filled, folder)
    except OSError as problem:
        raise InfrastructureError(
            f"the snapshot cannot be written to {snapshots}: {problem}; it needs "
            f"{mb(needed)} there, {mb(free_bytes(snapshots))} are free: "
            "make room, or set dataDir or sharedDir to a folder on another disk"
        ) from problem


def find_and_touch(folder: Path) -> bool:
    """Whether a snapshot is there, complete. If so, it stays for an hour or more, even if no run uses it."""
    with _locked(folder.parent.parent, fcntl.LOCK_SH):
        if not is_complete(folder):
            return False
        os.utime(folder)
        return True


def publish(filled: Path, folder: Path) -> None:
    for part in (*filled.iterdir(), filled):
        _to_disk(part)
    os.utime(filled)
    with _locked(folder.parent.parent, fcntl.LOCK_SH):
        _rename_into_place(filled, folder)


def _rename_into_place(filled: Path, folder: Path) -> None:
    folder.parent.mkdir(exist_ok=True)
    try:
        filled.rename(folder)
    except OSError:  # another producer was faster, or the one that is there is damaged
        if is_complete(folder):
            os.utime(folder)
            return
        shutil.rmtree(_set_aside(folder, filled.parent), ignore_errors=True)
        filled.rename(folder)
    _to_disk(folder.parent)
    _to_disk(folder.parent.parent)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The snapshot is not removed while the block runs. The run that uses it is written in the block."""
    if not folder.parent.parent.is_dir():
        raise _not_there(folder)
    with _locked(folder.parent.parent, fcntl.LOCK_SH):
        if not is_complete(folder):
            raise _not_there(folder)
        yield


def _not_there(folder: Path) -> NotFoundError:
    return NotFoundError(f"the snapshot {folder} is not there any more: start a new run of the dataset")


def unused(snapshots: Path, used: Callable[[], AbstractSet[Address]]) -> Sequence[Path]:
    """Snapshots that no run uses, and that nobody has found or published within the last hour."""
    if not snapshots.is_dir():
        return []
    with _locked(snapshots, fcntl.LOCK_SH):
        return _unused(snapshots, used())


def set_aside_unused(snapshots: Path, used: Callable[[], AbstractSet[Address]]) -> Sequence[Path]:
    """Rename unused snapshots to where no producer looks, so that the caller can remove them at leisure.

    `used` is called while this process alone holds the lock: no run is being written then, so its answer
    stays true until the renames are done.
    """
    if not snapshots.is_dir():
        return []
    with _locked(snapshots, fcntl.LOCK_EX):
        found = _unused(snapshots, used())
        taken = [_set_aside(folder, snapshots / _INCOMING) for folder in found]
        for folder in {folder.parent for folder in found}:
            with suppress(OSError):  # the dataset has other splits
                folder.rmdir()
    return taken


def _unused(snapshots: Path, used: AbstractSet[Address]) -> list[Path]:
    return [
        folder
        for folder in snapshots.glob("*/*")
        if _ADDRESS.fullmatch(folder.parent.name) and _ADDRESS.fullmatch(folder.name)
        if (folder.parent.name, folder.name) not in used
        if folder.stat().st_mtime < _long_ago()
    ]


def _set_aside(folder: Path, where: Path) -> Path:
    where.mkdir(exist_ok=True)
    return folder.rename(where / uuid4().hex)


@contextmanager
def _locked(snapshots: Path, how: int) -> Iterator[None]:
    """LOCK_SH for processes that find, publish and hold snapshots; LOCK_EX for one that removes some.

    Without the lock, a snapshot could be removed after a producer has checked that it is there and before the
    row of the run names it.
    """
    descriptor = os.open(snapshots / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def remove_abandoned(snapshots: Path) -> None:
    for leftover in abandoned(snapshots):
        shutil.rmtree(leftover, ignore_errors=True)


def abandoned(snapshots: Path) -> list[Path]:
    """Folders that producers were filling when they were killed."""
    found = (snapshots / _INCOMING).glob("*")
    return [leftover for leftover in found if _last_touched(leftover) < _long_ago()]


def _long_ago() -> float:
    return time.time() - _ABANDONED_AFTER_S


def _last_touched(folder: Path) -> float:
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:  # another process is removing it
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
