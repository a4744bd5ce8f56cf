"""Rows that repeat others, found by hashes that take in a few columns at a time."""

import numpy as np
import pandas as pd
import pytest

from bakeoff.evaluation.checks.row_checks import repeated_rows
from bakeoff.evaluation.datasets.canonical_column import Column, canonical


def columns(**values) -> list[Column]:
    return [canonical(pd.Series(series), name) for name, series in values.items()]


def groups_of(columns: list[Column]) -> list[list[int]]:
    """The rows that equal each other, group by group."""
    found = repeated_rows(columns)
    return sorted(found.rows[found.group == group].tolist() for group in np.unique(found.group))


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        ({"a": [1, 2, 1, 1], "b": ["x", "y", "x", "x"]}, [[0, 2, 3]]),
        ({"a": [1, 1, 1], "b": ["x", "y", "z"]}, []),
        ({"a": [1.5, np.nan, np.nan], "b": [None, "n", "n"]}, [[1, 2]]),
        ({"a": [0.0, -0.0]}, [[0, 1]]),
        ({"a": pd.Categorical(["x", "y", "x"]), "b": [True, True, True]}, [[0, 2]]),
        ({"a": pd.to_datetime(["2026-01-01", "2026-01-01"])}, [[0, 1]]),
        ({"a": [1, 2, 3, 1, 2, 3], "b": [1, 1, 1, 1, 2, 1], "c": [5, 5, 5, 5, 5, 5]}, [[0, 3], [2, 5]]),
    ],
)
def test_rows_that_equal_each_other_are_grouped(values, groups):
    assert groups_of(columns(**values)) == groups


def test_repeated_rows_are_those_that_pandas_finds():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.integers(0, 4, (5000, 6)), columns=list("abcdef"))
    found = repeated_rows(columns(**frame))
    assert found.rows.tolist() == np.flatnonzero(frame.duplicated(keep=False)).tolist()
    assert len(found.rows) - len(np.unique(found.group)) == 2092


def test_rows_are_told_apart_by_a_late_column_alone():
    frame = {f"c{place}": np.repeat([1.0, 2.0], 50) for place in range(13)}
    frame["last"] = np.arange(100.0)
    assert groups_of(columns(**frame)) == []
    frame["last"][7] = 3.0
    assert groups_of(columns(**frame)) == [[3, 7]]


def test_rows_are_looked_for_among_some_alone():
    found = repeated_rows(columns(a=[1, 1, 2, 2, 1]), np.array([0, 2, 4]))
    assert found.rows.tolist() == [0, 4]
