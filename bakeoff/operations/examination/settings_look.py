"""Settings that are right one by one, and do not fit together or to the machine."""

import os
from collections.abc import Iterator

import psutil

from bakeoff.operations.examination.diagnosis import Diagnosis, ok, warn
from bakeoff.settings.setting_definitions import Settings

_MB = 1024 * 1024


def agreement(settings: Settings) -> Iterator[Diagnosis]:
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
