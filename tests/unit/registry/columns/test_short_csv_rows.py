"""Rows of CSV files that have fewer values than the first line has names."""

import gzip

import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.datasets.sources.csv_and_parquet_sources import read_csv
from bakeoff.inference.row_readers import open_rows

SHORT = {
    "first": ("a,b,y\n1,2\n3,4,5\n", "line 2 has 2 values and the first line has 3 names"),
    "last, without an end": ("a,b,y\n3,4,5\n1,2", "line 3 has 2 values"),
    "one value": ("a,b,y\n3,4,5\n1\n", "line 3 has 1 value and"),
    "after an empty line": ("a,b,y\n3,4,5\n\n1,2\n", "line 4 has 2 values"),
    "after a quoted separator": ('a,b,y\n3,"4,4",5\n1,"2,2"\n', "line 3 has 2 values"),
    "after a quoted end of line": ('a,b,y\n3,"4\n4",5\n1,2\n', "line 4 has 2 values"),
    "after a lone quote": ('a,b,y\n3,4" wide,5\n1,2\n', "line 3 has 2 values"),
    "after a doubled quote": ('a,b,y\n3,"4"" wide, 5",5\n1,2\n', "line 3 has 2 values"),
    "beside an empty value": ("a,b,y\n3,4,\n1,2\n", "line 3 has 2 values"),
}
WHOLE = {
    "empty values": "a,b,y\n1,2,\n,,\n3,4,5\n",
    "quoted separators": 'a,b,y\n1,"2,2",\n"3,3,3",4,5\n',
    "quoted ends of lines": 'a,b,y\n1,"2\n\n2",\n3,4,5\n',
    "lone quotes": 'a,b,y\n1,2" wide,\n3,4" wide,5\n6,7" high,\n',
    "doubled quotes": 'a,b,y\n1,"2"" wide, 3",\n3,4,5\n',
    "empty lines": "a,b,y\n1,2,\n\n3,4,5\n  \n\n",
    "a separator at each end": "a,b,\n1,2,\n3,4,\n",
    "a separator at the end of the first line": "a,b,\n1,2\n3,4\n",
    "ends of lines of Windows": "a,b,y\r\n1,2,\r\n3,4,5\r\n",
    "one column": "a\n1\n\n2\n",
    "a missing value with a name": "a,b,y\n1,2,NA\n3,4,5\n",
}


@pytest.mark.parametrize("place", SHORT)
@pytest.mark.parametrize("ending", ["", "\n7,8,9\n"])
def test_a_row_with_fewer_values_than_names_is_refused_with_its_line(tmp_path, place, ending):
    text, said = SHORT[place]
    file = tmp_path / "data.csv"
    file.write_text(text + ending)

    with pytest.raises(InvalidInputError, match=rf"data\.csv cannot be read as CSV: {said}"):
        read_csv(file, {})


@pytest.mark.parametrize("how", WHOLE)
def test_rows_that_have_all_their_values_are_read_however_these_are_written(tmp_path, how):
    file = tmp_path / "data.csv"
    file.write_text(WHOLE[how])

    assert len(read_csv(file, {})) == len([*open_rows(file, None).batches(["a"], [], 1)])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_short_rows_are_found_in_any_encoding_and_with_any_separator(tmp_path, encoding, separator):
    file = tmp_path / "data.csv"
    file.write_text("a,b,y\n3,Ⰲ,5\n1,2\n".replace(",", separator), encoding=encoding)

    with pytest.raises(InvalidInputError, match="line 3 has 2 values"):
        read_csv(file, {})


def test_short_rows_are_found_in_compressed_files(tmp_path):
    file = tmp_path / "data.csv.gz"
    file.write_bytes(gzip.compress(b"a,b,y\n3,4,5\n1,2\n"))

    with pytest.raises(InvalidInputError, match="line 3 has 2 values"):
        read_csv(file, {})


def test_short_rows_are_found_among_declared_types(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("a,b,y\n3,4,5\n1,2\n")

    with pytest.raises(InvalidInputError, match="line 3 has 2 values"):
        read_csv(file, {"y": "int64"})


def test_a_quote_that_spans_what_is_read_at_once_stays_one(tmp_path):
    file = tmp_path / "data.csv"
    long = ",".join("x" * 1000 for _ in range(3000))
    file.write_text(f'a,b,y\n1,"{long}",\n3,4,5\n')

    assert len(read_csv(file, {})) == 2


def test_a_file_to_predict_is_refused_for_a_short_row_in_any_of_its_batches(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("a,b,y\n3,4,5\n1,2\n6,7,8\n")

    with pytest.raises(InvalidInputError, match=r"line 3 has 2 values .* add what is missing"):
        [*open_rows(file, None).batches(["a"], [], 1)]
