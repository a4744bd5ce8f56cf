"""The machine: Python, libraries, what the kernel offers, room on the disk."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from bakeoff.cell.confinement import landlock
from bakeoff.domain.machine.folders import place_of
from bakeoff.operations.examination.diagnosis import Diagnosis, fail, ok, warn
from bakeoff.settings.configuration import Configuration

_PYTHONS = ((3, 11), (3, 12))
_CELERY = "5.7."
_LIBRARIES = ("celery", "redis", "sqlalchemy", "scikit-learn", "pandas", "numpy")
_FULL_PROTECTION_ABI = 6
_LITTLE_BYTES, _TOO_LITTLE_BYTES = 2_000_000_000, 200_000_000
_LITTLE_SHARE = 0.05


def machine() -> Iterator[Diagnosis]:
    yield _python()
    yield _libraries()
    yield _platform()
    yield _cells()


def _python() -> Diagnosis:
    version = platform.python_version()
    if sys.version_info[:2] in _PYTHONS:
        return ok("Python", version)
    return warn("Python", f"{version} is not one that is tested", "use Python 3.11 or 3.12")


def _libraries() -> Diagnosis:
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    if versions["celery"].startswith(_CELERY):
        return ok("libraries", said)
    return fail("libraries", f"celery is {versions['celery']}", "pip install 'celery[redis]>=5.7,<5.8'")


def _platform() -> Diagnosis:
    said = f"{platform.system()} {platform.machine()}"
    if said == "Linux x86_64":
        return ok("platform", said)
    return warn(
        "platform",
        f"{said}: no embedded Redis in the box, stray processes of candidates may stay behind",
        "install redis-server, or run on Linux x86_64",
    )


def _cells() -> Diagnosis:
    abi = landlock.abi()
    if abi >= _FULL_PROTECTION_ABI:
        return ok("cells", f"closed off by Landlock, ABI {abi}")
    if abi:
        return ok("cells", f"files are closed off by Landlock, ABI {abi}; signals are from ABI 6 on")
    return warn(
        "cells",
        "the kernel has no Landlock: candidates are kept from accidents, not from malice",
        "run only candidates that you trust, or use a Linux kernel from 5.13 on",
    )


def folders(configuration: Configuration) -> Iterator[Diagnosis]:
    if configuration.settings.shared_dir is not None:
        yield _shared(configuration.shared_dir)
    yield from disks(configuration.written)


def _shared(folder: Path) -> Diagnosis:
    if not folder.is_dir():
        return fail("sharedDir", f"there is no folder {folder}", "mount it, or make it, or correct sharedDir")
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ok("sharedDir", f"{folder} can be written to")
    except OSError as exc:
        cure = "give this user the right to write to it, or correct sharedDir"
        return fail("sharedDir", f"{folder} cannot be written to: {exc.strerror}", cure)


def disks(folders: Iterable[Path]) -> Iterator[Diagnosis]:
    """Each disk once, however many of the folders are on it."""
    by_disk = {place_of(folder).stat().st_dev: folder for folder in reversed(tuple(folders))}
    return (_disk(folder, *shutil.disk_usage(place_of(folder))) for folder in reversed(by_disk.values()))


def _disk(folder: Path, total: int, _used: int, free: int) -> Diagnosis:
    share = free / max(total, 1)  # what is no disk has no size
    said = f"{free / 1e9:,.1f} GB free, {share:.0%} of the disk, for {folder}"
    if free < _TOO_LITTLE_BYTES:
        cure = (
            "make room, `bakeoff gc` removes what nothing cites; or set dataDir or sharedDir to another disk"
        )
        return fail("disk", said, cure)
    if free < _LITTLE_BYTES or free < _LITTLE_SHARE * total:
        return warn("disk", said, "make room soon: each new dataset is copied there once; see `bakeoff gc`")
    return ok("disk", said)
