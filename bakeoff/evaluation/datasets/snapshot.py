"""A snapshot is an immutable, content-addressed copy of a dataset with its split.

The producer pins it once (`bakeoff.evaluation.datasets.pinning`); every cell opens the same files, mapped,
and without the test labels, which the supervisor reads. Opening needs numpy and pandas alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bakeoff.domain.dataset import DatasetRef, TargetKind
from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.datasets.canonical_column import Field
from bakeoff.evaluation.datasets.column_files import map_array, read_rows
from bakeoff.evaluation.datasets.snapshot_manifest import FILE, read_manifest
from bakeoff.evaluation.datasets.snapshot_store import OPEN, SEALED

if TYPE_CHECKING:
    import pandas as pd

TRAIN = "train"
TEST = "test"
TRAIN_LABELS = "y_train.npy"
TEST_LABELS = "y_test.npy"
TEST_ROWS = "rows.npy"


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


def open_snapshot(open_folder: Path, *, features: Sequence[str] | None = None) -> Data:
    """Maps the files: it takes as long for large data as for small."""
    manifest = read_manifest(open_folder)
    fields = _chosen(manifest.fields, features)
    names = [field.name for field in fields]
    try:
        return Data(
            X_train=read_rows(open_folder, TRAIN, manifest.fields, names),
            y_train=map_array(open_folder / TRAIN_LABELS),
            X_test=read_rows(open_folder, TEST, manifest.fields, names),
            target_kind=manifest.ref.target_kind,
            classes=manifest.classes,
            fields=fields,
            seed=manifest.split.get("seed"),
        )
    except (OSError, ValueError) as problem:
        raise damaged(open_folder.parent, problem) from problem


def sealed_labels(folder: Path) -> np.ndarray:
    """The labels of the test rows, in the order of `X_test`; for the supervisor alone."""
    return _sealed(folder, TEST_LABELS)


def sealed_rows(folder: Path) -> np.ndarray:
    """Which rows of the dataset, counted from 0, the test rows are."""
    return _sealed(folder, TEST_ROWS)


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
        raise damaged(folder, problem) from problem


def damaged(folder: Path, problem: Exception) -> InfrastructureError:
    return InfrastructureError(
        f"snapshot {folder} is damaged ({problem}): start the run again, it will be pinned anew"
    )
