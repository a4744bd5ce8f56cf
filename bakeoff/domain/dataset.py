"""A run's reference to its dataset: which snapshot, which split, and their sizes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

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
