"""The files of a snapshot, and its manifest: what a cell may know of it.

<dataset id>/<split id>/open/manifest.json        written last: a folder that has one is complete
                        open/train.*, test.*      the features, see `snapshot_frame_files`
                        open/y_train.npy
                        sealed/y_test.npy
                        sealed/rows.npy           which rows of the dataset the test rows are
                        sealed/groups.npy         the group of each test row, if the design has groups
                        open/units.npy            which rows of open/train.* stay together, see `units_of`
                        open/weights.npy          the weight of each row in open/train.*, if it has weights
                        sealed/weights.npy        that of each test row

With folds the features of all rows are in open/train.*, and there is no open/test.* and no open/y_train.npy:

                        fold-000/train_rows.npy   the places of its training rows in open/train.*
                        fold-000/test_rows.npy    those of its test rows
                        fold-000/y_train.npy      its training labels, for the cell that fits it alone
                        refit/                    the same of all rows, for a model that is saved

The files in sealed/ then hold the test rows of one fold after another, repeat by repeat, and sealed/folds.npy
the number of training and test rows of each.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from bakeoff.domain.errors import InfrastructureError, NotFoundError
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.datasets.canonical_column import Field

#: The version of this layout. It is part of a dataset's id, so that no version of Bakeoff opens files that it
#: would misread.
FORMAT = 1

OPEN = "open"  #: cells may read it
SEALED = "sealed"  #: the supervisor alone
MANIFEST = "manifest.json"
TRAIN = "train"
TEST = "test"
TRAIN_LABELS = "y_train.npy"
TEST_LABELS = "y_test.npy"
TEST_ROWS = "rows.npy"
TEST_GROUPS = "groups.npy"
FOLD_SIZES = "folds.npy"
WEIGHTS = "weights.npy"
UNITS = "units.npy"
TRAIN_PLACES = "train_rows.npy"
TEST_PLACES = "test_rows.npy"
PART_FILES = (TRAIN_PLACES, TEST_PLACES, TRAIN_LABELS)  #: of a fold, or of the refit
REFIT = "refit"  #: the folder of all rows as training rows


@dataclass(frozen=True, kw_only=True)
class SnapshotManifest:
    ref: DatasetRef  #: without `files`: the same data may come from different files
    classes: tuple[str | int | float | bool, ...]  #: as they are in the labels; `ref.classes` are their texts
    fields: tuple[Field, ...]  #: the feature columns, in order
    split: Mapping[str, Any]  #: how the rows were split; with `seed` if by a seed
    sizes: Mapping[str, int]  #: bytes of every other file, by its path below the snapshot

    def to_text(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Self:
        data = json.loads(text)
        return cls(
            ref=replace(DatasetRef.from_json(data["ref"]), files=()),
            classes=tuple(data["classes"]),
            fields=tuple(Field(**field) for field in data["fields"]),
            split=data["split"],
            sizes=data["sizes"],
        )


def fold_folder(place: int) -> str:
    """The name of the folder of a fold. `place` counts the folds of all repeats from 0."""
    return f"fold-{place:03d}"


def folder_of(snapshots: Path, dataset_id: str, split_id: str) -> Path:
    return snapshots / dataset_id / split_id


@lru_cache(maxsize=64)
def _manifest(path: Path, _marks: tuple[int, ...]) -> SnapshotManifest:
    """Read once, and again if the file is another one: each start of a run asks several times."""
    return SnapshotManifest.from_text(path.read_text(encoding="utf-8"))


def read_manifest(open_folder: Path) -> SnapshotManifest:
    path = open_folder / MANIFEST
    try:
        found = path.stat()
        return _manifest(path, (found.st_ino, found.st_size, found.st_ctime_ns))
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no snapshot in {open_folder.parent}: start the run again to pin it"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InfrastructureError(
            f"{path} cannot be read ({type(problem).__name__}: {problem}): "
            "remove this snapshot and start the run again"
        ) from problem
