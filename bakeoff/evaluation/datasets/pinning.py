"""Pinning: a dataset is read, checked and split, once, and becomes a snapshot.

What was pinned a moment ago, so that the same files need not be read again for each of many runs.

Only what is surely the same is taken from memory: toy sets, and files that nobody has touched since, by size
and both times (the time of change cannot be set back). A file that was touched within the last seconds may be
touched again without its times showing it, and what a query or a function returns may be new each time: they
are read anew.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from bakeoff.domain.dataset import DatasetRef
from bakeoff.evaluation.datasets import snapshot_store
from bakeoff.evaluation.datasets.canonical_column import Column
from bakeoff.evaluation.datasets.canonical_table import Table, address, table_of
from bakeoff.evaluation.datasets.column_files import to_disk, write_array, write_rows, write_text
from bakeoff.evaluation.datasets.dataset_checks import split_warnings
from bakeoff.evaluation.datasets.dataset_sources import files_of, read
from bakeoff.evaluation.datasets.row_split import Split, split_by_column, split_by_files, split_by_seed
from bakeoff.evaluation.datasets.snapshot import TEST, TEST_LABELS, TEST_ROWS, TRAIN, TRAIN_LABELS, folder_of
from bakeoff.evaluation.datasets.snapshot_manifest import FILE, SnapshotManifest
from bakeoff.evaluation.datasets.snapshot_store import OPEN, SEALED
from bakeoff.settings.setting_definitions import DatasetSettings, DatasetSource

#: Beside the values themselves: headers, offsets of text, and room to breathe.
SPARE_BYTES = 64_000_000


@dataclass(frozen=True, kw_only=True)
class Pinned:
    ref: DatasetRef
    folder: Path
    files: tuple[Path, ...]  #: what it was read from, absolute; to be closed to cells
    warnings: tuple[str, ...]  #: sentences for the person who starts the run


def pin(
    dataset: DatasetSettings, *, name: str, root: Path, snapshots: Path, seed: int, test_size: float
) -> Pinned:
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        table = table_of(read(dataset, root), dataset, threads)
        oddities = threads.submit(
            table.warnings
        )  # the long ones first, so that all end at about the same time
        splitting = threads.submit(_split, table, seed, test_size)
        dataset_id = table.dataset_id(threads.map(Column.digest, table.columns))
        split = splitting.result()
        warnings = (*oddities.result(), *split.warnings, *split_warnings(table.target, split))
        ref = _ref(table, split, name, dataset_id)
        folder = folder_of(snapshots, ref.dataset_id, ref.split_id)
        snapshot_store.keep(
            folder,
            needed=table.nbytes + SPARE_BYTES,
            fill=lambda filled: _fill(filled, table, split, ref, threads),
        )
    return Pinned(ref=ref, folder=folder, files=files_of(dataset, root), warnings=warnings)


def _split(table: Table, seed: int, test_size: float) -> Split:
    if table.split_column is not None:
        return split_by_column(table.split_column)
    if table.train_rows is not None:
        return split_by_files(table.train_rows, table.rows)
    return split_by_seed(table.rows, table.target.codes, seed=seed, test_size=test_size)


def _ref(table: Table, split: Split, name: str, dataset_id: str) -> DatasetRef:
    return DatasetRef(
        dataset_id=dataset_id,
        split_id=address([dataset_id, split.how]),
        name=name,
        target=table.target.name,
        target_kind=table.target.kind,
        classes=tuple(str(label) for label in table.target.classes),
        train_rows=len(split.train),
        test_rows=len(split.test),
        columns=len(table.features),
    )


def _fill(folder: Path, table: Table, split: Split, ref: DatasetRef, threads: Executor) -> None:
    given, kept = folder / OPEN, folder / SEALED
    write_rows(given, TRAIN, table.features, split.train, threads)
    going_to_disk = threads.map(to_disk, list(given.iterdir()))  # while the rest is written
    write_rows(given, TEST, table.features, split.test, threads)
    write_array(given / TRAIN_LABELS, table.target.labels[split.train])
    write_array(kept / TEST_LABELS, table.target.labels[split.test])
    write_array(kept / TEST_ROWS, split.test.astype("int64"))
    manifest = SnapshotManifest(
        ref=ref,
        classes=table.target.classes,
        fields=tuple(column.field for column in table.features),
        split=split.how,
        sizes={str(path.relative_to(folder)): path.stat().st_size for path in folder.glob("*/*")},
    )
    write_text(given / FILE, manifest.to_text())
    list(going_to_disk)
    list(threads.map(to_disk, folder.glob("*/*")))


_MOST = 64
_SETTLED_S = 3.0  #: longer than the steps of any file system's clock
_FILES = (DatasetSource.CSV, DatasetSource.PARQUET)

Marks = tuple[tuple[int, ...], ...]


class _Known(NamedTuple):
    marks: Marks
    pinned: Pinned


class PinCache:
    """Safe to share between threads. Its `pin` is that of this module, and quicker."""

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
            return known.pinned if snapshot_store.find(known.pinned.folder) else None
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
