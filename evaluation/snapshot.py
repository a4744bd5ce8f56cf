"""A snapshot is an immutable, content-addressed copy of a dataset with its split.

The producer pins it once; every cell opens the same files, mapped, and without the test labels, which the
supervisor reads. Opening needs numpy and pandas alone: what reads sources is imported by `pin`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from domain.dataset import DatasetRef, TargetKind
from domain.errors import InfrastructureError, InvalidInputError
from evaluation import shelf
from evaluation.blocks import map_array, read_rows, write_array, write_rows, write_text
from evaluation.column import Field
from evaluation.manifest import FILE, Manifest, read_manifest
from evaluation.naming import listed, nearest
from evaluation.shelf import OPEN, SEALED

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pandas as pd

    from config.settings import DatasetSettings
    from evaluation.split import Split
    from evaluation.table import Table

_TRAIN = "train"
_TEST = "test"
_TRAIN_LABELS = "y_train.npy"
_TEST_LABELS = "y_test.npy"
_TEST_ROWS = "rows.npy"
_THREADS = 4
#: Beside the values themselves: headers, offsets of text, and room to breathe.
_SPARE_BYTES = 64_000_000


@dataclass(frozen=True, kw_only=True)
class Pinned:
    ref: DatasetRef
    folder: Path
    files: tuple[Path, ...]  #: what it was read from, absolute; to be closed to cells
    warnings: tuple[str, ...]  #: sentences for the person who starts the run


@dataclass(frozen=True, kw_only=True)
class Data:
    """What a candidate is given."""

    X_train: "pd.DataFrame"
    y_train: np.ndarray
    X_test: "pd.DataFrame"
    target_kind: TargetKind
    classes: tuple[str | int | float | bool, ...]  #: in sort order, as they are in `y_train`
    fields: tuple[Field, ...]  #: the columns of both frames
    seed: int | None  #: of the split; None when the data said how to split


def pin(
    dataset: "DatasetSettings", *, name: str, root: Path, snapshots: Path, seed: int, test_size: float
) -> Pinned:
    from concurrent.futures import ThreadPoolExecutor

    from evaluation.checks import split_warnings
    from evaluation.sources import files_of, read
    from evaluation.table import table_of

    with ThreadPoolExecutor(_THREADS) as threads:
        table = table_of(read(dataset, root), dataset, threads)
        split = _split(table, seed, test_size)
        warnings = (*table.warnings, *split.warnings, *split_warnings(table.target, split))
        ref = _ref(table, split, name)
        try:
            folder = _shelved(table, split, ref, snapshots, threads)
        except OSError as problem:
            raise InfrastructureError(
                f"the snapshot cannot be written to {snapshots}: {problem}; is the disk full or read-only?"
            ) from problem
    return Pinned(ref=ref, folder=folder, files=files_of(dataset, root), warnings=warnings)


def open_snapshot(open_folder: Path, *, features: Sequence[str] | None = None) -> Data:
    """Maps the files: it takes as long for large data as for small."""
    manifest = read_manifest(open_folder)
    fields = _chosen(manifest.fields, features)
    names = [field.name for field in fields]
    try:
        return Data(
            X_train=read_rows(open_folder, _TRAIN, manifest.fields, names),
            y_train=map_array(open_folder / _TRAIN_LABELS),
            X_test=read_rows(open_folder, _TEST, manifest.fields, names),
            target_kind=manifest.ref.target_kind,
            classes=manifest.classes,
            fields=fields,
            seed=manifest.split.get("seed"),
        )
    except (OSError, ValueError) as problem:
        raise _damaged(open_folder.parent, problem) from problem


def sealed_labels(folder: Path) -> np.ndarray:
    """The labels of the test rows, in the order of `X_test`; for the supervisor alone."""
    return _sealed(folder, _TEST_LABELS)


def sealed_rows(folder: Path) -> np.ndarray:
    """Which rows of the dataset, counted from 0, the test rows are."""
    return _sealed(folder, _TEST_ROWS)


def folder_of(snapshots: Path, dataset_id: str, split_id: str) -> Path:
    return snapshots / dataset_id / split_id


def describe(folder: Path) -> DatasetRef:
    return read_manifest(folder / OPEN).ref


def fields(folder: Path) -> tuple[Field, ...]:
    return read_manifest(folder / OPEN).fields


def classes(folder: Path) -> tuple[str | int | float | bool, ...]:
    """The classes as they are in the labels; `DatasetRef.classes` are their texts."""
    return read_manifest(folder / OPEN).classes


def mapped_bytes(folder: Path) -> int:
    """What a cell maps into its memory."""
    return sum(path.stat().st_size for path in (folder / OPEN).iterdir() if path.name != FILE)


def _split(table: "Table", seed: int, test_size: float) -> "Split":
    from evaluation.split import split_by_column, split_by_files, split_by_seed

    if table.split_column is not None:
        return split_by_column(table.split_column)
    if table.train_rows is not None:
        return split_by_files(table.train_rows, table.rows)
    return split_by_seed(table.rows, table.target.codes, seed=seed, test_size=test_size)


def _ref(table: "Table", split: "Split", name: str) -> DatasetRef:
    from evaluation.table import address

    return DatasetRef(
        dataset_id=table.dataset_id,
        split_id=address([table.dataset_id, split.how]),
        name=name,
        target=table.target.name,
        target_kind=table.target.kind,
        classes=tuple(str(label) for label in table.target.classes),
        train_rows=len(split.train),
        test_rows=len(split.test),
        columns=len(table.features),
    )


def _shelved(table: "Table", split: "Split", ref: DatasetRef, snapshots: Path, threads: "Executor") -> Path:
    snapshots.mkdir(parents=True, exist_ok=True)
    shelf.sweep(snapshots)
    folder = folder_of(snapshots, ref.dataset_id, ref.split_id)
    if shelf.is_whole(folder):
        return folder
    shelf.require_space(snapshots, table.nbytes + _SPARE_BYTES)
    with shelf.incoming(snapshots) as filled:
        _fill(filled, table, split, ref, threads)
        shelf.put(filled, folder)
    return folder


def _fill(folder: Path, table: "Table", split: "Split", ref: DatasetRef, threads: "Executor") -> None:
    given, kept = folder / OPEN, folder / SEALED
    write_rows(given, _TRAIN, table.features, split.train, threads)
    write_rows(given, _TEST, table.features, split.test, threads)
    write_array(given / _TRAIN_LABELS, table.target.labels[split.train])
    write_array(kept / _TEST_LABELS, table.target.labels[split.test])
    write_array(kept / _TEST_ROWS, split.test.astype("int64"))
    manifest = Manifest(
        ref=ref,
        classes=table.target.classes,
        fields=tuple(column.field for column in table.features),
        split=split.how,
        sizes={str(path.relative_to(folder)): path.stat().st_size for path in folder.glob("*/*")},
    )
    write_text(given / FILE, manifest.to_text())


def _chosen(fields: tuple[Field, ...], features: Sequence[str] | None) -> tuple[Field, ...]:
    if features is None:
        return fields
    known = {field.name: field for field in fields}
    for name in features:
        if name not in known:
            raise InvalidInputError(
                f"features name a column {name!r} that the dataset has not{nearest(name, known)}; "
                f"its columns: {listed(known)}"
            )
    if not features:
        raise InvalidInputError("features name no column: leave the key out for all of them")
    return tuple(known[name] for name in dict.fromkeys(features))


def _sealed(folder: Path, file: str) -> np.ndarray:
    try:
        return np.asarray(np.load(folder / SEALED / file, allow_pickle=False))
    except (OSError, ValueError) as problem:
        raise _damaged(folder, problem) from problem


def _damaged(folder: Path, problem: Exception) -> InfrastructureError:
    return InfrastructureError(
        f"snapshot {folder} is damaged ({problem}): start the run again, it will be pinned anew"
    )
