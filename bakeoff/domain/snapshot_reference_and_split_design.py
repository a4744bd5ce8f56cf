"""What a run is trained and tested on: a reference to a snapshot of a dataset, and the design of the split.

The design says which rows are trained on and which are tested, in one split or in several folds.

A run that asks for nothing has one split, which tests a share of the rows at random. It may ask for

    folds           cross-validation: every row is tested once, by a model that was not fitted on it
    repeats         the same several times, with the rows dealt to the folds anew
    group           rows with the same value of this column stay together
    time            what is tested comes after what is trained on; with folds, the windows expand
    fold_column     the data say themselves which rows are tested together
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from bakeoff.domain.finding import Finding
from bakeoff.domain.wording import counted

#: Fits of one candidate. Each fold has its own copy of its training labels on the disk.
MOST_FITS = 1000

#: Of two seeds nobody can tell how much fits differ.
FEWEST_SEEDS = 3


@dataclass(frozen=True, kw_only=True)
class Design:
    folds: int = 1  #: 1: one split, or as many as the fold column has values, which are not counted yet
    repeats: int = 1  #: how often all rows are dealt to the folds
    stratify: bool = True  #: each part has its share of each class, as far as that can be
    group: str | None = None  #: column; rows with the same value are all trained on, or all tested
    time: str | None = None  #: column; tested rows are later than those trained on
    gap: int = 0  #: rows that are left out between training and test; with `time` alone
    fold_column: str | None = None  #: column; rows with the same value are tested together
    weight: str | None = None  #: column; how much each row counts, in the fit and in the metrics
    seeds: int = 1  #: how often each fit is repeated with another seed; no part of which rows are tested

    @property
    def has_folds(self) -> bool:
        return self.folds > 1 or self.fold_column is not None

    @property
    def may_seal(self) -> bool:
        """Whether test rows can stay unseen. Other folds train on them, and a group is not divided."""
        return not self.has_folds and self.group is None

    @property
    def splits(self) -> int:
        """How many pairs of training and test rows there are."""
        return self.folds * self.repeats

    @property
    def fits(self) -> int:
        """How often a candidate is fitted: all splits with the first seed, then with the next one."""
        return self.splits * self.seeds

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at, which are no features unless the dataset names them as such."""
        return tuple(
            name for name in (self.group, self.time, self.fold_column, self.weight) if name is not None
        )

    @property
    def title(self) -> str:
        """`5 folds, 2 times, by subject`; of one split at random nothing."""
        said = []
        if self.folds > 1:
            said.append(f"{self.folds} folds")
        if self.repeats > 1:
            said.append(counted(self.repeats, "time"))
        if self.fold_column is not None:
            said.append(f"by {self.fold_column}")
        if self.group is not None:
            said.append(f"groups by {self.group}")
        if self.time is not None:
            said.append(f"in the order of {self.time}")
        if self.gap:
            said.append(f"{counted(self.gap, 'row')} between")
        if self.weight is not None:
            said.append(f"weighted by {self.weight}")
        if self.seeds > 1:
            said.append(f"{self.seeds} seeds")
        return ", ".join(said)

    def fold_title(self, place: int) -> str:
        """`fold 4 of 5`, `fold 4 of 5, repeat 2`, `seed 2 of 3`. `place` counts all fits from 0."""
        seed, split = divmod(place, self.splits)
        repeat, fold = divmod(split, self.folds)
        said = [
            *([f"fold {fold + 1} of {self.folds}"] if self.folds > 1 else []),
            *([f"repeat {repeat + 1}"] if self.repeats > 1 else []),
            *([f"seed {seed + 1} of {self.seeds}"] if self.seeds > 1 else []),
        ]
        return ", ".join(said)

    def to_record(self) -> dict[str, Any]:
        """The design as JSON, as a part of its run; the keys are those of a request."""
        return {
            "folds": self.folds,
            "repeats": self.repeats,
            "stratify": self.stratify,
            "group": self.group,
            "time": self.time,
            "gap": self.gap,
            "foldColumn": self.fold_column,
            "weight": self.weight,
            "seeds": self.seeds,
        }

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)


#: What a run has that asks for nothing.
ONE_SPLIT = Design()


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
