"""Reads the rows of a file in batches, so that memory does not grow with the file.

Of a Parquet file only the wanted columns are read. In a CSV file, text columns of the model and columns that
are only copied are read as text, so that 007 stays 007.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import broken_csv
from registry.columns.detect_csv_format import format_of
from registry.columns.short_csv_rows import may_hide_short_rows, refuse_short_rows
from registry.columns.signature import ColumnSpec, ColumnType, Signature

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: How much of a column is read ahead. Without a bound, whole row groups would be.
_AHEAD_BYTES = 1 << 18
_PARQUET = (".parquet", ".pq")
_DELIMITED = (".csv", ".tsv")


class RowSource(Protocol):
    path: Path
    names: tuple[str, ...]  #: of all its columns
    rows: int | None  #: None if it is known only when all rows are read

    def batches(
        self, features: Sequence[str], ids: Sequence[str], size: int
    ) -> "Iterator[tuple[pd.DataFrame, pa.Table]]":
        """Yields features and ids, in batches of so many rows."""


def open_rows(path: Path, schema: Signature | None) -> RowSource:
    endings = [suffix.lower() for suffix in path.suffixes]
    if endings[-1:] and endings[-1] in _PARQUET:
        return _ParquetRows(path)
    if any(ending in _DELIMITED for ending in endings[-2:]):
        return _DelimitedRows(path, schema, "\t" if ".tsv" in endings[-2:] else None)
    raise InvalidInputError(
        f"{path} is neither CSV nor Parquet by its name: expected {', '.join(_DELIMITED + _PARQUET)}"
    )


class _ParquetRows:
    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self.path = path
        with self._errors():
            self._file = pq.ParquetFile(path, buffer_size=_AHEAD_BYTES, pre_buffer=False)
        self.names = tuple(self._file.schema_arrow.names)
        self.rows: int | None = self._file.metadata.num_rows

    def batches(
        self, features: Sequence[str], ids: Sequence[str], size: int
    ) -> "Iterator[tuple[pd.DataFrame, pa.Table]]":
        import pyarrow as pa

        wanted = list(dict.fromkeys([*features, *ids]))
        with self._errors():
            for batch in self._file.iter_batches(size, columns=wanted):
                table = pa.Table.from_batches([batch]).replace_schema_metadata(None)
                yield table.select(features).to_pandas(), _decoded(table.select(ids))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError) as problem:
            raise InvalidInputError(f"{self.path} cannot be read as Parquet: {problem}") from problem


def _decoded(table: "pa.Table") -> "pa.Table":
    """Replace categories by their values: the next batch may have other codes."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(field.type.value_type))
    return table


class _DelimitedRows:
    def __init__(self, path: Path, schema: Signature | None, separator: str | None) -> None:
        self.path = path
        self._written = format_of(path, separator=separator)
        self._text = set() if schema is None else {spec.name for spec in schema.inputs if _is_text(spec)}
        self.names = self._header()
        self.rows: int | None = None

    def batches(
        self, features: Sequence[str], ids: Sequence[str], size: int
    ) -> "Iterator[tuple[pd.DataFrame, pa.Table]]":
        import pyarrow as pa

        text = {name: "str" for name in self.names if name in self._text.union(ids)}
        both = (set(ids) & set(features)) - self._text
        rows, suspicious = 0, False
        with self._errors(), self._parse(dtype=text, chunksize=size) as chunks:
            for chunk in chunks:
                rows, suspicious = rows + len(chunk), suspicious or may_hide_short_rows(chunk)
                frame = chunk[list(features)].assign(**{name: self._numbers(chunk[name]) for name in both})
                yield frame, pa.Table.from_pandas(chunk[list(ids)], preserve_index=False)
        if suspicious:
            refuse_short_rows(self.path, self._written, self.names, rows)

    def _header(self) -> tuple[str, ...]:
        """The first line as it is; pandas would rename a name that occurs twice.

        The second line is read too: if it has more values than there are names, that is an error. Otherwise
        pandas would take the first value of each row for its index, and put all others under the wrong names.
        """
        with self._errors():
            first = self._parse(header=None, nrows=2, dtype="str")
        return tuple(str(name) for name in first.iloc[0].fillna(""))

    def _parse(self, **options: Any) -> Any:
        import pandas as pd

        return pd.read_csv(
            self.path,
            sep=self._written.separator,
            encoding=self._written.encoding,
            decimal=self._written.decimal,
            low_memory=False,
            **options,
        )

    def _numbers(self, column: "pd.Series[str]") -> "pd.Series[Any]":
        import pandas as pd

        try:
            return pd.to_numeric(column.str.replace(self._written.decimal, "."))
        except ValueError:
            return column

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import pandas as pd

        try:
            yield
        except pd.errors.EmptyDataError as problem:
            raise InvalidInputError(f"{self.path} is empty: expected a line of column names") from problem
        except UnicodeDecodeError as problem:
            raise InvalidInputError(
                f"{self.path} is no {self._written.encoding} text ({problem.reason}): save it as UTF-8"
            ) from problem
        except (pd.errors.ParserError, OSError) as problem:
            raise InvalidInputError(broken_csv(self.path, str(problem))) from problem


def _is_text(spec: ColumnSpec) -> bool:
    """Dates are text in a CSV file too."""
    kind = spec.of if spec.type is ColumnType.CATEGORY else spec.type
    return kind in {ColumnType.TEXT, ColumnType.DATETIME}
