"""Checks of a dataset before anything is written: errors stop the run, warnings are shown with it."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from bakeoff.domain.design import ONE_SPLIT, Design
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.datasets.canonical_column import CATEGORY, STRING, Column
from bakeoff.evaluation.datasets.splits.row_split import FoldRows, Split
from bakeoff.evaluation.datasets.target import Target
from bakeoff.settings.setting_definitions import DatasetSettings

_FEW_ROWS = 50
#: With fewer rows, a column without repeated values is nothing unusual.
_LEAST_ROWS_FOR_IDS = 20
_SAMPLE = 1_000
_DATE = re.compile(r"[12]\d{3}-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d\S*)?$|[0-3]?\d[./][0-3]?\d[./][12]\d{3}$")
#: How many columns are hashed before rows are compared for the first time.
_FIRST_COLUMNS = 4


def feature_names(
    names: Sequence[str], dataset: DatasetSettings, target: str, design: Design = ONE_SPLIT
) -> list[str]:
    """The columns that models will see. A column that the settings name and the data lack is an error.

    Groups, times and folds say how to split. They are no features unless `features` names them.
    """
    _refuse_doubles(names)
    split_columns = {
        "group": {name for name in (dataset.group, design.group) if name},
        "time": {name for name in (dataset.time, design.time) if name},
        "foldColumn": {name for name in (dataset.fold_column, design.fold_column) if name},
    }
    named: dict[str, Collection[str]] = {
        "target": [target],
        "splitColumn": [dataset.split_column] if dataset.split_column else [],
        **split_columns,
        "features": dataset.features or [],
        "drop": dataset.drop,
    }
    for key, columns in named.items():
        for column in columns:
            _require(column, names, key)
    not_features = {target, dataset.split_column or target}
    for key in ("group", "time", "foldColumn"):
        if target in split_columns[key]:
            raise InvalidInputError(f"{key} is {target!r}, the target: name another column")
    for key, columns in {"features": dataset.features or [], "drop": dataset.drop}.items():
        if not_features.intersection(columns):
            raise InvalidInputError(
                f"{key} names {listed(not_features.intersection(columns))}, the target or split column"
            )
    wanted = names if dataset.features is None else dataset.features
    if dataset.features is None:
        not_features.update(*split_columns.values())
    features = [name for name in wanted if name not in {*not_features, *dataset.drop}]
    if not features:
        raise InvalidInputError(
            f"no feature column is left beside the target {target!r}; the columns are {listed(names)}"
        )
    _refuse_doubles(features)
    return features


def _refuse_doubles(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InvalidInputError(f"columns of the same name: {listed(twice)}; rename or drop all but one")


def _require(column: str, names: Sequence[str], key: str) -> None:
    if column not in names:
        raise InvalidInputError(
            f"{key}: there is no column {column!r}{nearest(column, names)}; the columns are {listed(names)}"
        )


def check_rows(rows: int) -> None:
    if rows < 2:  # noqa: PLR2004 - one to train on, one to test
        raise InvalidInputError(f"the data have {rows} rows: one to train on and one to test are the least")


def check_values(columns: Sequence[Column]) -> None:
    """Infinite values are an error: most models refuse them, after having read all the data."""
    infinite = [column.name for column in columns if _has_infinite(column)]
    if infinite:
        raise InvalidInputError(
            f"infinite values in {listed(infinite)}: make them missing or numbers, or drop the columns"
        )


def _has_infinite(column: Column) -> bool:
    if not column.is_numeric or column.array.dtype.kind != "f":
        return False
    ends = np.array([np.fmin.reduce(column.array), np.fmax.reduce(column.array)])
    return bool(np.isinf(ends).any())


def warnings_of(features: Sequence[Column], target: Column) -> Iterator[str]:
    rows = len(target)
    if rows < _FEW_ROWS:
        yield f"only {rows} rows: the metrics say little"
    empty = [column.name for column in features if column.missing == rows]
    if empty:
        yield f"columns without any value: {listed(empty)}"
    constant = [column.name for column in features if column.name not in empty and _is_constant(column)]
    if constant:
        yield f"columns with one value only: {listed(constant)}"
    ids = [column.name for column in features if _is_like_an_id(column)]
    if ids:
        yield f"columns that differ in every row, like an id: {listed(ids)}; name them under drop if they are"
    dates = [column.name for column in features if _is_text_of_dates(column)]
    if dates:
        cure = f"write `dtypes: {{{dates[0]}: datetime}}` if it is"
        yield f"text that looks like dates: {listed(dates)}; {cure}"
    repeated = repeated_rows([*features, target])
    if repeated:
        yield f"rows that repeat an earlier one: {repeated}; the same row may be trained on and tested"


def split_warnings(target: Target, split: Split) -> Iterator[str]:
    """Refuses a training part with a single class; warns of classes that only the test part has."""
    if target.codes is None:
        return
    parts = split.folds or (FoldRows(train=split.train, test=split.test),)
    unseen = set()
    for place, part in enumerate(parts):
        trained = np.bincount(target.codes[part.train], minlength=len(target.classes)) > 0
        tested = np.bincount(target.codes[part.test], minlength=len(target.classes)) > 0
        if trained.sum() < 2:  # noqa: PLR2004  two classes
            of_fold = f" of {split.design.fold_title(place)}" if split.folds else ""
            raise InvalidInputError(
                f"all training rows{of_fold} are of one class of {target.name!r}: two are needed; change the "
                "split"
            )
        unseen.update(np.flatnonzero(tested & ~trained).tolist())
    if unseen:
        names = [str(target.classes[code]) for code in sorted(unseen)]
        where = " in some fold" if split.folds else ""
        yield f"classes in the test rows that no training row shows{where}: {listed(names)}"


def _is_constant(column: Column) -> bool:
    if column.missing:
        return False
    return all(_distinct(column.array[:end]) == 1 for end in (_SAMPLE, len(column)))


def _is_like_an_id(column: Column) -> bool:
    rows = len(column)
    whole = column.is_numeric and column.array.dtype.kind in "iu"
    if rows < _LEAST_ROWS_FOR_IDS or column.missing or not (whole or column.type == STRING):
        return False
    return all(_distinct(column.array[:end]) == min(end, rows) for end in (_SAMPLE, rows))


def _is_text_of_dates(column: Column) -> bool:
    if column.type != STRING:
        return False
    values = column.array[:_SAMPLE].drop_null().to_pylist()
    return bool(values) and all(map(_DATE.match, values))


def _distinct(values: Any) -> int:
    if isinstance(values, np.ndarray):
        return 1 if (values == values[0]).all() else len(np.unique(values))
    return len(values.unique())


def repeated_rows(columns: Sequence[Column]) -> int:
    """How many rows equal an earlier one.

    Each row has a hash, which takes in a few columns at a time. Rows whose hash is unique are dropped on the
    way, so that most data are decided after the first columns.
    """
    keys = np.zeros(len(columns[0]), dtype=np.uint64)
    rows: np.ndarray | slice = slice(None)
    for few in _in_growing_groups(columns):
        for column in few:
            _mix(keys, _bits(column, rows))
        again = _may_occur_again(keys)
        if not again.any():
            return 0
        rows = np.flatnonzero(again) if isinstance(rows, slice) else rows[again]
        keys = keys[again]
    return len(keys) - len(np.unique(keys))


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
