"""The rows of a file as items and labels."""

from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.scored_and_labelled_item import Item, Label
from bakeoff.inference.read_items_and_labels import items_in, labels_in


def read(file: Path, size: int = 10, id_column: str = "id") -> list[Item]:
    return [
        item
        for _, batch in items_in(file, id_column=id_column, schema=None, batch_size=size)
        for item in batch
    ]


def test_each_row_of_a_csv_file_is_an_item_and_ids_stay_text(tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text("name,x,id,kind\nann,1,007,\nbob,2,b,blue\n")

    assert read(file) == [
        Item(id="007", features={"name": "ann", "x": 1, "kind": None}),
        Item(id="b", features={"name": "bob", "x": 2, "kind": "blue"}),
    ]


def test_of_parquet_numbers_bools_text_and_dates_come_through(tmp_path: Path) -> None:
    file = tmp_path / "in.parquet"
    columns = {
        "key": [7, 8],
        "x": [1.5, None],
        "seen": [True, False],
        "on": [date(2026, 1, 2), None],
        "at": [datetime(2026, 1, 2, 3, 4, 5), None],  # noqa: DTZ001 - a file may hold such
        "kind": pd.Categorical(["a", None]),
    }
    pd.DataFrame(columns).to_parquet(file)

    assert read(file, id_column="key") == [
        Item(
            id="7",
            features={"x": 1.5, "seen": True, "on": "2026-01-02", "at": "2026-01-02T03:04:05", "kind": "a"},
        ),
        Item(id="8", features={"x": None, "seen": False, "on": None, "at": None, "kind": None}),
    ]


def test_batches_tell_where_they_begin(tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text("id,x\n" + "".join(f"{n},{n}\n" for n in range(5)))

    found = [
        (first, [item.id for item in batch])
        for first, batch in items_in(file, id_column="id", schema=None, batch_size=2)
    ]
    assert found == [(0, ["0", "1"]), (2, ["2", "3"]), (4, ["4"])]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("key,x\na,1\n", "has no column 'id'; its columns: 'key', 'x'"),
        ("id,x\na,1\n,2\n", "row 2 of {file} has no id: each result needs one, its own"),
        ("id,x\na,inf\n", "column 'x' of {file} holds an infinite number, which is no feature"),
        ("id,x\n" + "a" * 201 + ",1\n", "is no id of a result: expected 1 to 200 printable characters"),
    ],
)
def test_what_is_no_item_is_an_error_that_says_where(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "in.csv"
    file.write_text(text)

    with pytest.raises(InvalidInputError) as refused:
        read(file)
    assert said.format(file=file) in str(refused.value)


def test_a_column_of_lists_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["a"], "x": [[1, 2]]}).to_parquet(tmp_path / "in.parquet")

    with pytest.raises(InvalidInputError, match=r"column 'x' of .* holds a ndarray: expected numbers, text"):
        read(tmp_path / "in.parquet")


def test_labels_are_read_beside_whatever_else_there_is(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("key,note,verdict\n01,so,1\n02,so,0\n")

    [batch] = labels_in(file, id_column="key", label_column="verdict", by="ada", batch_size=10)

    assert batch == [Label(item_id="01", value=1, by="ada"), Label(item_id="02", value=0, by="ada")]


def test_a_row_without_a_label_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("id,label\na,good\nb,\n")

    with pytest.raises(
        InvalidInputError, match=r"row 2 of .* has no label: leave out what nobody has judged"
    ):
        list(labels_in(tmp_path / "labels.csv", id_column="id", label_column="label", by="x", batch_size=10))
