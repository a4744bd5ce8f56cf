"""What is known of a dataset once it has been pinned as a snapshot."""

from dataclasses import dataclass
from enum import StrEnum


class TargetKind(StrEnum):
    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    SIGNALS = "signals"  #: market data, from which models answer for symbols: there is no target column


@dataclass(frozen=True, kw_only=True)
class DatasetRef:
    """One immutable snapshot with one split: what every job of a run is measured on."""

    dataset_id: str  #: address of the data: hash of names, types and values
    split_id: str  #: address of the split: hash of the dataset id and of how it was split, or cut off
    name: str  #: what people call it; says nothing about its content
    target: str
    target_kind: TargetKind
    classes: tuple[str, ...]  #: in sort order, as text; empty for regression
    train_rows: int
    test_rows: int
    columns: int
    files: tuple[
        str, ...
    ] = ()  #: where it was read from; closed to cells, since the test labels are in there
