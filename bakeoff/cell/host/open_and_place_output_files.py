"""Opens the output files of a cell, and moves them to their places when its entry has returned."""

import errno
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from bakeoff.cell.host.cell_order import Limits
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.machine.own_packages_and_disk_space import free

_MB = 2**20
_FLAGS = os.O_WRONLY | os.O_CLOEXEC
_MODE = 0o666
_NEEDS_A_NAME = {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}


class _Output:
    """A file without a name, so that nothing is left of it when its writer is killed.

    Some network file systems have no such files: there it has a name from the start.
    """

    def __init__(self, place: Path, *, synced: bool) -> None:
        self._place = place
        self._synced = synced
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

    def put_in_place(self) -> None:
        """Gives the file its name. In two steps, because a hard link cannot replace an existing file."""
        try:
            if self._synced:
                os.fsync(self.descriptor)
            if not self._is_named:
                os.link(f"/proc/self/fd/{self.descriptor}", self._draft, src_dir_fd=self.descriptor)
                self._is_named = True
            self._draft.replace(self._place)
            self._is_named = False
        except OSError as error:
            raise _not_written(self._place, error) from error

    def discard(self) -> None:
        """Close the file, and remove it if it was not put in place."""
        os.close(self.descriptor)
        if self._is_named:
            self._draft.unlink()


def wait_for_disk(files: Iterable[Path]) -> None:
    """Returns when they are on the disk. One that is not there, since nobody wrote it, is left out."""
    for file in files:
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            os.fsync(descriptor)
        except OSError as error:
            raise _not_written(file, error) from error
        finally:
            os.close(descriptor)


def _not_written(file: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(f"{file} cannot be written: {error.strerror}; {free(file.parent)}")


class _GrowingOutput:
    """A file in its place, to which is appended: it stays when the cell or its writer is killed."""

    def __init__(self, place: Path) -> None:
        self.descriptor = os.open(place, os.O_CREAT | os.O_APPEND | _FLAGS, _MODE)

    @property
    def size(self) -> int:
        return os.fstat(self.descriptor).st_size

    def put_in_place(self) -> None:
        """It is there already."""

    def discard(self) -> None:
        """Closes the file, and removes nothing."""
        os.close(self.descriptor)


class Outputs:
    def __init__(
        self,
        places: Mapping[str, Path],
        limits: Limits,
        *,
        growing: Sequence[str] = (),
        synced: bool = True,
    ) -> None:
        self._places = places
        self._synced = synced
        self._limits = limits
        self._growing = growing
        self._outputs: dict[str, _Output | _GrowingOutput] = {}

    def __enter__(self) -> Self:
        try:
            for name, place in self._places.items():
                grows = name in self._growing
                self._outputs[name] = _GrowingOutput(place) if grows else _Output(place, synced=self._synced)
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
        return [output.descriptor for output in self._outputs.values()]

    def too_large(self) -> str:
        """Which output is larger than allowed, in words; empty if none is."""
        for name, output in self._outputs.items():
            most_mb = self._limits.of_output(name)
            if output.size > most_mb * _MB:
                size_mb = math.ceil(output.size / _MB)
                return f"the output {name!r} has {size_mb:,} MB, and may have {most_mb:,} MB at most"
        return ""

    def put_in_place(self) -> None:
        """Moves the outputs to their places. One that the entry did not write becomes no file."""
        for output in self._outputs.values():
            if output.size:
                output.put_in_place()

    def _discard(self) -> None:
        for output in self._outputs.values():
            output.discard()
        self._outputs.clear()
