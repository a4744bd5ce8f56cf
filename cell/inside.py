"""What an entry is given inside the cell: its scratch folder, its outputs, and a way to say where it is."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

PHASE_CHARS = 64


class Fault(Exception):  # noqa: N818 - a failure that the entry reports in its own words
    """The entry reports a failure in its own words instead of an exception's."""

    def __init__(self, type: str, message: str, hint: str = "", traceback: str = "") -> None:  # noqa: A002 - the word of the outcome
        super().__init__(type, message, hint, traceback)
        self.type = type
        self.message = message
        self.hint = hint
        self.traceback = traceback


class Inside:
    def __init__(self, *, scratch: Path, report: int, outputs: Mapping[str, int]) -> None:
        self.scratch = scratch  #: private, writable, gone when the cell ends
        self._report = report
        self._outputs = dict(outputs)
        self._opened: list[BinaryIO] = []

    def phase(self, name: str) -> None:
        """Say what begins now; whatever goes wrong from here on goes wrong in this phase."""
        self.write(encode({"phase": name[:PHASE_CHARS]}))

    def output(self, name: str) -> BinaryIO:
        """The file behind an output that the order names, once; it is moved to its place on return."""
        if name not in self._outputs:
            left = ", ".join(sorted(self._outputs)) or "none"
            raise KeyError(f"{name!r} is not an output that can be opened: left are {left}; each opens once")
        file = os.fdopen(self._outputs.pop(name), "wb")
        self._opened.append(file)
        return file

    def flush(self) -> None:
        for file in self._opened:
            file.close()

    def write(self, report: bytes) -> None:
        line = memoryview(report)
        while line:
            line = line[os.write(self._report, line) :]


def encode(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
