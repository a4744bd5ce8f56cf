import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_matrix

from bakeoff.domain.errors import InvalidInputError
from bakeoff.notebook.given_data import clear_inputs, write_data

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"]}, index=[7, 8, 9])


class OfAnotherLibrary:
    """What polars, DuckDB and others have in common: they give Arrow."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


TABLE = pa.table({"a": [1, 2, 3], "b": ["x", "y", "x"]})


@pytest.mark.parametrize(
    "make",
    [
        lambda: FRAME,
        lambda: TABLE,
        lambda: OfAnotherLibrary(TABLE),
        lambda: pl.DataFrame(FRAME),  # has threads from then on, so not while tests are collected
        lambda: FRAME.to_records(index=False),
    ],
    ids=["pandas", "arrow", "another", "polars", "records"],
)
def test_every_kind_of_frame_becomes_a_file_of_its_values(make: Callable[[], Any], tmp_path: Path) -> None:
    X = make()
    found = write_data(X, [0, 1, 0], folder=tmp_path)

    assert pq.read_table(found.path).to_pydict() == {
        "a": [1, 2, 3],
        "b": ["x", "y", "x"],
        "target": [0, 1, 0],
    }
    assert found.path == write_data(X, np.array([0, 1, 0]), folder=tmp_path).path


def test_the_same_data_are_written_once_and_others_elsewhere(tmp_path: Path) -> None:
    first = write_data(FRAME, [0, 1, 0], folder=tmp_path).path
    written_at = first.stat().st_mtime_ns
    again = write_data(FRAME.copy(), [0, 1, 0], folder=tmp_path).path
    other = write_data(FRAME, [0, 1, 1], folder=tmp_path).path

    assert again == first
    assert first.stat().st_mtime_ns == written_at
    assert other != first
    assert sorted(tmp_path.iterdir()) == sorted([first, other])


@pytest.mark.parametrize("what", ["y", "groups"])
def test_values_whose_index_says_that_they_belong_to_other_rows_are_refused(
    what: str, tmp_path: Path
) -> None:
    turned = pd.Series([0, 1, 0], index=[9, 8, 7])
    given = {"y": [0, 1, 0], "groups": [1, 1, 2]} | {what: turned}

    with pytest.raises(InvalidInputError, match=rf"{what} has the index of X in another order.*{what}.loc"):
        write_data(FRAME, given["y"], folder=tmp_path, beside={"groups": given["groups"]})
    for labels in ([0, 1, 2], [17, 18, 19]):
        assert write_data(FRAME, pd.Series([0, 1, 0], index=labels), folder=tmp_path).path.is_file()


def test_values_of_partly_other_rows_are_refused(tmp_path: Path) -> None:
    some = pd.Series([0, 1, 0], index=[8, 9, 10])
    with pytest.raises(InvalidInputError, match=r"other rows than X: 2 of 3 labels .* `y.to_numpy\(\)`"):
        write_data(FRAME, some, folder=tmp_path)


def test_arrays_have_numbered_columns(tmp_path: Path) -> None:
    found = write_data(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array(["no", "yes"]), folder=tmp_path)
    assert pq.read_table(found.path).column_names == ["x0", "x1", "target"]


def test_the_target_keeps_its_name_unless_a_feature_has_it(tmp_path: Path) -> None:
    named = write_data(FRAME, pd.Series([0, 1, 0], name="churned"), folder=tmp_path)
    taken = write_data(FRAME, pd.Series([0, 1, 0], name="a"), folder=tmp_path)
    of_frame = write_data(FRAME, "b", folder=tmp_path)

    assert [named.target, taken.target, of_frame.target] == ["churned", "a_2", "b"]


def test_a_file_is_used_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "churn.csv"
    file.write_text("a,y\n1,0\n")
    found = write_data(file, "y", folder=tmp_path / "inputs")

    assert (found.name, found.path, found.target) == ("churn", file, "y")
    assert not (tmp_path / "inputs").exists()


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (FRAME, None, "what is to be predicted"),
        (FRAME, [0, 1], "y has 2 values, and X has 3 rows"),
        (FRAME, "bb", r"y is 'bb', which is no column of X; did you mean 'b'\?"),
        (np.arange(3), [0, 1, 0], r"X is a ndarray of 3 values, .* give `X.reshape\(-1, 1\)` if it is one"),
        (np.zeros((3, 1, 1)), [0, 1, 0], r"X is a ndarray of shape \(3, 1, 1\), and data have rows and col"),
        (iter([[1], [2]]), [0, 1], r"X is a list_iterator, which can be read only once: give `list\(X\)`"),
        (pl.LazyFrame({"a": [1]}), [0], r"a LazyFrame is not computed yet: give `.collect\(\)` of it"),
        (
            pd.DataFrame.sparse.from_spmatrix(csr_matrix(np.eye(3))),
            [0, 1, 0],
            r"columns '0', '1', '2' of X are sparse, .* give `X.sparse.to_dense\(\)`",
        ),
        (FRAME, np.zeros((3, 2)), r"y is a ndarray of shape \(3, 2\), and a column has one dimension"),
        (csr_matrix(np.eye(3)), [0, 1, 0], r"X is a sparse matrix, .* `X.toarray\(\)`"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), [0], "X has columns of the same name: 'a'"),
        (pd.DataFrame({"a": [1, "x", 2.0]}), [0, 1, 0], "X cannot be stored: .*a.*values of one type"),
        ("data.xls", "y", r"is '.*data.xls': a file of data ends in|X is '.*data.xls', and a file ends in"),
        ("none.csv", "y", r"there is no file .*none.csv"),
    ],
)
def test_what_cannot_be_used_is_named_with_the_cure(
    X: object, y: object, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError, match=message):
        write_data(X, y, folder=tmp_path)


def test_inputs_are_removed_when_nobody_has_used_them_for_long(tmp_path: Path) -> None:
    old, used, new = (write_data(FRAME, [0, 1, last], folder=tmp_path).path for last in (0, 1, 2))
    month_ago = time.time() - 31 * 86_400
    os.utime(old, (month_ago, month_ago))
    os.utime(used, (month_ago, month_ago))
    write_data(FRAME, [0, 1, 1], folder=tmp_path)

    clear_inputs(tmp_path, unused_s=30 * 86_400)
    assert sorted(tmp_path.iterdir()) == sorted([used, new])


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    name: Any = 5

    with pytest.raises(InvalidInputError, match="name is 5: give text"):
        write_data(FRAME, None, folder=tmp_path, name=name)
