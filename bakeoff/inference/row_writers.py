"""Writes tables one after another into a file, which appears when all are written, or to standard output."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.domain.ids_and_times import new_id
from registry.columns.json_values import jsonable

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows of one row group: small row groups would be slow to read.
_ROW_GROUP = 100_000
#: Text that must be quoted in CSV. So must empty text: a missing value is written as nothing.
_SPECIAL = r'^$|[",\r\n]'


class _FormatWriter(Protocol):
    def write_table(self, table: "pa.Table") -> None: ...

    def close(self) -> None: ...


class TableWriter:
    """Writes tables, all with the columns and types of the first one."""

    def __init__(self, file: BinaryIO, make: "Callable[[BinaryIO, pa.Schema], _FormatWriter]") -> None:
        self._file = file
        self._make = make
        self._schema: pa.Schema | None = None
        self._writer: _FormatWriter | None = None

    def write(self, table: "pa.Table") -> None:
        import pyarrow as pa

        if self._writer is None:
            self._schema = table.schema
            self._writer = self._make(self._file, table.schema)
        try:
            self._writer.write_table(table.cast(self._schema))
        except (pa.ArrowException, ValueError) as problem:
            raise InvalidInputError(
                f"the answers and the copied columns cannot be written in this format: {problem}"
            ) from problem

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@contextmanager
def open_writer(target: Path | None) -> Iterator[TableWriter]:
    """A writer for a file, which appears when the block ends without an error; None: standard output."""
    if target is None:
        with _errors("standard output"), closing(TableWriter(sys.stdout.buffer, _CsvWriter)) as writer:
            yield writer
            sys.stdout.flush()
        return
    make = _maker(target)
    with _replacing(target.resolve()) as file, closing(TableWriter(file, make)) as writer:
        yield writer


def _maker(target: Path) -> "Callable[[BinaryIO, pa.Schema], _FormatWriter]":
    make = _MAKERS.get(target.suffix.lower())
    if make is None:
        raise InvalidInputError(f"the ending of {target} says no format: expected {', '.join(_MAKERS)}")
    return make


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    if target.exists() and not target.is_file():
        raise InvalidInputError(f"{target} is no file that could be written: name another one")
    part = target.with_name(f".{target.name}.{new_id()[:8]}.part")
    try:
        file = part.open("xb")
    except OSError as problem:
        raise InvalidInputError(f"{target} cannot be written: {problem.strerror}") from problem
    try:
        with file, _errors(target):
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _errors(target: Path | str) -> Iterator[None]:
    """Turns errors into ours, except BrokenPipeError: the reader of our output may stop reading."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise InfrastructureError(f"{target} cannot be written: {problem}") from problem


class _CsvWriter:
    """Quotes only where needed. Arrow's own writer quotes all text or none."""

    def __init__(self, file: BinaryIO, schema: "pa.Schema") -> None:
        self._file = file
        self._names: list[str] | None = schema.names  #: None once they are written

    def write_table(self, table: "pa.Table") -> None:
        import pyarrow as pa
        from pyarrow import csv

        names = pa.array(self._names or [], pa.string())
        options = csv.WriteOptions(
            include_header=self._names is not None,
            quoting_header=_quotes(names),
            quoting_style=_quotes(*filter(_is_text, table.columns)),
        )
        csv.write_csv(table, self._file, options)
        self._names = None

    def close(self) -> None:
        """Everything is written already."""


def _quotes(*columns: "pa.Array | pa.ChunkedArray") -> str:
    import pyarrow.compute as pc

    needed = any(pc.any(pc.match_substring_regex(column, _SPECIAL)).as_py() for column in columns)
    return "needed" if needed else "none"


def _is_text(column: "pa.ChunkedArray") -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


class _JsonLinesWriter:
    def __init__(self, file: BinaryIO, _: "pa.Schema") -> None:
        self._file = file

    def write_table(self, table: "pa.Table") -> None:
        lines = (json.dumps(jsonable(row), ensure_ascii=False) + "\n" for row in table.to_pylist())
        self._file.write("".join(lines).encode())

    def close(self) -> None:
        """Everything is written already."""


class _ParquetWriter:
    """Collects tables until they fill a row group."""

    def __init__(self, file: BinaryIO, schema: "pa.Schema") -> None:
        import pyarrow.parquet as pq

        self._writer = pq.ParquetWriter(file, schema)
        self._collected: list[pa.Table] = []

    def write_table(self, table: "pa.Table") -> None:
        self._collected.append(table)
        if sum(len(table) for table in self._collected) >= _ROW_GROUP:
            self._write_row_group()

    def _write_row_group(self) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.concat_tables(self._collected))
        self._collected.clear()

    def close(self) -> None:
        if self._collected:
            self._write_row_group()
        self._writer.close()


_MAKERS: "Mapping[str, Callable[[BinaryIO, pa.Schema], _FormatWriter]]" = {
    ".csv": _CsvWriter,
    ".parquet": _ParquetWriter,
    ".pq": _ParquetWriter,
    ".jsonl": _JsonLinesWriter,
    ".ndjson": _JsonLinesWriter,
}
