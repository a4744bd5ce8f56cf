"""Opening a snapshot: an immutable, content-addressed copy of a dataset with its split.

The producer writes it once (see `pinning`). Every cell maps the same files, without the test labels, which
only the supervisor reads. Opening needs numpy and pandas alone.
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
from bakeoff.evaluation.datasets.column_files import map_array, read_rows, read_some
from bakeoff.evaluation.datasets.snapshot_layout import (
    MANIFEST,
    OPEN,
    SEALED,
    TEST,
    TEST_GROUPS,
    TEST_LABELS,
    TEST_ROWS,
    TRAIN,
    TRAIN_LABELS,
    read_manifest,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Data:
    """What a candidate gets."""

    X_train: "pd.DataFrame"
    y_train: np.ndarray
    X_test: "pd.DataFrame"
    target_kind: TargetKind
    classes: tuple[str | int | float | bool, ...]  #: in sort order, as they are in `y_train`
    fields: tuple[Field, ...]  #: the columns of both frames
    seed: int | None  #: of the split; None when a column or two files say how to split


def open_snapshot(open_folder: Path, *, features: Sequence[str] | None = None) -> Data:
    """Maps the files, which takes no longer for large data than for small."""
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


def test_rows(folder: Path, places: np.ndarray) -> "pd.DataFrame":
    """The features of some of the test rows, by their places in `X_test`."""
    try:
        return read_some(folder / OPEN, TEST, fields(folder), places)
    except (OSError, ValueError) as problem:
        raise damaged(folder, problem) from problem


def sealed_labels(folder: Path) -> np.ndarray:
    """The labels of the test rows, in the order of `X_test`; for the supervisor alone."""
    return _sealed(folder, TEST_LABELS)


def sealed_rows(folder: Path) -> np.ndarray:
    """Which rows of the dataset, counted from 0, the test rows are."""
    return _sealed(folder, TEST_ROWS)


def sealed_groups(folder: Path) -> np.ndarray | None:
    """The group of each test row; None where each row stands for itself."""
    return _sealed(folder, TEST_GROUPS) if (folder / SEALED / TEST_GROUPS).exists() else None


def dataset_ref(folder: Path) -> DatasetRef:
    return read_manifest(folder / OPEN).ref


def fields(folder: Path) -> tuple[Field, ...]:
    return read_manifest(folder / OPEN).fields


def classes(folder: Path) -> tuple[str | int | float | bool, ...]:
    """The classes as they are in the labels; `DatasetRef.classes` are their texts."""
    return read_manifest(folder / OPEN).classes


def mapped_bytes(folder: Path) -> int:
    """How much a cell maps into its memory."""
    return sum(path.stat().st_size for path in (folder / OPEN).iterdir() if path.name != MANIFEST)


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
