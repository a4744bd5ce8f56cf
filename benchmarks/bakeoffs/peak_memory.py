"""Peak memory of a family of processes: the sum of their proportional set sizes, looked at again and again.

Each look takes the kernel some milliseconds for each process, so nothing else is measured meanwhile.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

from bakeoff.cell.oven.process_tree import descendants

_EVERY_S = 0.05


class Peak:
    """Of all descendants of this process, which must be a child subreaper: from `start` to `stop`."""

    def __init__(self) -> None:
        self.mb = 0.0
        self._over = Event()
        self._watching = Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._watching.start()

    def stop(self) -> float:
        self._over.set()
        self._watching.join()
        return self.mb

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            self.mb = max(self.mb, sum(_pss_mb()))


def _pss_mb() -> Iterator[float]:
    for pid, _ in descendants(os.getpid()):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
        except OSError:
            continue
        yield from (int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))
