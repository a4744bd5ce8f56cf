"""Remembers what was pinned, so that many runs of the same files read them once, also in other processes.

It is used only if the data are certainly the same: for toy sets, and for files whose size and times are
unchanged (the time of change cannot be set back). Read again are files that changed within the last seconds,
because another change may leave the same times; and queries and functions, which may return something else
each time. Where all is remembered, the libraries that read data are not even imported.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Self

from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.snapshot_reference_and_split_design import ONE_SPLIT, Design, Pinned
from bakeoff.evaluation.datasets import snapshot_store
from bakeoff.evaluation.user_functions.dataset_functions import NOTHING_BARRED, Barred
from bakeoff.settings.setting_definitions import DatasetSettings, DatasetSource
from registry.code.library_versions import cell_environment

_MOST_REMEMBERED = 64
_SETTLED_S = 3.0  #: longer than the clock steps of any file system
_FILES = (DatasetSource.CSV, DatasetSource.PARQUET)

Marks = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class PinRequest:
    """Which dataset is to become a snapshot, with which split."""

    dataset: DatasetSettings
    name: str  #: as the configuration names the dataset
    root: Path  #: relative paths of the dataset start here
    snapshots: Path  #: the folder of snapshots
    seed: int
    test_size: float
    design: Design = ONE_SPLIT
    barred: Barred = NOTHING_BARRED  #: what a function that returns the data may not open

    def decisive(self) -> list[Any]:
        """All that the snapshot depends on beside the data and the libraries, as JSON."""
        data = self.dataset.model_dump_json()
        return [
            *(data, self.name, str(self.root), str(self.snapshots), self.seed, self.test_size),
            self.design.to_json(),
        ]


class _RememberedPin(NamedTuple):
    marks: Marks
    pinned: Pinned

    def to_json(self) -> dict[str, Any]:
        return {"marks": self.marks, "pinned": self.pinned.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(tuple(map(tuple, data["marks"])), Pinned.from_json(data["pinned"]))


class PinCache:
    """Any number of threads may share one, and any number of processes its file.

    Of two processes that write at once, what one writes may be lost: it is pinned again another time. A file
    that cannot be read or written is ignored.
    """

    def __init__(self, file: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._clock = clock
        self._known = _read(file)
        self._recalled: set[str] = set()  #: names whose dataset was remembered when it was last pinned
        self._lock = Lock()  #: for adding and removing: two threads could remove the same entry

    def is_likely_to_know(self, name: str) -> bool:
        """Whether this dataset needed no reading the last time. Looks at no file, so it may be wrong."""
        return name in self._recalled

    def pin(self, asked: PinRequest) -> Pinned:
        marks = self._marks(asked.dataset, asked.root)
        # Other versions of the libraries, or of ours, may read other values from the same bytes.
        decisive = [*asked.decisive(), cell_environment()]
        key = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
        if (known := self._recall(key, marks)) is not None:
            self._recalled.add(asked.name)
            return known
        self._recalled.discard(asked.name)
        from bakeoff.evaluation.datasets.pin_snapshot import pin  # takes long to load

        pinned = pin(asked)
        if marks is not None and marks == self._marks(asked.dataset, asked.root):
            self._remember(key, _RememberedPin(marks, pinned))
        return pinned

    def _recall(self, key: str, marks: Marks | None) -> Pinned | None:
        """What was pinned before; None if it is unknown or its snapshot is gone. Touching it keeps it."""
        known = self._known.get(key)
        if known is None or known.marks != marks:
            return None
        try:
            return known.pinned if snapshot_store.find_and_touch(known.pinned.folder) else None
        except OSError:  # the whole folder of snapshots is gone
            return None

    def _remember(self, key: str, known: _RememberedPin) -> None:
        with self._lock:
            others = {**self._known, **_read(self._file)}
            others.pop(key, None)
            self._known = dict(list({**others, key: known}.items())[-_MOST_REMEMBERED:])
            _write(self._file, self._known)

    def _marks(self, dataset: DatasetSettings, root: Path) -> Marks | None:
        """A value that changes when the files change; None if that cannot be known."""
        if dataset.source is DatasetSource.SKLEARN:
            return ()
        if dataset.source not in _FILES:
            return None
        from bakeoff.evaluation.datasets.sources.read_dataset import dataset_files

        stats = [_stat(file) for file in dataset_files(dataset, root)]
        latest = max(max(stat.st_mtime, stat.st_ctime) for stat in stats)
        if latest > self._clock() - _SETTLED_S:
            return None
        return tuple(
            (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for stat in stats
        )


def _stat(file: Path) -> os.stat_result:
    """The stat of the opened file, because opening makes a network file system ask its server."""
    with file.open("rb") as opened:
        return os.fstat(opened.fileno())


def _read(file: Path) -> dict[str, _RememberedPin]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {key: _RememberedPin.from_json(known) for key, known in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(file: Path, known: Mapping[str, _RememberedPin]) -> None:
    """To another file, which is renamed, so that no process reads half a file."""
    unfinished = file.with_name(f".{file.name}.{new_id()}")
    with suppress(OSError):
        unfinished.write_text(
            json.dumps({key: one.to_json() for key, one in known.items()}), encoding="utf-8"
        )
        unfinished.replace(file)
    with suppress(OSError):
        unfinished.unlink(missing_ok=True)
