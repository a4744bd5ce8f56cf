"""What was pinned a moment ago, so that the same files need not be read again for each of many runs.

Only what is surely the same is taken from memory: toy sets, and files that nobody has touched since, by size
and both times (the time of change cannot be set back). A file that was touched within the last seconds may be
touched again without its times showing it, and what a query or a function returns may be new each time: they
are read anew.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from config.settings import DatasetSettings, DatasetSource
from evaluation.data import shelf
from evaluation.data.pinning import Pinned, pin
from evaluation.data.sources import files_of

_MOST = 64
_SETTLED_S = 3.0  #: longer than the steps of any file system's clock
_FILES = (DatasetSource.CSV, DatasetSource.PARQUET)

Marks = tuple[tuple[int, ...], ...]


class _Known(NamedTuple):
    marks: Marks
    pinned: Pinned


class Memory:
    """Safe to share between threads. Its `pin` is that of `evaluation.data.pinning`, and quicker."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._known: OrderedDict[Hashable, _Known] = OrderedDict()
        self._changing = Lock()

    def pin(
        self, dataset: DatasetSettings, *, name: str, root: Path, snapshots: Path, seed: int, test_size: float
    ) -> Pinned:
        key = (dataset.model_dump_json(), name, root, snapshots, seed, test_size)
        marks = self._marks(dataset, root)
        if (known := self._recall(key, marks)) is not None:
            return known
        pinned = pin(dataset, name=name, root=root, snapshots=snapshots, seed=seed, test_size=test_size)
        if marks is not None and marks == self._marks(dataset, root):
            self._remember(key, _Known(marks, pinned))
        return pinned

    def _recall(self, key: Hashable, marks: Marks | None) -> Pinned | None:
        """Found on the shelf, so that nobody takes it away before the run is written."""
        known = self._known.get(key)
        if known is None or known.marks != marks:
            return None
        try:
            return known.pinned if shelf.find(known.pinned.folder) else None
        except OSError:  # the whole shelf is gone
            return None

    def _remember(self, key: Hashable, known: _Known) -> None:
        with self._changing:
            self._known[key] = known
            self._known.move_to_end(key)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)

    def _marks(self, dataset: DatasetSettings, root: Path) -> Marks | None:
        """What tells one state of its files from another; None if nothing does."""
        if dataset.source is DatasetSource.SKLEARN:
            return ()
        if dataset.source not in _FILES:
            return None
        stats = [_look(file) for file in files_of(dataset, root)]
        latest = max(max(stat.st_mtime, stat.st_ctime) for stat in stats)
        if latest > self._clock() - _SETTLED_S:
            return None
        return tuple(
            (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for stat in stats
        )


def _look(file: Path) -> os.stat_result:
    """Of the open file: a network file system then asks the server."""
    with file.open("rb") as opened:
        return os.fstat(opened.fileno())
