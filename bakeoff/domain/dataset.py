"""A run's reference to its dataset: which snapshot, which split, and their sizes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from bakeoff.domain.finding import Finding
from bakeoff.domain.split_design import ONE_SPLIT, Design


class TargetKind(StrEnum):
    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    SIGNALS = "signals"  #: market data for signal models: there is no target column


@dataclass(frozen=True, kw_only=True)
class DatasetRef:
    """One immutable snapshot with one split, on which all jobs of a run are evaluated."""

    dataset_id: str  #: address of the data: hash of names, types and values
    split_id: str  #: address of the split: hash of the dataset id and of how it was split, or of its last day
    name: str  #: as the configuration names the dataset; another snapshot may have the same
    target: str
    target_kind: TargetKind
    classes: tuple[str, ...]  #: in sort order, as text; empty for regression
    train_rows: int  #: of folds, those of the largest training part
    test_rows: int  #: of folds, those that are tested in one of them
    columns: int
    design: Design = ONE_SPLIT  #: which rows are trained on and which are tested
    files: tuple[
        str, ...
    ] = ()  #: where it was read from; closed to cells, since the test labels are in there

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From what `asdict` makes of it. Without a design it is of a version that knew one split only."""
        return cls(
            **{
                **data,
                "target_kind": TargetKind(data["target_kind"]),
                "classes": tuple(data["classes"]),
                "files": tuple(data["files"]),
                "design": Design.from_json(data.get("design", {})),
            }
        )


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """A dataset that was read, split and written as a snapshot."""

    ref: DatasetRef
    folder: Path  #: the snapshot
    files: tuple[Path, ...]  #: what it was read from, absolute; no cell may read them
    findings: tuple[Finding, ...]  #: on the data, with what the dataset accepts

    def to_json(self) -> dict[str, Any]:
        return {
            "ref": asdict(self.ref),
            "folder": str(self.folder),
            "files": list(map(str, self.files)),
            "findings": [finding.to_record() for finding in self.findings],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            ref=DatasetRef.from_json(data["ref"]),
            folder=Path(data["folder"]),
            files=tuple(map(Path, data["files"])),
            findings=tuple(map(Finding.from_record, data["findings"])),
        )
