"""Separators, encodings and decimal marks: found where the file shows them, else asked for."""

import bz2
import gzip
import lzma
import tarfile
import zipfile

import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.datasets.sources.csv_and_parquet_sources import csv_columns, read_csv
from registry.columns.detect_csv_format import format_of

ROWS = "name{0}price{0}y\nKöln{0}1.5{0}0\nRom{0}2.25{0}1\n"


@pytest.mark.parametrize("separator", ["§", "\U000938a4", "\n", '"'])
def test_what_cannot_separate_values_is_refused_with_what_can(tmp_path, separator):
    file = tmp_path / "data.csv"
    file.write_text("a,b\n1,2\n")

    with pytest.raises(InvalidInputError, match="the separator is one ASCII character, such as ; or a tab"):
        format_of(file, separator=separator)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_separator_and_marked_encoding_are_found(tmp_path, separator, encoding):
    file = tmp_path / "data.csv"
    file.write_text(ROWS.format(separator), encoding=encoding)

    assert read_csv(file, {}).to_dict("list") == {
        "name": ["Köln", "Rom"],
        "price": [1.5, 2.25],
        "y": [0, 1],
    }


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a,b;c\n1,2;3\n", ["a", "b;c"]),
        ('"x, y";z\n1;2\n', ["x, y", "z"]),
        ("what is it; really\n1\n", ["what is it; really"]),
        ("alone\n1\n", ["alone"]),
        ("a;b\n", ["a", "b"]),
    ],
)
def test_a_comma_in_the_first_line_comes_first_and_a_separator_must_be_in_the_second_too(
    tmp_path, text, columns
):
    file = tmp_path / "data.csv"
    file.write_text(text)

    assert csv_columns(file) == columns


@pytest.mark.parametrize(
    ("prices", "read"),
    [(["1,5", "-2,25"], [1.5, -2.25]), (["1,5", "2.5"], ["1,5", "2.5"]), (["1", "2"], [1, 2])],
)
def test_decimal_commas_are_read_where_values_are_separated_by_semicolons(tmp_path, prices, read):
    file = tmp_path / "data.csv"
    file.write_text("price;y\n" + "".join(f"{price};0\n" for price in prices))

    assert read_csv(file, {})["price"].tolist() == read


PACKED = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("suffix", PACKED)
def test_a_compressed_file_is_looked_into(tmp_path, suffix):
    file = tmp_path / f"data.csv{suffix}"
    file.write_bytes(PACKED[suffix](ROWS.format(";").encode()))

    assert csv_columns(file) == ["name", "price", "y"]


@pytest.mark.parametrize("suffix", PACKED)
def test_a_compressed_file_that_is_cut_off_is_named(tmp_path, suffix):
    file = tmp_path / f"data.csv{suffix}"
    file.write_bytes(PACKED[suffix](ROWS.format(";").encode())[:-9])

    with pytest.raises(InvalidInputError, match=r"data\.csv.* cannot be read: "):
        csv_columns(file)


def test_the_file_in_an_archive_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.csv.zip", "w") as archive:
        archive.writestr("data.csv", ROWS.format(","))
    with tarfile.open(tmp_path / "data.csv.tar.gz", "w:gz") as archive:
        (tmp_path / "data.csv").write_text(ROWS.format(","))
        archive.add(tmp_path / "data.csv", "data.csv")

    for name in ("data.csv.zip", "data.csv.tar.gz"):
        assert csv_columns(tmp_path / name) == ["name", "price", "y"]


def test_what_is_given_is_not_looked_for(tmp_path):
    file = tmp_path / "data.csv"
    file.write_bytes(ROWS.format(",").encode("utf-16-le"))
    found = format_of(file, separator=",", encoding="UTF-16LE")

    assert read_csv(file, {}, found)["name"].tolist() == ["Köln", "Rom"]


@pytest.mark.parametrize(
    ("encoding", "says"),
    [
        ("latin-1", "is no utf-8 text (.*): say what it is, by `encoding: latin-1`"),
        ("utf-16-le", "has zero bytes, so it is no UTF-8 text: .* --encoding utf-16-le"),
    ],
)
def test_an_encoding_that_is_not_marked_is_asked_for(tmp_path, encoding, says):
    file = tmp_path / "data.csv"
    file.write_bytes(ROWS.format(",").encode(encoding))

    with pytest.raises(InvalidInputError, match=says):
        read_csv(file, {})


def test_an_unknown_encoding_is_named(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text(ROWS.format(","))

    with pytest.raises(InvalidInputError, match="no encoding 'utf-9': utf-8, utf-16, latin-1"):
        format_of(file, encoding="utf-9")
