"""The machine: Python, libraries, what the kernel offers, disk space, and settings that do not fit to it."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import psutil

from bakeoff.cell.confinement import landlock
from bakeoff.domain.machine.own_packages_and_disk_space import place_of
from bakeoff.operations.doctor.diagnosis_levels import Diagnosis, fail, ok, warn
from bakeoff.settings.configuration import Configuration
from bakeoff.settings.setting_definitions import Settings

_PYTHONS = ((3, 11), (3, 12))
_CELERY = "5.7."
_LIBRARIES = ("celery", "redis", "sqlalchemy", "scikit-learn", "pandas", "numpy")
_FULL_PROTECTION_ABI = 6
_LITTLE_BYTES, _TOO_LITTLE_BYTES = 2_000_000_000, 200_000_000
_LITTLE_SHARE = 0.05


def check_machine() -> Iterator[Diagnosis]:
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


def check_folders(configuration: Configuration) -> Iterator[Diagnosis]:
    if configuration.settings.shared_dir is not None:
        yield _shared(configuration.shared_dir)
    if unwritable := _unwritable("dataDir", configuration.data_dir):
        yield unwritable
        return  # the room there is says nothing
    yield from disks(configuration.written)


def _shared(folder: Path) -> Diagnosis:
    if not folder.is_dir():
        return fail("sharedDir", f"there is no folder {folder}", "mount it, or make it, or correct sharedDir")
    return _unwritable("sharedDir", folder) or ok("sharedDir", f"{folder} can be written to")


def _unwritable(name: str, folder: Path) -> Diagnosis | None:
    """None if files can be made in it, or, where it is not there yet, in the nearest folder above it."""
    place = place_of(folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            return None
    except OSError as exc:
        cure = f"give this user the right to write to it, or correct {name}"
        return fail(name, f"{place} cannot be written to: {exc.strerror}", cure)


def disks(folders: Iterable[Path]) -> Iterator[Diagnosis]:
    """Each disk once, however many of the folders are on it."""
    by_disk = {place_of(folder).stat().st_dev: folder for folder in reversed(tuple(folders))}
    return (_disk(folder, *shutil.disk_usage(place_of(folder))) for folder in reversed(by_disk.values()))


def _disk(folder: Path, total: int, _used: int, free: int) -> Diagnosis:
    share = free / max(total, 1)  # a file system without a disk has the size 0
    said = f"{free / 1e9:,.1f} GB free, {share:.0%} of the disk, for {folder}"
    if free < _TOO_LITTLE_BYTES:
        cure = (
            "make room, `bakeoff gc` removes what nothing cites; or set dataDir or sharedDir to another disk"
        )
        return fail("disk", said, cure)
    if free < _LITTLE_BYTES or free < _LITTLE_SHARE * total:
        return warn("disk", said, "make room soon: each new dataset is copied there once; see `bakeoff gc`")
    return ok("disk", said)


_MB = 1024 * 1024


def check_settings(settings: Settings) -> Iterator[Diagnosis]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = list(disagreements(settings, cores=cores, memory_mb=psutil.virtual_memory().total // _MB))
    yield from found or [ok("settings", "they fit together and to this machine")]


def disagreements(settings: Settings, *, cores: int, memory_mb: int) -> Iterator[Diagnosis]:
    workers, limit = settings.eval_workers, settings.memory_limit_mb
    if workers > cores:
        yield warn(
            "settings",
            f"evalWorkers is {workers} and there are {cores} cores: candidates slow each other down",
            f"set evalWorkers to {cores} or less, unless candidates wait more than they compute",
        )
    if settings.max_running is not None and settings.max_running < workers:
        yield warn(
            "settings",
            f"maxRunning is {settings.max_running}, less than the {workers} of evalWorkers: slots stay empty",
            "raise maxRunning to evalWorkers times the number of machines, or lower evalWorkers",
        )
    if settings.shared_dir is None and settings.broker_url and not settings.database_url.startswith("sqlite"):
        yield warn(
            "settings",
            "brokerUrl and databaseUrl are those of several machines, and sharedDir is not set: each machine "
            "has snapshots of its own, and cannot work on those of another",
            "set sharedDir to a folder that all machines see, or to dataDir if there is only this machine",
        )
    if limit is not None and limit * workers > memory_mb:
        yield warn(
            "settings",
            f"memoryLimitMb is {limit}, times {workers} evalWorkers more than the {memory_mb} MB there are",
            "lower one of them: otherwise the kernel may kill whom it likes",
        )
    if settings.lease_seconds > settings.evaluation_timeout:
        yield warn(
            "settings",
            f"leaseSeconds is {settings.lease_seconds:g}, longer than evaluationTimeout, "
            f"{settings.evaluation_timeout:g}: a dead worker is noticed later than its job would have ended",
            "lower leaseSeconds",
        )
