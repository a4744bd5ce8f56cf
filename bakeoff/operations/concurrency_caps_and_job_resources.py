"""How many evaluations may run at once (caps), and what of the machine a job gets: threads, memory, disk.

The caps follow the configuration file while runs go on. The main process of a worker reads the file and
announces the caps to all processes of its pool.
"""

import logging
import mmap
import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.machine.own_packages_and_disk_space import free_bytes, mb
from bakeoff.settings.configuration import Configuration, load
from bakeoff.settings.setting_definitions import Settings
from bakeoff.store.bakeoffs.queue.claims import Caps

if TYPE_CHECKING:
    from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import Grant
    from bakeoff.operations.context import Context

log = logging.getLogger(__name__)

_FORMAT = "qq"
_LEAST_FREE_BYTES = 32_000_000


class SharedCaps:
    """The caps that were announced last, by this process or by the one that forked it.

    They are in memory that parent and child share, so this object is made before the fork.
    """

    def __init__(self, settings: Settings) -> None:
        self._at_start = _caps_in(settings)
        #: Per node and overall; zeros until something is announced.
        self._announced = mmap.mmap(-1, struct.calcsize(_FORMAT))

    def present(self) -> Caps:
        """The caps now. Ask again for each decision: they can change at any time."""
        per_node, overall = struct.unpack(_FORMAT, self._announced[:])
        return Caps(per_node=per_node, overall=overall) if per_node else self._at_start

    def announce(self, caps: Caps) -> None:
        """Announces caps to this process, and to those that it has forked or will fork."""
        self._announced[:] = struct.pack(_FORMAT, caps.per_node, caps.overall)


class CapsFollower:
    """Reads the configuration file again when it has changed, but not while it may be half written.

    Command line and environment still come before the file.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._caps = _caps_in(configuration.settings)
        self._seen = self._read = _NO_FILE

    def look(self) -> Caps | None:
        """The caps if they have changed. A change is reported by the second call that sees the same file."""
        before, self._seen = self._seen, _version_of(self._configuration.file)
        if self._seen in {self._read, _NO_FILE} or self._seen != before:
            return None
        self._read = self._seen
        former, self._caps = self._caps, self._caps_in_file()
        return self._caps if self._caps != former else None

    def _caps_in_file(self) -> Caps:
        try:
            settings = load(self._configuration.file, overrides=self._configuration.flags).settings
        except InvalidInputError as exc:
            log.warning("evalWorkers and maxRunning stay as they are: %s", exc)
            return self._caps
        return _caps_in(settings)


def _caps_in(settings: Settings) -> Caps:
    return Caps(per_node=settings.eval_workers, overall=settings.overall_cap)


#: Stands for a file that does not exist or cannot be reached.
_NO_FILE = (0, 0, 0)


def _version_of(file: Path | None) -> tuple[int, int, int]:
    """A value that changes when the content of the file may have changed."""
    try:
        found = file.stat() if file else None
    except OSError:
        found = None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else _NO_FILE


def usual_grant(context: "Context") -> "Grant":
    """The threads and the memory that a cell gets on this machine, if nothing else is asked for it."""
    from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import (
        Grant,
    )  # loads numpy, which a command may not need

    cores = len(os.sched_getaffinity(0))
    per_node = context.shared_caps.present().per_node
    return Grant(threads=max(1, cores // per_node), memory_mb=context.configuration.settings.memory_limit_mb)


def grant_for(candidate: Candidate, context: "Context") -> "Grant":
    usual = usual_grant(context)
    return replace(
        usual,
        threads=candidate.threads or usual.threads,
        memory_mb=candidate.memory_limit_mb or usual.memory_mb,
    )


def full_disk(configuration: Configuration) -> str | None:
    """Which disk is full, and what to do; None as long as there is room.

    On a full disk a job would fail at its end. The disk of the logs is not checked: a job whose log cannot be
    written goes on without it.
    """
    database = configuration.database_file
    for folder in (configuration.predictions, *([database.parent] if database else [])):
        if free_bytes(folder) < _LEAST_FREE_BYTES:
            return (
                f"no room: less than {mb(_LEAST_FREE_BYTES)} are free in {folder}; `bakeoff gc` may make some"
            )
    return None
