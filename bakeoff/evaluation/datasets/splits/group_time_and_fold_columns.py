"""The values of the columns that say how to split: groups, times, folds. None of them may be missing."""

from typing import Any

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import quoted
from bakeoff.evaluation.datasets.canonical_column import CATEGORY, DATETIME, STRING, Column

_SAMPLE = 5


def codes_in(column: Column, what: str) -> tuple[np.ndarray, list[Any]]:
    """The number of each row's value, and the values in sort order. `what` names the column in errors."""
    _refuse_missing(column, what)
    if column.type in {STRING, CATEGORY}:
        encoded: Any = column.array if column.type == CATEGORY else column.array.dictionary_encode()
        words = np.array(encoded.dictionary.to_pylist(), dtype=object)
        raw = encoded.indices.to_numpy(zero_copy_only=False)
        present, codes = np.unique(words[raw].astype(str), return_inverse=True)
        return codes.astype(np.intp), present.tolist()
    values, codes = np.unique(column.array, return_inverse=True)
    return codes.astype(np.intp), values.tolist()


def times_in(column: Column) -> np.ndarray:
    """Numbers that grow with the time. Text is read as ISO 8601 (2026-01-31, 2026-01-31T12:00:00Z)."""
    _refuse_missing(column, "time")
    if column.type == DATETIME:
        return np.asarray(column.array.view(np.int64))
    if column.is_numeric:
        return np.asarray(column.array)
    return _times_in_text(column)


def _times_in_text(column: Column) -> np.ndarray:
    import pandas as pd

    words = column.array.cast("string").to_pandas()
    times = pd.to_datetime(words, format="ISO8601", utc=True, errors="coerce")
    if times.isna().any():
        odd = sorted(set(words[times.isna()].head(_SAMPLE)))
        raise InvalidInputError(
            f"time column {column.name!r} is text that is no date, such as {quoted(odd[0])}: write dates as "
            f"2026-01-31, or say dtypes: {{{column.name}: datetime}}"
        )
    return np.asarray(times.dt.tz_localize(None).to_numpy("<M8[us]").view(np.int64))


def _refuse_missing(column: Column, what: str) -> None:
    if column.missing:
        raise InvalidInputError(
            f"{what} column {column.name!r} is missing in {column.missing} of {len(column)} rows: fill it "
            "in, or remove these rows"
        )


def weights_in(column: Column) -> np.ndarray:
    """How much each row counts: a number, not below 0."""
    _refuse_missing(column, "weight")
    if not column.is_numeric:
        raise InvalidInputError(f"weight column {column.name!r} is {column.type}: weights are numbers")
    weights = np.asarray(column.array, dtype=np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any():
        odd = weights[~np.isfinite(weights) | (weights < 0)][0]
        raise InvalidInputError(f"weight column {column.name!r} holds {odd:g}: weights are 0 or more")
    return weights
