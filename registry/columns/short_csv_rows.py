"""Rows of a CSV file that have fewer values than its first line has names: refused, never filled.

The parser of pandas fills such a row with missing values at its end and says nothing. So a file can have one
only if its last column has a missing value; then its separators are counted, which takes a small part of the
time of parsing, and only if one is missing are the rows looked at one by one.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import counted
from registry.columns.detect_csv_format import CsvFormat

if TYPE_CHECKING:
    import pandas as pd

_READ_AT_ONCE = 1 << 18  #: bytes: what is counted stays in the cache of the processor


def may_hide_short_rows(frame: "pd.DataFrame") -> bool:
    """Whether the last column of what was parsed has a missing value, as each short row has."""
    return frame.shape[1] > 1 and bool(frame.iloc[:, -1].isna().any())


def refuse_short_rows(path: Path, written: CsvFormat, names: Sequence[str], rows: int) -> None:
    """`names`: of the first line; `rows`: how many were parsed, none of which has more values than names."""
    if _separators(path, written) == (rows + 1) * (len(names) - 1):
        return
    needed = max((place for place, name in enumerate(names, start=1) if name), default=0)
    # The parser has no limit for the length of a value; that of the module holds for the whole process.
    limit = csv.field_size_limit(sys.maxsize)
    try:
        _refuse_first(path, written, len(names), needed)
    finally:
        csv.field_size_limit(limit)


def _separators(path: Path, written: CsvFormat) -> int:
    """How many bytes are one outside of quotes, if these only stand around whole values."""
    import numpy as np

    found, is_quoted = 0, False
    with _opened(path, "rb") as file:
        while read := file.read(_READ_AT_ONCE):
            data = np.frombuffer(read, np.uint8)
            are = data == ord(written.separator)
            if b'"' not in read:
                found += 0 if is_quoted else int(np.count_nonzero(are))
                continue
            # What is before the first quote, between each two, and behind the last: every other is quoted.
            quotes = np.flatnonzero(data == ord('"'))
            pieces = np.add.reduceat(are, np.append(0, quotes), dtype=np.int64)
            found += int(pieces[is_quoted::2].sum())
            is_quoted ^= len(quotes) % 2 == 1
    return found


def _refuse_first(path: Path, written: CsvFormat, expected: int, needed: int) -> None:
    with _opened(path, "r", written.encoding) as file:
        rows = csv.reader(file, delimiter=written.separator)
        for row in rows:
            is_blank = not row or (len(row) == 1 and not row[0].strip())
            if len(row) < needed and not is_blank:
                raise InvalidInputError(
                    f"{path} cannot be read as CSV: line {rows.line_num} has {counted(len(row), 'value')} "
                    f"and the first line has {expected} names: add what is missing; a value that is not "
                    f"known is written as nothing, and its separator {written.separator!r} stays"
                )


@contextmanager
def _opened(path: Path, mode: str, encoding: str | None = None) -> "Iterator[IO[Any]]":
    """As the parser opens it, whatever it is compressed by, with the ends of lines as they are."""
    from pandas.io.common import get_handle  # type: ignore[import-not-found] # its stubs leave it out

    with get_handle(path, mode, encoding=encoding, compression="infer", is_text=mode == "r") as handles:
        yield handles.handle
