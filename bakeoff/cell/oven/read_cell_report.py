"""Reads the report of a cell in its warm parent, and checks it: JSON lines on a pipe.

It comes from a process in which untrusted code runs, which can write to the pipe, too. So each line is
checked; a false one that is well formed can only harm the result of its own cell.
"""

import json
import os
from contextlib import suppress
from typing import Any

from bakeoff.cell.host.cell_outcome import FIRST_PHASE, End, Failure
from bakeoff.cell.host.secret_mask import SecretMask
from bakeoff.cell.inside.cell_api import PHASE_CHARS
from bakeoff.cell.inside.cell_main import FORKED_CHILD

LONGEST = 16 * 2**20
_CHUNK = 2**16
_REPORTED_ENDS = frozenset({End.RETURNED, End.RAISED, End.EXITED, End.MEMORY, End.SCRATCH_FULL, End.NO_ROOM})


class BadReportError(Exception):
    """The report is malformed. Our code does not write that, so other code in the cell did."""


class ForkedChildError(BadReportError):
    """A child that the code in the cell forked has returned from it, and may have written to the outputs."""


class CellReport:
    def __init__(self, pipe: int, mask: SecretMask) -> None:
        os.set_blocking(pipe, False)
        self.pipe = pipe
        self._mask = mask
        self.phase = FIRST_PHASE
        self.end: End | None = None
        self.value: Any = None
        self.error: Failure | None = None
        self.exit_code: int | None = None
        self._partial = bytearray()
        self._read = 0

    def drain(self) -> bool:
        """Read what is there, once. False when all writers have closed the pipe."""
        try:
            data = os.read(self.pipe, _CHUNK)
        except BlockingIOError:
            return True
        self._read += len(data)
        if self._read > LONGEST:
            raise BadReportError(f"it is longer than {LONGEST // 2**20} MiB")
        *lines, rest = data.split(b"\n")
        if lines:
            self._take(bytes(self._partial) + lines[0])
            for line in lines[1:]:
                self._take(line)
            self._partial.clear()
        self._partial += rest
        return data != b""

    def finish(self) -> None:
        """Read the rest, after the last writer has died."""
        while True:
            before = self._read
            if not self.drain() or self._read == before:
                break
        if self._partial and self.end is not None:
            raise BadReportError("something follows its end")

    def _take(self, line: bytes) -> None:
        if line + b"\n" == FORKED_CHILD:  # before or after the end of the cell itself
            raise ForkedChildError
        if self.end is not None:
            raise BadReportError("something follows its end")
        try:
            self._apply(json.loads(line))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            shown = line[:80].decode("ascii", "backslashreplace")
            raise BadReportError(f"{shown!r} is not a line of a report: {type(error).__name__}") from error

    def _apply(self, message: Any) -> None:
        if "phase" in message:
            self.phase = self._mask.of_text(_text(message["phase"]))[:PHASE_CHARS]
            return
        end = End(message["end"])
        if end not in _REPORTED_ENDS:
            raise ValueError(end)
        self.value = self._mask.of_value(_storable(message.get("value")))
        error, code = message.get("error"), message.get("exit_code")
        self.error = None if error is None else Failure(**{key: _text(error[key]) for key in error})
        self.exit_code = None if code is None else int(code)
        if (end is End.RETURNED) is (self.error is not None):
            raise ValueError(end)
        self.end = end


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _storable(value: Any) -> Any:
    """The value, if it can be written as UTF-8. Lone surrogates cannot, and would fail where it is stored."""
    with suppress(RecursionError):
        json.dumps(value, ensure_ascii=False).encode()
        return value
    raise ValueError("nested too deep")
