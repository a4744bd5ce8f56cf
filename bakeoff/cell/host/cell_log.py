"""The log of a cell: what it prints, up to a limit, in a file that can be followed, and its last lines."""

import os
import re
from math import inf
from time import monotonic

from bakeoff.cell.host.secret_mask import SecretMask

TAIL_BYTES = 4096
_TAIL_BUFFER_BYTES = 4 * TAIL_BYTES
#: What faulthandler prints after the frames of a crash: thousands of characters that help nobody.
_MODULES = re.compile(rb"^Extension modules: .*$\n?", re.MULTILINE)
PIPE_BYTES = 2**20
#: How often the pipe is emptied when the log has reached its limit. At most 50 MB a second are read and
#: dropped.
_PAUSE_S = 0.02


class CellLog:
    """Reads the pipe that is the stdout and stderr of the cell. Never blocks, and survives a full disk."""

    def __init__(self, pipe: int, file: int, limit_kb: int, *, mask: SecretMask | None = None) -> None:
        os.set_blocking(pipe, False)
        self.pipe = pipe
        self._file = file
        self._left = limit_kb * 1024
        self._limit_kb = limit_kb
        self._mask = mask or SecretMask(())
        self._tail = b""
        self._next_read = 0.0
        self.gap = ""  #: what is missing in the file, and why; empty: it is complete
        self.flooded = False  #: the limit was reached: read it when it is due, and do not poll

    @property
    def due_s(self) -> float:
        """Seconds until it must be read, when it is not polled."""
        return max(0.0, self._next_read - monotonic()) if self.flooded else inf

    @property
    def is_due(self) -> bool:
        return self.due_s == 0

    def drain(self) -> bool:
        """Read what is there, once. False when all writers have closed the pipe."""
        try:
            data = os.read(self.pipe, PIPE_BYTES)
        except BlockingIOError:
            data = None
        self._next_read = monotonic() + _PAUSE_S
        if data:
            self._take(self._mask.of_stream(data))
        return data != b""

    def _take(self, data: bytes) -> None:
        if data:
            self._tail = (self._tail + data[-_TAIL_BUFFER_BYTES:])[-_TAIL_BUFFER_BYTES:]
            self._append(data)

    def finish(self) -> str:
        """Read the rest, after the last writer has died. Returns the last lines."""
        for _ in range(2):
            self.drain()
        self._take(self._mask.rest())
        if self.gap:
            self._write(f"\n[{self.gap}]\n".encode())
        tail = _MODULES.sub(b"", self._tail)
        text = tail[-TAIL_BYTES:].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
        return text if len(tail) < TAIL_BYTES else text.partition("\n")[2] or text

    def _append(self, data: bytes) -> None:
        if self.flooded:
            return
        self._write(data[: self._left])
        self._left -= len(data)
        if self._left < 0:
            self.flooded = True
            self._write(f"\n[the log ends here: it reached its limit of {self._limit_kb} KiB]\n".encode())

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            self.gap = f"the log is incomplete: {error.strerror}"
