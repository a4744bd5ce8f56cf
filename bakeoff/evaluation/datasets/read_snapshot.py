"""Opening a snapshot: an immutable, content-addressed copy of a dataset with its split.

The producer writes it once (see `pin_snapshot`). Every cell maps the same files, without the test labels,
which only the supervisor reads. Opening needs numpy and pandas alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import numpy as np

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import ONE_SPLIT, DatasetRef, Design, TargetKind
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.datasets.canonical_column import Field
from bakeoff.evaluation.datasets.snapshot_frame_files import (
    map_array,
    map_open_array,
    read_rows,
    read_some,
)
from bakeoff.evaluation.datasets.snapshot_layout import (
    FOLD_SIZES,
    MANIFEST,
    OPEN,
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
    read_manifest,
)

if TYPE_CHECKING:
    import pandas as pd


OpenFile = Callable[[str], IO[bytes]]  #: by the name of the file


@dataclass(frozen=True, kw_only=True)
class Data:
    """What a candidate gets."""

    X_train: "pd.DataFrame"
    y_train: np.ndarray
    X_test: "pd.DataFrame"
    target_kind: TargetKind
    classes: tuple[str | int | float | bool, ...]  #: in sort order, as they are in `y_train`
    fields: tuple[Field, ...]  #: the columns of both frames
    weights: np.ndarray | None = None  #: of the training rows; None: all count alike
    units: np.ndarray | None = None  #: of training rows: which stay together if they are split again
    design: Design = ONE_SPLIT
    seed: int | None  #: of the split; None when a column or two files say how to split


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A fold, or the refit: which of the rows of all folds it has, and the labels of its training rows."""

    train: np.ndarray
    test: np.ndarray
    labels: np.ndarray

    @classmethod
    def read(cls, open_file: OpenFile) -> Self:
        def array(name: str) -> np.ndarray:
            with open_file(name) as file:
                return map_open_array(file, name)

        return cls(train=array(TRAIN_PLACES), test=array(TEST_PLACES), labels=array(TRAIN_LABELS))


def open_snapshot(
    open_folder: Path, *, features: Sequence[str] | None = None, open_part: OpenFile | None = None
) -> Data:
    """Maps the files, which takes no longer for large data than for small.

    `open_part`: opens a file of a fold, or of the refit. Its rows are copied from those of all folds.
    """
    manifest = read_manifest(open_folder)
    fields = _chosen(manifest.fields, features)
    names = [field.name for field in fields]
    try:
        part = None if open_part is None else _Part.read(open_part)
        if part is None:
            train, labels, test = _rows(open_folder, manifest, names)
        else:
            train, labels, test = _rows_of(part, open_folder, manifest, names)
        weights = _of_training_rows(WEIGHTS, open_folder, part)
        units = _of_training_rows(UNITS, open_folder, part)
    except (OSError, ValueError) as problem:
        raise damaged(open_folder.parent, problem) from problem
    return Data(
        X_train=train,
        y_train=labels,
        weights=weights,
        units=units,
        design=manifest.ref.design,
        X_test=test,
        target_kind=manifest.ref.target_kind,
        classes=manifest.classes,
        fields=fields,
        seed=manifest.split.get("seed"),
    )


def _of_training_rows(name: str, open_folder: Path, part: _Part | None) -> np.ndarray | None:
    """A number of each training row; None where there is no such file."""
    if not (open_folder / name).exists():
        return None
    values = map_array(open_folder / name)
    return values if part is None else values[part.train]


_TrainAndTest = tuple["pd.DataFrame", np.ndarray, "pd.DataFrame"]


def _rows(open_folder: Path, manifest: SnapshotManifest, names: Sequence[str]) -> "_TrainAndTest":
    return (
        read_rows(open_folder, TRAIN, manifest.fields, names),
        map_array(open_folder / TRAIN_LABELS),
        read_rows(open_folder, TEST, manifest.fields, names),
    )


def _rows_of(
    part: _Part, open_folder: Path, manifest: SnapshotManifest, names: Sequence[str]
) -> "_TrainAndTest":
    everything = read_rows(open_folder, TRAIN, manifest.fields, names)
    train, test = (everything.iloc[places].reset_index(drop=True) for places in (part.train, part.test))
    return train, part.labels, test


def test_rows(folder: Path, places: np.ndarray) -> "pd.DataFrame":
    """The features of some of the test rows, by their places among these."""
    manifest = read_manifest(folder / OPEN)
    try:
        if not manifest.ref.design.has_folds:
            return read_some(folder / OPEN, TEST, manifest.fields, places)
        parts = [folder / fold_folder(place) / TEST_PLACES for place in range(manifest.ref.design.splits)]
        tested = np.concatenate([map_array(part) for part in parts])
        return read_some(folder / OPEN, TRAIN, manifest.fields, tested[places])
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


def sealed_weights(folder: Path) -> np.ndarray | None:
    """The weight of each test row; None where all count alike."""
    return _sealed(folder, WEIGHTS) if (folder / SEALED / WEIGHTS).exists() else None


def fold_sizes(folder: Path) -> list[tuple[int, int]]:
    """How many training and test rows each fold has, repeat by repeat."""
    return [(int(train), int(test)) for train, test in _sealed(folder, FOLD_SIZES)]


def dataset_ref(folder: Path) -> DatasetRef:
    return read_manifest(folder / OPEN).ref


def fields(folder: Path) -> tuple[Field, ...]:
    return read_manifest(folder / OPEN).fields


def classes(folder: Path) -> tuple[str | int | float | bool, ...]:
    """The classes as they are in the labels; `DatasetRef.classes` are their texts."""
    try:
        changed_ns = (folder / OPEN / MANIFEST).stat().st_ctime_ns
    except OSError:
        changed_ns = 0
    return _classes(folder, changed_ns)


@lru_cache(maxsize=64)
def _classes(folder: Path, _changed_ns: int) -> tuple[str | int | float | bool, ...]:
    """Kept, because each job asks twice, and the manifest of wide data takes longer than a short job."""
    return read_manifest(folder / OPEN).classes


def mapped_bytes(folder: Path) -> int:
    """How much a cell maps into its memory, or copies of it, for a fold."""
    files = sum(path.stat().st_size for path in (folder / OPEN).iterdir() if path.name != MANIFEST)
    return 2 * files if (folder / SEALED / FOLD_SIZES).exists() else files


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
