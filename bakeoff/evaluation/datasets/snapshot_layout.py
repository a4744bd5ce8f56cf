"""The files of a snapshot, and its manifest: what a cell may know of it.

<dataset id>/<split id>/open/manifest.json        written last: a folder that has one is complete
                        open/train.*, test.*      the features, see `column_files`
                        open/y_train.npy
                        sealed/y_test.npy
                        sealed/rows.npy           which rows of the dataset the test rows are
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from bakeoff.domain.dataset import DatasetRef, TargetKind
from bakeoff.domain.errors import InfrastructureError, NotFoundError
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
        ref = data["ref"]
        kind, names = TargetKind(ref["target_kind"]), tuple(ref["classes"])
        return cls(
            ref=DatasetRef(**{**ref, "target_kind": kind, "classes": names, "files": ()}),
            classes=tuple(data["classes"]),
            fields=tuple(Field(**field) for field in data["fields"]),
            split=data["split"],
            sizes=data["sizes"],
        )


def folder_of(snapshots: Path, dataset_id: str, split_id: str) -> Path:
    return snapshots / dataset_id / split_id


def read_manifest(open_folder: Path) -> SnapshotManifest:
    path = open_folder / MANIFEST
    try:
        return SnapshotManifest.from_text(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no snapshot in {open_folder.parent}: start the run again to pin it"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InfrastructureError(
            f"{path} cannot be read ({type(problem).__name__}: {problem}): "
            "remove this snapshot and start the run again"
        ) from problem
