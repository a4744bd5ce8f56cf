"""Pinning: a dataset is read, checked and split, once, and becomes a snapshot."""

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from config.settings import DatasetSettings
from domain.dataset import DatasetRef
from evaluation.data import shelf
from evaluation.data.blocks import to_disk, write_array, write_rows, write_text
from evaluation.data.checks import split_warnings
from evaluation.data.column import Column
from evaluation.data.manifest import FILE, Manifest
from evaluation.data.shelf import OPEN, SEALED
from evaluation.data.snapshot import TEST, TEST_LABELS, TEST_ROWS, TRAIN, TRAIN_LABELS, folder_of
from evaluation.data.sources import files_of, read
from evaluation.data.split import Split, split_by_column, split_by_files, split_by_seed
from evaluation.data.table import Table, address, table_of

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
        shelf.keep(
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
    manifest = Manifest(
        ref=ref,
        classes=table.target.classes,
        fields=tuple(column.field for column in table.features),
        split=split.how,
        sizes={str(path.relative_to(folder)): path.stat().st_size for path in folder.glob("*/*")},
    )
    write_text(given / FILE, manifest.to_text())
    list(going_to_disk)
    list(threads.map(to_disk, folder.glob("*/*")))
