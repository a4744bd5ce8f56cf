"""A dataset in canonical form, checked: the features, the target, and the address of it all."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from config.settings import DatasetSettings
from evaluation.data.checks import check_rows, check_values, feature_names, warnings_of
from evaluation.data.column import Column, canonical
from evaluation.data.manifest import FORMAT
from evaluation.data.sources import Reading
from evaluation.data.target import Target, target_of


@dataclass(frozen=True, kw_only=True)
class Table:
    features: tuple[Column, ...]
    target: Target
    split_column: Column | None
    train_rows: int | None  #: the first so many rows are for training; None when it is not known
    dataset_id: str
    warnings: tuple[str, ...]

    @property
    def rows(self) -> int:
        return len(self.target.labels)

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in self.features) + self.target.labels.nbytes


def table_of(reading: Reading, dataset: DatasetSettings, threads: Executor) -> Table:
    frame = reading.frame
    names = feature_names(list(frame.columns), dataset, reading.target)
    check_rows(len(frame))
    wanted = [*names, reading.target]
    columns = list(threads.map(canonical, [frame[name] for name in wanted], wanted))
    *features, answers = columns
    target = target_of(answers, dataset.task)
    check_values(columns)
    digests = threads.map(Column.digest, columns)  # they run while the warnings are looked for
    warnings = (*target.warnings, *warnings_of(features, answers))
    split = dataset.split_column
    return Table(
        features=tuple(features),
        target=target,
        split_column=None if split is None else canonical(frame[split], split),
        train_rows=reading.train_rows,
        dataset_id=_address(columns, list(digests), target),
        warnings=warnings,
    )


def _address(columns: Sequence[Column], digests: Sequence[bytes], target: Target) -> str:
    """Names, types and values, and which column is predicted as what: all that makes two runs comparable."""
    return address(
        {
            "format": FORMAT,
            "rows": len(columns[0]),
            "columns": [
                [column.name, column.type, digest.hex()]
                for column, digest in zip(columns, digests, strict=True)
            ],
            "target": target.name,
            "targetKind": target.kind,
        }
    )


def address(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
