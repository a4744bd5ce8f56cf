"""How a CSV file is written: its encoding, separator and decimal mark, given or found by its first lines."""

import bz2
import codecs
import csv
import gzip
import lzma
import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import quoted

_LOOKED_AT_BYTES = 65_536
_LOOKED_AT_LINES = 50
_SEPARATORS = ",;\t|"
_NO_SEPARATORS = '\n\r\0"'
_MARKS = (  # the longer ones first: that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OPENERS: Mapping[str, Callable[..., IO[Any]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}
_ARCHIVES = frozenset({".zip", ".zst", ".tar"})
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_DECIMAL_POINT = re.compile(r"-?\d+\.\d+")


@dataclass(frozen=True, kw_only=True)
class CsvFormat:
    separator: str
    encoding: str
    decimal: str


def format_of(path: Path, *, separator: str | None = None, encoding: str | None = None) -> CsvFormat:
    """`separator` and `encoding` as the user has given them; None: found by looking at the file."""
    if separator is not None and (separator in _NO_SEPARATORS or not separator.isascii()):
        raise InvalidInputError(
            f"{quoted(separator)} cannot stand between the values of {path}: the separator is one ASCII "
            "character, such as ; or a tab"
        )
    start = _start_of(path)
    encoding = _known(encoding) if encoding else _encoding_of(start, path)
    lines = start.decode(encoding, errors="replace").splitlines()[:_LOOKED_AT_LINES]
    if separator is None:
        separator = "\t" if ".tsv" in path.suffixes else _separator_of(lines)
    return CsvFormat(
        separator=separator,
        encoding=encoding,
        decimal="," if separator == ";" and _have_decimal_commas(lines[1:]) else ".",
    )


def _start_of(path: Path) -> bytes:
    """Nothing of an archive, in which pandas finds the file."""
    if not _ARCHIVES.isdisjoint(path.suffixes):
        return b""
    try:
        with _OPENERS.get(path.suffix, Path.open)(path, "rb") as file:
            start: bytes = file.read(_LOOKED_AT_BYTES)
            return start
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as problem:
        raise InvalidInputError(f"{path} cannot be read: {problem}") from problem


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise InvalidInputError(
            f"there is no encoding {quoted(encoding)}: utf-8, utf-16, latin-1 and cp1252 are common"
        ) from None


def _encoding_of(start: bytes, path: Path) -> str:
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    if b"\0" in start:
        raise InvalidInputError(
            f"{path} has zero bytes, so it is no UTF-8 text: save it as UTF-8; or, if it is a dataset "
            "in UTF-16, say so by `encoding: utf-16-le` in its entry or --encoding utf-16-le"
        )
    return "utf-8"


def _separator_of(lines: Sequence[str]) -> str:
    """A comma, unless the first line has none: then what it has most of, if the second has as many."""
    first, second = (lines[0] if lines else ""), (lines[1] if len(lines) > 1 else "")
    counts = [Counter(_outside_quotes(line)) for line in (first, second)]
    found = max(_SEPARATORS, key=lambda one: (one == "," and counts[0][one] > 0, counts[0][one]))
    agree = counts[0][found] > 0 and (not second or counts[0][found] == counts[1][found])
    return found if agree else ","


def _outside_quotes(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def _have_decimal_commas(lines: Sequence[str]) -> bool:
    cells = [cell.strip() for row in csv.reader(lines, delimiter=";") for cell in row]
    return any(map(_DECIMAL_COMMA.fullmatch, cells)) and not any(map(_DECIMAL_POINT.fullmatch, cells))
