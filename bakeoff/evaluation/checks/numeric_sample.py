"""What the checks look at: the features and the target as numbers, of a sample of the rows if there are many.

Text and categories become codes, dates become numbers. A missing value is NaN. Whole rows are compared on all
rows, and so are groups and dates; everything else on the sample.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.datasets.canonical_column import CATEGORY, DATETIME, STRING, Column
from bakeoff.evaluation.datasets.canonical_table import Table
from bakeoff.evaluation.datasets.splits.split_train_and_test import FoldRows, Split

#: Rows of the training part, and of the test part, that the sample has at most.
MOST_TRAIN = 8_000
MOST_TEST = 4_000
_FIRST = 1_000
_DATE = re.compile(r"[12]\d{3}-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d\S*)?$|[0-3]?\d[./][0-3]?\d[./][12]\d{3}$")


@dataclass(frozen=True, kw_only=True, eq=False)
class SampledColumn:
    column: Column  #: with all rows of the dataset
    numbers: np.ndarray  #: of the sampled rows, as float64: first those of the training part
    is_coded: bool  #: text or categories: the values are codes without an order

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def is_date(self) -> bool:
        return self.column.type == DATETIME

    @cached_property
    def present(self) -> np.ndarray:
        """Where there is a value."""
        return np.asarray(~np.isnan(self.numbers))

    @cached_property
    def is_whole(self) -> bool:
        """Whether it has whole numbers alone; of codes and dates it is no question."""
        known = self.numbers[self.present]
        return self.column.is_numeric and bool((known == np.floor(known)).all())

    @cached_property
    def distinct(self) -> int:
        known = np.sort(self.numbers[self.present])
        return int((known[1:] != known[:-1]).sum()) + 1 if len(known) else 0


@dataclass(frozen=True, kw_only=True, eq=False)
class SampledData:
    table: Table
    split: Split
    rows: np.ndarray  #: the sampled rows of the dataset: first those of the training part
    trained: int  #: how many of them are in the training part

    @classmethod
    def of(cls, table: Table, split: Split) -> "SampledData":
        rs = np.random.RandomState(0)
        part = split.parts[0]
        train, test = _some(part.train, MOST_TRAIN, rs), _some(part.test, MOST_TEST, rs)
        return cls(table=table, split=split, rows=np.concatenate([train, test]), trained=len(train))

    @property
    def is_regression(self) -> bool:
        return self.table.target.kind is TargetKind.REGRESSION

    @property
    def part(self) -> FoldRows:
        """Training and test rows; of folds those of the first one."""
        return self.split.parts[0]

    @property
    def is_random_split(self) -> bool:
        """Whether chance decided which rows, or which groups, are tested."""
        design = self.split.design
        if design.time is not None or design.fold_column is not None:
            return False
        return self.split.how["by"] in {"seed", "folds", "group"}

    @property
    def is_all(self) -> bool:
        return len(self.rows) == len(self.part.train) + len(self.part.test)

    @property
    def of_what(self) -> str:
        """A remark on the sample for messages; empty if it has all rows."""
        return "" if self.is_all else f" (in a sample of {len(self.rows):,} rows)"

    @property
    def classes(self) -> int:
        return len(self.table.target.classes)

    @cached_property
    def y(self) -> np.ndarray:
        """Places of the classes, or numbers."""
        codes = self.table.target.codes
        whole = self.table.target.labels.astype(float) if codes is None else codes
        return np.asarray(whole[self.rows])

    @property
    def y_train(self) -> np.ndarray:
        return self.y[: self.trained]

    @property
    def y_test(self) -> np.ndarray:
        return self.y[self.trained :]

    @cached_property
    def features(self) -> tuple[SampledColumn, ...]:
        return tuple(_sampled(column, self.rows) for column in self.table.features)

    def train_of(self, column: SampledColumn) -> np.ndarray:
        return column.numbers[: self.trained]

    def test_of(self, column: SampledColumn) -> np.ndarray:
        return column.numbers[self.trained :]

    def continuous(self) -> Iterator[SampledColumn]:
        """Numbers that take many values."""
        return (one for one in self.features if one.column.is_numeric and one.distinct >= 20)  # noqa: PLR2004


def _some(rows: np.ndarray, most: int, rs: np.random.RandomState) -> np.ndarray:
    if len(rows) <= most:
        return rows
    chosen = np.unique(rs.randint(len(rows), size=2 * most))  # of many rows few are drawn twice
    return np.asarray(rows[np.sort(rs.permutation(chosen)[:most])])


def _sampled(column: Column, rows: np.ndarray) -> SampledColumn:
    if column.is_array:
        values = column.array[rows]
        if column.type != DATETIME:
            return SampledColumn(column=column, numbers=values.astype(float), is_coded=False)
        numbers = values.astype("int64").astype(float)
        numbers[np.isnat(values)] = np.nan
        return SampledColumn(column=column, numbers=numbers, is_coded=False)
    return SampledColumn(column=column, numbers=codes_of(column, rows), is_coded=True)


def codes_of(column: Column, rows: np.ndarray | None = None) -> np.ndarray:
    """A number for each different text or category; NaN where it is missing."""
    import pyarrow as pa

    values: Any = column.array if rows is None else column.array.take(pa.array(rows))
    if column.type == STRING:
        values = values.dictionary_encode()
    assert column.type in {STRING, CATEGORY}  # noqa: S101 - all others are arrays
    codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(float)
    codes[codes < 0] = np.nan
    return np.asarray(codes)


def roc_auc(score: np.ndarray, y: np.ndarray) -> float:
    place = np.unique(score, return_inverse=True)[1]
    positive, negative = np.bincount(place, y == 1), np.bincount(place, y != 1)
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum()))


def is_text_of_dates(column: Column) -> bool:
    if column.type != STRING:
        return False
    values = column.array[:_FIRST].drop_null().to_pylist()
    return bool(values) and all(map(_DATE.match, values))
