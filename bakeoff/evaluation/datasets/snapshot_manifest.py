"""The manifest of a snapshot: what a cell may know of it. Written last: a folder that has one is whole."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from bakeoff.domain.dataset import DatasetRef, TargetKind
from bakeoff.domain.errors import InfrastructureError, NotFoundError
from bakeoff.evaluation.datasets.canonical_column import Field

#: What one version writes, another must not misread: it is part of the dataset's address too.
FORMAT = 1
FILE = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class SnapshotManifest:
    ref: DatasetRef  #: without `files`: the same data may come from several
    classes: tuple[str | int | float | bool, ...]  #: as they are in the labels; `ref.classes` are their texts
    fields: tuple[Field, ...]  #: the feature columns, in order
    split: Mapping[str, Any]  #: how the rows were split; `seed` is in it if by seed
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


def read_manifest(open_folder: Path) -> SnapshotManifest:
    path = open_folder / FILE
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
