"""A dataset in canonical form, checked: the features, the target, and the id of the dataset."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from bakeoff.domain.snapshot_reference_and_split_design import ONE_SPLIT, Design
from bakeoff.evaluation.datasets.canonical_column import Column, canonical
from bakeoff.evaluation.datasets.refuse_unusable_dataset import check_rows, check_values, feature_names
from bakeoff.evaluation.datasets.snapshot_layout import FORMAT
from bakeoff.evaluation.datasets.sources.read_dataset import SourceReading
from bakeoff.evaluation.datasets.target_column import Target, target_of
from bakeoff.settings.setting_definitions import DatasetSettings


@dataclass(frozen=True, kw_only=True)
class Table:
    columns: tuple[Column, ...]  #: the features, then the target
    target: Target
    split_column: Column | None
    design_columns: Mapping[str, Column]  #: by name, those that the design looks at
    ignored_group: Column | None  #: the group that the dataset declares, of a design that does not keep it
    train_rows: int | None  #: so many rows from the start are for training; None when the data do not say

    @property
    def features(self) -> tuple[Column, ...]:
        return self.columns[:-1]

    def column(self, name: str) -> Column:
        """One that the design looks at."""
        return self.design_columns[name]

    @property
    def rows(self) -> int:
        return len(self.target.labels)

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in self.features) + self.target.labels.nbytes

    def dataset_id(self, digests: Iterable[bytes]) -> str:
        """The same for the same names, types, values and target: results with one id can be compared.

        `digests` are those of the columns, in order.
        """
        return address(
            {
                "format": FORMAT,
                "rows": self.rows,
                "columns": [
                    [column.name, column.type, digest.hex()]
                    for column, digest in zip(self.columns, digests, strict=True)
                ],
                "target": self.target.name,
                "targetKind": self.target.kind,
            }
        )


def table_of(
    reading: SourceReading, dataset: DatasetSettings, threads: Executor, design: Design = ONE_SPLIT
) -> Table:
    frame = reading.frame
    names = feature_names(list(frame.columns), dataset, reading.target, design)
    check_rows(len(frame))
    wanted = [*names, reading.target]
    columns = tuple(threads.map(canonical, [frame[name] for name in wanted], wanted))
    target = target_of(columns[-1], dataset.task)
    check_values(columns)
    split = dataset.split_column
    ignored = None if dataset.group == design.group else dataset.group
    return Table(
        columns=columns,
        target=target,
        split_column=None if split is None else canonical(frame[split], split),
        design_columns={name: canonical(frame[name], name) for name in design.columns},
        ignored_group=None if ignored is None else canonical(frame[ignored], ignored),
        train_rows=reading.train_rows,
    )


def address(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
