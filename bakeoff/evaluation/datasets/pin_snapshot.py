"""Pinning: the producer reads a dataset, checks it, splits it, and writes a snapshot.

Many runs of the same files read them once: see `pin_cache`.
"""

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bakeoff.domain.finding import Finding, with_accepted, worst_first
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef, Pinned
from bakeoff.evaluation.checks.data_findings import findings_on, store_findings, stored_findings
from bakeoff.evaluation.checks.data_profile import profile_of, store_profile, stored_profile
from bakeoff.evaluation.checks.split_checks import divided_group
from bakeoff.evaluation.datasets import snapshot_store
from bakeoff.evaluation.datasets.canonical_column import Column
from bakeoff.evaluation.datasets.canonical_table import Table, address, table_of
from bakeoff.evaluation.datasets.pin_cache import PinRequest
from bakeoff.evaluation.datasets.refuse_unusable_dataset import check_split
from bakeoff.evaluation.datasets.snapshot_frame_files import to_disk, write_array, write_rows, write_text
from bakeoff.evaluation.datasets.snapshot_layout import (
    FOLD_SIZES,
    MANIFEST,
    OPEN,
    REFIT,
    SEALED,
    TEST,
    TEST_GROUPS,
    TEST_LABELS,
    TEST_PLACES,
    TEST_ROWS,
    TRAIN,
    TRAIN_LABELS,
    TRAIN_PLACES,
    UNITS,
    WEIGHTS,
    SnapshotManifest,
    fold_folder,
    folder_of,
)
from bakeoff.evaluation.datasets.sources.read_dataset import dataset_files, read_dataset
from bakeoff.evaluation.datasets.splits.make_split import make_split
from bakeoff.evaluation.datasets.splits.split_train_and_test import FoldRows, Split

#: Bytes of a snapshot beside the values: headers, offsets of text, and some spare room.
SPARE_BYTES = 64_000_000


#: Rows that a model predicts when it is fitted to all rows, to be saved.
REFIT_TEST_ROWS = 100


def pin(asked: PinRequest) -> Pinned:
    dataset = asked.dataset
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        read = read_dataset(dataset, asked.root, barred=asked.barred)
        table = table_of(read, dataset, threads, asked.design)
        splitting = threads.submit(
            make_split, table, asked.design, seed=asked.seed, test_size=asked.test_size
        )
        dataset_id = table.dataset_id(threads.map(Column.digest, table.columns))
        split = splitting.result()
        check_split(table.target, split)
        ref = _ref(table, split, asked.name, dataset_id)
        folder = folder_of(asked.snapshots, ref.dataset_id, ref.split_id)
        known = stored_findings(folder)
        finding = None if known is not None else threads.submit(findings_on, table, split)
        profiling = None if stored_profile(folder) else threads.submit(profile_of, table, split)
        snapshot_store.find_or_create(
            folder,
            needed=table.nbytes + _bytes_of_folds(table, split) + SPARE_BYTES,
            fill=lambda filled: _fill(filled, table, split, ref, threads),
        )
        if finding is not None:
            known = finding.result()
            store_findings(folder, known)
        if profiling is not None:
            store_profile(folder, profiling.result())
        known = _with_divided_group(known or (), table, split)
    return Pinned(
        ref=ref,
        folder=folder,
        files=dataset_files(dataset, asked.root),
        findings=worst_first(with_accepted(known, dataset.accepted)),
    )


def _with_divided_group(known: tuple[Finding, ...], table: Table, split: Split) -> tuple[Finding, ...]:
    """It is not kept beside the snapshot, which is the same whatever group the dataset declares."""
    divided = divided_group(table, split)
    if divided is None:
        return known
    return (divided, *(one for one in known if (one.slug, one.columns) != (divided.slug, divided.columns)))


def _ref(table: Table, split: Split, name: str, dataset_id: str) -> DatasetRef:
    return DatasetRef(
        dataset_id=dataset_id,
        split_id=address([dataset_id, split.how]),
        name=name,
        target=table.target.name,
        target_kind=table.target.kind,
        classes=tuple(str(label) for label in table.target.classes),
        train_rows=split.train_rows,
        test_rows=split.test_rows,
        columns=len(table.features),
        design=split.design,
    )


def _fill(folder: Path, table: Table, split: Split, ref: DatasetRef, threads: Executor) -> None:
    opened, sealed = folder / OPEN, folder / SEALED
    write_rows(opened, TRAIN, table.features, split.train, threads)
    going_to_disk = threads.map(to_disk, list(opened.iterdir()))  # while the rest is written
    labels = table.target.labels
    if split.folds:
        _fill_folds(folder, labels, split)
    else:
        write_rows(opened, TEST, table.features, split.test, threads)
        write_array(opened / TRAIN_LABELS, labels[split.train])
    write_array(sealed / TEST_LABELS, labels[split.test])
    write_array(sealed / TEST_ROWS, split.test.astype("int64"))
    if split.groups is not None:
        write_array(sealed / TEST_GROUPS, split.groups[split.test].astype("int64"))
    if split.units is not None:
        write_array(opened / UNITS, split.units[split.train].astype("int64"))
    if split.weights is not None:
        write_array(opened / WEIGHTS, split.weights[split.train])
        write_array(sealed / WEIGHTS, split.weights[split.test])
    manifest = SnapshotManifest(
        ref=ref,
        classes=table.target.classes,
        fields=tuple(column.field for column in table.features),
        split=split.how,
        sizes={str(path.relative_to(folder)): path.stat().st_size for path in folder.glob("*/*")},
    )
    write_text(opened / MANIFEST, manifest.to_text())
    list(going_to_disk)
    list(threads.map(to_disk, folder.glob("*/*")))


def _fill_folds(folder: Path, labels: np.ndarray, split: Split) -> None:
    """The features of all rows are stored once. Each fold has the places of its rows, and its labels."""
    place_of = np.empty(len(labels), dtype=np.min_scalar_type(len(labels)))
    place_of[split.train] = np.arange(len(split.train))
    everything = FoldRows(train=split.train, test=split.train[:REFIT_TEST_ROWS])
    for name, part in [*((fold_folder(at), one) for at, one in enumerate(split.folds)), (REFIT, everything)]:
        (folder / name).mkdir()
        write_array(folder / name / TRAIN_PLACES, place_of[part.train])
        write_array(folder / name / TEST_PLACES, place_of[part.test])
        write_array(folder / name / TRAIN_LABELS, labels[part.train])
    sizes = [(len(fold.train), len(fold.test)) for fold in split.folds]
    write_array(folder / SEALED / FOLD_SIZES, np.array(sizes, dtype=np.int64))


def _bytes_of_folds(table: Table, split: Split) -> int:
    return sum(len(fold.train) for fold in split.folds) * (table.target.labels.itemsize + 4)
