"""The caps: how many evaluations run at once. They follow the configuration file while runs go on.

The main process of a worker looks at the file, and all processes of its pool see what it found there.
"""

import logging
import mmap
import struct
from pathlib import Path

from bakeoff.domain.errors import InvalidInputError
from bakeoff.settings.configuration import Configuration, load
from bakeoff.settings.setting_definitions import Settings
from bakeoff.store.bakeoffs.leases import Caps

log = logging.getLogger(__name__)

_FORMAT = "qq"

#: Per node and overall, as they were found last, seen by all processes of the pool; 0: as at the start.
_found = mmap.mmap(-1, struct.calcsize(_FORMAT))


def present(settings: Settings) -> Caps:
    """As they were announced last; if they never were, as in the settings that this process began with."""
    per_node, overall = struct.unpack(_FORMAT, _found[:])
    return Caps(per_node=per_node, overall=overall) if per_node else _of(settings)


def announce(caps: Caps) -> None:
    """To this process, and to those that it has forked and will fork."""
    _found[:] = struct.pack(_FORMAT, caps.per_node, caps.overall)


def _of(settings: Settings) -> Caps:
    return Caps(per_node=settings.eval_workers, overall=settings.overall_cap)


class Follower:
    """Reads the configuration file again when it has changed and come to rest: it may be half written before.

    What the command line or the environment says goes before the file, as ever.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._caps = _of(configuration.settings)
        self._seen = self._read = _NOTHING

    def look(self) -> Caps | None:
        """The caps if they have changed. To be asked every now and then; it is right at the second time."""
        before, self._seen = self._seen, _mark(self._configuration.file)
        if self._seen in {self._read, _NOTHING} or self._seen != before:
            return None
        self._read = self._seen
        former, self._caps = self._caps, self._of_the_file()
        return self._caps if self._caps != former else None

    def _of_the_file(self) -> Caps:
        try:
            settings = load(self._configuration.file, overrides=self._configuration.flags).settings
        except InvalidInputError as exc:
            log.warning("evalWorkers and maxRunning stay as they are: %s", exc)
            return self._caps
        return _of(settings)


#: What a file that is not there, or cannot be reached, looks like.
_NOTHING = (0, 0, 0)


def _mark(file: Path | None) -> tuple[int, int, int]:
    """What is another one when the file is another one."""
    try:
        found = file.stat() if file else None
    except OSError:
        found = None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found else _NOTHING
