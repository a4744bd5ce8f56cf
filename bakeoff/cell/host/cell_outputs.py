"""The files that a cell leaves behind: they get their names, and so their places, when it has returned."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.folders import free

_MB = 2**20
_FLAGS = os.O_WRONLY | os.O_CLOEXEC
_MODE = 0o666
_NEEDS_A_NAME = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}


class _Part:
    """A file without a name, of which nothing is left when its writer is killed.

    A network file system may have no such files: there it has a name from the start.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._draft = place.with_name(f".{place.name}.{uuid4().hex}.part")
        self._is_named = False
        try:
            self.descriptor = os.open(place.parent, os.O_TMPFILE | _FLAGS, _MODE)
        except OSError as error:
            if error.errno not in _NEEDS_A_NAME:
                raise
            self.descriptor = os.open(self._draft, os.O_CREAT | os.O_EXCL | _FLAGS, _MODE)
            self._is_named = True

    @property
    def size(self) -> int:
        return os.fstat(self.descriptor).st_size

    def keep(self) -> None:
        """In two steps, for a link replaces nothing."""
        try:
            os.fsync(self.descriptor)
            if not self._is_named:
                os.link(f"/proc/self/fd/{self.descriptor}", self._draft, src_dir_fd=self.descriptor)
                self._is_named = True
            self._draft.replace(self._place)
            self._is_named = False
        except OSError as error:
            raise InfrastructureError(
                f"{self._place} cannot be written: {error.strerror}; {free(self._place.parent)}"
            ) from error

    def discard(self) -> None:
        """What was not kept."""
        os.close(self.descriptor)
        if self._is_named:
            self._draft.unlink()


class Outputs:
    def __init__(self, places: Mapping[str, Path], limit_mb: int) -> None:
        self._places = places
        self._limit_mb = limit_mb
        self._parts: dict[str, _Part] = {}

    def __enter__(self) -> Self:
        try:
            for name, place in self._places.items():
                self._parts[name] = _Part(place)
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    @property
    def descriptors(self) -> list[int]:
        return [part.descriptor for part in self._parts.values()]

    def too_large(self) -> str | None:
        """The name of one that is larger than allowed."""
        limit = self._limit_mb * _MB
        return next((name for name, part in self._parts.items() if part.size > limit), None)

    def keep(self) -> None:
        """Put to its place what was written; an output that nobody wrote is no file."""
        for part in self._parts.values():
            if part.size:
                part.keep()

    def _discard(self) -> None:
        for part in self._parts.values():
            part.discard()
        self._parts.clear()
