"""The files that a cell leaves behind: written beside their places, and moved there when it has returned."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

_MB = 2**20
_PART = ".part"  #: ending of files that are being written, or were when their supervisor was killed


class Outputs:
    def __init__(self, places: Mapping[str, Path], limit_mb: int) -> None:
        self._places = places
        self._limit_mb = limit_mb
        self._parts: dict[str, Path] = {}
        self._open: dict[str, int] = {}

    def __enter__(self) -> Self:
        try:
            for name, place in self._places.items():
                self._start(name, place)
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
        return list(self._open.values())

    def too_large(self) -> str | None:
        """The name of one that is larger than allowed."""
        sizes = {name: os.fstat(descriptor).st_size for name, descriptor in self._open.items()}
        return next((name for name, size in sizes.items() if size > self._limit_mb * _MB), None)

    def keep(self) -> None:
        """Move to its place what was written; an output that nobody wrote is no file."""
        for name, descriptor in self._open.items():
            if os.fstat(descriptor).st_size:
                os.fsync(descriptor)
                self._parts.pop(name).replace(self._places[name])

    def _start(self, name: str, place: Path) -> None:
        part = place.with_name(f".{place.name}.{uuid4().hex}{_PART}")
        self._open[name] = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._parts[name] = part

    def _discard(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        for part in self._parts.values():
            part.unlink(missing_ok=True)
        self._parts.clear()
