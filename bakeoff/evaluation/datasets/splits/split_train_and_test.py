"""Which rows are for training and which for testing: by the seed, by a column, or by their files.

A split by seed shuffles both parts, so that in sorted data the position of a row reveals nothing about its
label; the other two keep the order of the data. The seed is given to numpy's RandomState, which promises the
same numbers in all versions.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import ONE_SPLIT, Design
from bakeoff.domain.wording import listed
from bakeoff.evaluation.datasets.canonical_column import CATEGORY, STRING, Column


@dataclass(frozen=True, kw_only=True)
class FoldRows:
    train: np.ndarray  #: row numbers
    test: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Split:
    train: np.ndarray  #: row numbers; with folds, of all rows that any model may learn from
    test: np.ndarray  #: with folds, the test rows of one fold after another
    how: Mapping[str, Any]  #: as JSON; together with the data it decides which row is where
    design: Design = ONE_SPLIT
    folds: tuple[FoldRows, ...] = ()  #: of all repeats; none: one split
    groups: np.ndarray | None = None  #: the number of each row's group; None: each row stands for itself
    units: np.ndarray | None = None  #: what stays together if training rows are split again; None: nothing
    weights: np.ndarray | None = None  #: how much each row counts; None: all alike
    warnings: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[FoldRows, ...]:
        """The folds; of one split its two parts."""
        return self.folds or (FoldRows(train=self.train, test=self.test),)

    @property
    def train_rows(self) -> int:
        return max((len(fold.train) for fold in self.folds), default=len(self.train))

    @property
    def test_rows(self) -> int:
        return len(self.test) // self.design.repeats


def split_by_seed(
    rows: int, codes: np.ndarray | None, *, seed: int, test_size: float, stratify: bool = True
) -> Split:
    """Stratified over the classes, unless there are none, or one of them has a single row."""
    tests = number_of_tests(rows, test_size)
    shuffled = np.random.RandomState(seed).permutation(rows)
    counts = np.bincount(codes) if codes is not None else np.empty(0, dtype=np.intp)
    stratified = stratify and codes is not None and bool(counts.min() > 1) and rows - tests >= len(counts)
    is_test = np.zeros(rows, dtype=bool)
    if codes is not None and stratified:
        is_test[_stratified_tests(shuffled, codes, _shares(counts, tests))] = True
    else:
        is_test[shuffled[:tests]] = True
    drawn = is_test[shuffled]
    return Split(
        train=shuffled[~drawn],
        test=shuffled[drawn],
        how={"by": "seed", "seed": seed, "testSize": test_size, "stratified": stratified},
        warnings=() if stratified or codes is None or not stratify else (_not_stratified(counts),),
    )


def number_of_tests(rows: int, test_size: float) -> int:
    return min(max(math.ceil(rows * test_size - 1e-9), 1), rows - 1)


def _shares(counts: np.ndarray, tests: int) -> np.ndarray:
    """How many rows of each class are tested: in proportion, by largest remainder, but never all."""
    exact = counts * (tests / counts.sum())
    shares: np.ndarray = np.minimum(np.floor(exact).astype(np.intp), counts - 1)
    while (left := tests - shares.sum()) > 0:
        room = np.flatnonzero(shares < counts - 1)
        most_short = room[np.argsort((shares - exact)[room], kind="stable")]
        shares[most_short[:left]] += 1
    return shares


def _stratified_tests(shuffled: np.ndarray, codes: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The first rows of each class in shuffled order, as many as its share."""
    classes = codes[shuffled].astype(np.min_scalar_type(len(shares)))
    grouped = shuffled[np.argsort(classes, kind="stable")]
    ends = np.cumsum(np.bincount(codes, minlength=len(shares)))
    starts = ends - np.bincount(codes, minlength=len(shares))
    chosen: np.ndarray = np.concatenate(
        [grouped[start : start + share] for start, share in zip(starts, shares, strict=True)]
    )
    return chosen


def _not_stratified(counts: np.ndarray) -> str:
    single = int((counts == 1).sum())
    reason = (
        f"{single} class{'es have' if single > 1 else ' has'} a single row"
        if single
        else "there are more classes than training rows"
    )
    return f"the split is not stratified: {reason}"


def split_by_column(column: Column) -> Split:
    """Splits by a column that has `train` or `test` in each row."""
    words = column.array.to_numpy(zero_copy_only=False) if column.type in {STRING, CATEGORY} else column.array
    is_test = np.asarray(words == "test", dtype=bool)
    is_train = np.asarray(words == "train", dtype=bool)
    other = ~(is_test | is_train)
    if other.any():
        values = sorted({str(value) for value in np.asarray(words, dtype=object)[other][:10_000]})
        raise InvalidInputError(
            f"split column {column.name!r} is neither train nor test in {int(other.sum())} rows "
            f"({listed(values)}): each row needs one of the two"
        )
    digest = hashlib.sha256(np.packbits(is_test).tobytes()).hexdigest()
    return _given(
        np.flatnonzero(is_train),
        np.flatnonzero(is_test),
        how={"by": "column", "column": column.name, "rows": digest},
        where=f"split column {column.name!r}",
    )


def split_by_files(train_rows: int, rows: int) -> Split:
    """The rows of the first file are for training, those of the second for testing."""
    return _given(
        np.arange(train_rows),
        np.arange(train_rows, rows),
        how={"by": "files", "trainRows": train_rows},
        where="the two files",
    )


def _given(train: np.ndarray, test: np.ndarray, *, how: Mapping[str, Any], where: str) -> Split:
    if not (len(train) and len(test)):
        raise InvalidInputError(
            f"{where} give {len(train)} training and {len(test)} test rows: at least one of each is needed"
        )
    return Split(train=train, test=test, how=how)
