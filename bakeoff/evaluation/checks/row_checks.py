"""Checks of whole rows: repeated ones, contradicting ones, test rows that training rows show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.wording import counted
from bakeoff.evaluation.checks.numeric_sample import SampledData
from bakeoff.evaluation.datasets.canonical_column import CATEGORY, STRING, Column

_FEWEST = 5  #: below so many rows it may be chance
_SHARE = 0.01
_NEAR_SHARE = 0.02
#: If a row is expected to have so many twins by chance, twins say nothing.
_NATURAL = 0.01
_MANY = 200_000
_HARDLY_ANY = 0.001
_NEAR = 0.05  #: of the median distance to the nearest row
_FEWEST_CONTINUOUS = 3
_FEWEST_NEAR = 20
_MOST_NEAR = 1_000
#: Of more training rows a sample would hardly ever have the one that a test row resembles.
_MOST_TRAINED = 100_000
_CHUNK = 250
_EXAMPLES = 5
#: How many columns are hashed before rows are compared for the first time.
_FIRST_COLUMNS = 4


def row_findings(data: SampledData) -> Iterator[Finding]:
    hardly_any = _twins_are_natural(data) or _hardly_any_repeat(data)
    repeats = RepeatedRows.none() if hardly_any else repeated_rows(data.table.features)
    if len(repeats.rows) >= _FEWEST:
        yield from _of_repeats(data, repeats)
    if (found := _near_duplicates(data, repeats)) is not None:
        yield found


@dataclass(frozen=True, kw_only=True, eq=False)
class RepeatedRows:
    rows: np.ndarray  #: rows that equal another one, in ascending order
    group: np.ndarray  #: equal rows have the same number, from 0

    @classmethod
    def none(cls) -> "RepeatedRows":
        return cls(rows=np.empty(0, dtype=np.intp), group=np.empty(0, dtype=np.intp))


def repeated_rows(columns: Sequence[Column], among: np.ndarray | None = None) -> RepeatedRows:
    """The rows that equal another one in all of the columns; `among`: of these rows alone.

    Each row has a hash, which takes in a few columns at a time. Rows whose hash is unique are dropped on the
    way, so that most data are decided after the first columns.
    """
    rows: np.ndarray | slice = slice(None) if among is None else among
    keys = np.zeros(len(columns[0]) if among is None else len(among), dtype=np.uint64)
    for few in _in_growing_groups(columns):
        for column in few:
            _mix(keys, _bits(column, rows))
        again = _may_occur_again(keys)
        rows = np.flatnonzero(again) if isinstance(rows, slice) else rows[again]
        keys = keys[again]
        if not len(keys):
            break
    _, group, number = np.unique(keys, return_inverse=True, return_counts=True)
    repeats = number[group] > 1
    kept = np.arange(len(keys)) if isinstance(rows, slice) else rows
    return RepeatedRows(rows=kept[repeats], group=np.unique(group[repeats], return_inverse=True)[1])


def _in_growing_groups(columns: Sequence[Column]) -> Iterator[Sequence[Column]]:
    """A few columns first, which distinguish most rows; then twice as many each time."""
    start, size = 0, _FIRST_COLUMNS
    while start < len(columns):
        yield columns[start : start + size]
        start, size = start + size, size * 2


def _mix(keys: np.ndarray, bits: np.ndarray) -> None:
    keys ^= bits
    keys *= np.uint64(0x9E3779B97F4A7C15)
    keys ^= keys >> np.uint64(29)


def _may_occur_again(keys: np.ndarray) -> np.ndarray:
    """Finds the keys that share a bucket: all that repeat, and some others. Sorting would take longer."""
    bits = (4 * len(keys)).bit_length()
    buckets = (keys >> np.uint64(64 - bits)).astype(np.intp)
    return np.asarray(np.bincount(buckets)[buckets] > 1)


def _bits(column: Column, rows: np.ndarray | slice) -> np.ndarray:
    """One whole number for each value; equal values have equal numbers."""
    values = column.array
    if column.type == STRING:
        values = values.dictionary_encode()
    if column.type in {STRING, CATEGORY}:
        values = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    if values.dtype.kind in "fM":
        values = values.view(f"u{values.dtype.itemsize}")
    return np.asarray(values[rows]).astype(np.uint64)


def _twins_are_natural(data: SampledData) -> bool:
    """Whether rows of so few different values are expected to be equal by chance."""
    expected = float(len(data.part.train))
    for column in data.features:
        shares = np.unique(data.train_of(column), return_counts=True)[1] / data.trained
        expected *= float((shares**2).sum())
        if expected < _NATURAL:
            return False
    return True


def _hardly_any_repeat(data: SampledData) -> bool:
    """Of many rows, looks first at a sixteenth of them: those of a certain hash in one column, so that twins
    are in it together.
    """
    total = data.table.rows
    if total < _MANY:
        return False
    keys = np.zeros(total, dtype=np.uint64)
    _mix(keys, _bits(max(data.features, key=lambda one: one.distinct).column, slice(None)))
    some = np.flatnonzero(keys < np.uint64(2**60))
    if not total / 32 < len(some) < total / 8:  # the column has few values
        return False
    return len(repeated_rows(data.table.features, some).rows) < _HARDLY_ANY * len(some)


def _of_repeats(data: SampledData, repeats: RepeatedRows) -> Iterator[Finding]:
    total = data.table.rows
    is_test = np.zeros(total, dtype=bool)
    is_test[data.part.test] = True
    tested = is_test[repeats.rows]
    groups = int(repeats.group.max()) + 1
    codes = data.table.target.codes
    labels = np.zeros(len(repeats.rows), dtype=np.intp) if codes is None else codes[repeats.rows]
    # Of each group, whether it has one label alone, and whether training rows are in it.
    least, most = np.full(groups, np.iinfo(np.intp).max), np.full(groups, -1)
    np.minimum.at(least, repeats.group, labels)
    np.maximum.at(most, repeats.group, labels)
    contradicts = (least != most)[repeats.group]
    trained = np.bincount(repeats.group[~tested], minlength=groups) > 0
    seen = tested & trained[repeats.group]
    first = np.zeros(len(repeats.rows), dtype=bool)
    first[np.unique(repeats.group, return_index=True)[1]] = True
    later = ~first & ~contradicts

    if _are_many(later.sum(), total):
        yield Finding(
            slug="duplicate-rows",
            severity=Severity.MEDIUM,
            message=f"{counted(int(later.sum()), 'row')} of {total:,} repeat an earlier one",
            cure="remove the repeats, or say `group: COLUMN` for what they have in common",
            rows=int(later.sum()),
            examples=_few(repeats.rows[later]),
        )
    if _are_many(contradicts.sum(), total):
        yield Finding(
            slug="contradicting-labels",
            severity=Severity.MEDIUM,
            message=f"{int(contradicts.sum()):,} of {total:,} rows have the same features as another row of "
            "another class",
            cure="mend the labels, or add the feature that tells these rows apart",
            rows=int(contradicts.sum()),
            examples=_few(repeats.rows[contradicts]),
        )
    if _are_many(seen.sum(), len(data.part.test)):
        yield Finding(
            slug="split-overlap",
            severity=Severity.HIGH,
            message=f"{int(seen.sum()):,} of {len(data.part.test):,} test rows have the same features as a "
            "training row",
            cure="remove the repeats, or say `group: COLUMN` for what they have in common",
            rows=int(seen.sum()),
            examples=_few(repeats.rows[seen]),
        )


def _are_many(rows: int, of: int) -> bool:
    return rows >= _FEWEST and rows >= _SHARE * of


def _few(rows: np.ndarray) -> tuple[int, ...]:
    return tuple(int(row) for row in rows[:_EXAMPLES])


def _near_duplicates(data: SampledData, repeats: RepeatedRows) -> Finding | None:
    """Test rows that lie much nearer to a training row than others do. Exact twins are left out."""
    if len(data.part.train) > _MOST_TRAINED:
        return None
    columns = list(data.continuous())
    tested = data.rows[data.trained :]
    chosen = np.flatnonzero(~np.isin(tested, repeats.rows))[:_MOST_NEAR]
    if len(columns) < _FEWEST_CONTINUOUS or len(chosen) < _FEWEST_NEAR:
        return None
    train = np.stack([_ranks(data.train_of(one), data.train_of(one)) for one in columns], axis=1)
    test = np.stack([_ranks(data.test_of(one)[chosen], data.train_of(one)) for one in columns], axis=1)
    distance = _to_nearest(train, test)
    near = distance < _NEAR * np.median(distance)
    if near.sum() < _FEWEST or near.mean() < _NEAR_SHARE:
        return None
    return Finding(
        slug="near-duplicate-rows",
        severity=Severity.MEDIUM,
        message=f"{int(near.sum()):,} of {len(chosen):,} test rows nearly equal a training row{data.of_what}",
        cure="say `group: COLUMN` for what such rows have in common, or remove all but one of them",
        rows=int(near.sum()),
        examples=_few(tested[chosen[near]]),
    )


def _ranks(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The share of smaller values: so that neither outliers nor units decide what is near."""
    ordered = np.sort(np.nan_to_num(among))
    place = np.searchsorted(ordered, np.nan_to_num(values))
    return np.asarray((place / len(ordered)).astype(np.float32))


def _to_nearest(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    squares = (train**2).sum(axis=1)
    nearest = []
    for start in range(0, len(test), _CHUNK):
        some = test[start : start + _CHUNK]
        closest = (squares - 2 * some @ train.T).argmin(axis=1)
        # The difference is computed anew: by squares, small distances drown in rounding.
        nearest.append(np.sqrt(((some - train[closest]) ** 2).sum(axis=1)))
    return np.concatenate(nearest)
