"""What an entry is given: its scratch folder, its outputs, and a way to report its phase."""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import RawIOBase
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PHASE_CHARS = 64
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class EntryFailure(Exception):  # noqa: N818 - not raised by a mistake: the entry reports it
    """Raised by an entry to report a failure in words of its own."""

    def __init__(self, type: str, message: str, hint: str = "", traceback: str = "") -> None:  # noqa: A002 - the word of the outcome
        super().__init__(type, message, hint, traceback)
        self.type = type
        self.message = message
        self.hint = hint
        self.traceback = traceback


class NoRoomError(OSError):
    """The disk that outputs go to is full, which is no fault of the code in the cell."""


class Output(RawIOBase):
    """The file behind an output.

    numpy does not take it for a file. It would write to the descriptor of a file, and lose the error number.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        left = whole = memoryview(data).cast("B")
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            if error.errno in FULL:
                raise NoRoomError(error.errno, error.strerror) from None
            raise
        return len(whole)

    def empty(self) -> None:
        """Discard what was written."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._descriptor)


class CellApi:
    def __init__(
        self,
        *,
        scratch: Path,
        report: int,
        outputs: Mapping[str, int],
        inputs: Mapping[str, int] | None = None,
    ) -> None:
        self.scratch = scratch  #: private, writable, gone when the cell ends
        self._report = report
        self._outputs = dict(outputs)
        self._inputs = dict(inputs or {})
        self._opened: list[Output] = []
        self._kept: list[object] = []

    @property
    def descriptors(self) -> list[int]:
        """Those of this order alone, while none of its outputs and inputs has been opened."""
        return [self._report, *self._outputs.values(), *self._inputs.values()]

    def phase(self, name: str) -> None:
        """Report which phase begins: an error from here on is reported as one of this phase."""
        self.write(encode({"phase": name[:PHASE_CHARS]}))

    def keep(self, thing: object) -> None:
        """Hold it until the cell ends, which finalises nothing: a `__del__` that hangs costs no result."""
        self._kept.append(thing)

    def output(self, name: str) -> Output:
        """The file behind an output that the order names, once; it is moved to its place on return."""
        if name not in self._outputs:
            left = ", ".join(sorted(self._outputs)) or "none"
            raise KeyError(f"{name!r} is not an output that can be opened: left are {left}; each opens once")
        file = Output(self._outputs.pop(name))
        self._opened.append(file)
        return file

    def input(self, name: str) -> IO[bytes]:
        """The file behind an input that the order names, once. FileNotFoundError: it was not there."""
        if name not in self._inputs:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return os.fdopen(self._inputs.pop(name), "rb")

    def flush(self) -> None:
        """Close the outputs, and what was not opened."""
        for file in self._opened:
            file.close()
        for unopened in (self._outputs, self._inputs):
            while unopened:
                with suppress(OSError):  # other code in the process may have closed it
                    os.close(unopened.popitem()[1])

    def close(self) -> None:
        """Nothing more is reported, and what was kept may go: the cell goes on without this order."""
        self.flush()
        self._kept.clear()
        os.close(self._report)

    def write(self, report: bytes) -> None:
        line = memoryview(report)
        while line:
            line = line[os.write(self._report, line) :]


def open_inputs(inputs: Mapping[str, Path]) -> dict[str, int]:
    """Descriptors of those that are there. The entry misses the others when it opens them."""
    opened = {}
    for name, file in inputs.items():
        with suppress(FileNotFoundError):
            opened[name] = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    return opened


@contextmanager
def without_cell(
    scratch: Path, outputs: Mapping[str, Path], inputs: Mapping[str, Path] | None = None
) -> Iterator[CellApi]:
    """For an entry that is called in this process: what it gets in a cell, but the report goes nowhere."""
    opened = {name: os.open(file, os.O_WRONLY | os.O_CREAT, 0o600) for name, file in outputs.items()}
    with Path(os.devnull).open("wb") as report:
        inside = CellApi(
            scratch=scratch, report=report.fileno(), outputs=opened, inputs=open_inputs(inputs or {})
        )
        try:
            yield inside
        finally:  # this process goes on, also when the entry raised
            inside.flush()


def encode(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
