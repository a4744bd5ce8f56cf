"""Datasets in files: CSV and Parquet."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import broken_csv, listed, nearest
from bakeoff.evaluation.datasets.convert_to_declared_dtypes import known_types
from registry.columns.detect_csv_format import CsvFormat, format_of
from registry.columns.short_csv_rows import may_hide_short_rows, refuse_short_rows

if TYPE_CHECKING:
    import pandas as pd

#: Types into which the parser of pandas converts, which is faster than converting text afterwards.
_PARSED = ("float32", "float64", "int", "uint", "category", "str")


def located(path: str, root: Path) -> Path:
    """The file, or an error that names the nearest one in its folder. Relative paths start at `root`."""
    full = root / Path(path).expanduser()
    if full.exists():
        return full
    folder = full.parent
    if not folder.is_dir():
        raise InvalidInputError(f"there is no file {full}: its folder does not exist")
    names = sorted(entry.name for entry in folder.iterdir())
    raise InvalidInputError(f"there is no file {full}{nearest(full.name, names) or '; check its path'}")


def read_csv(path: Path, dtypes: Mapping[str, str], written: CsvFormat | None = None) -> "pd.DataFrame":
    """`written`: how the file is written; None: as it seems."""
    written = written or format_of(path)
    names = csv_columns(path, written)
    known = known_types(dtypes, names, str(path))
    parsed = {column: name for column, name in known.items() if name.startswith(_PARSED)}
    text = dict.fromkeys(known.keys() - parsed.keys(), "str")
    try:
        frame = _read_csv(path, written, dtype={**parsed, **text})
    except (ValueError, TypeError, OverflowError):
        # The error of the parser names no row. Read as text instead: `convert` names column, row and value.
        frame = _read_csv(path, written, dtype=dict.fromkeys(known, "str"))
    if may_hide_short_rows(frame):
        refuse_short_rows(path, written, names, len(frame))
    return frame


def csv_columns(path: Path, written: CsvFormat | None = None) -> list[str]:
    """The names in the first line. A name that occurs twice is an error; pandas would rename the second.

    The second line is read too: if it has more values than there are names, that is an error. Otherwise
    pandas would take the first value of each row for its index, and put all others under the wrong names.
    """
    first = _read_csv(path, written or format_of(path), header=None, nrows=2, dtype="str")
    names = [str(name) for name in first.iloc[0].fillna("")] if len(first) else []
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InvalidInputError(f"{path} has columns of the same name: {listed(twice)}; rename them")
    return names


def _read_csv(path: Path, written: CsvFormat, **options: Any) -> "pd.DataFrame":
    import pandas as pd

    try:
        frame: pd.DataFrame = pd.read_csv(
            path,
            sep=written.separator,
            encoding=written.encoding,
            decimal=written.decimal,
            low_memory=False,
            **options,
        )
    except pd.errors.EmptyDataError as problem:
        raise InvalidInputError(f"{path} is empty: expected a line of column names, then rows") from problem
    except pd.errors.ParserError as problem:
        raise InvalidInputError(broken_csv(path, str(problem))) from problem
    except UnicodeDecodeError as problem:
        raise InvalidInputError(
            f"{path} is no {written.encoding} text ({problem.reason}): say what it is, "
            "by `encoding: latin-1` in the dataset's entry or --encoding latin-1, or save it as UTF-8"
        ) from problem
    except OSError as problem:
        raise InvalidInputError(f"{path} cannot be read: {problem}") from problem
    return frame


def read_parquet(path: Path, wanted: Sequence[str] | None) -> "pd.DataFrame":
    """Only the wanted columns are read; None: all."""
    import pyarrow.parquet as pq

    columns = None if wanted is None else list(dict.fromkeys(wanted))
    names = parquet_columns(path)
    for name in columns or ():
        if name not in names:
            raise InvalidInputError(
                f"there is no column {name!r} in {path}{nearest(name, names)}; its columns: {listed(names)}"
            )
    with _parquet_errors(path):
        table = pq.read_table(path, columns=columns)
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True, date_as_object=False)
    return frame


def parquet_columns(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    with _parquet_errors(path):
        return list(pq.read_schema(path).names)


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as problem:
        raise InvalidInputError(f"{path} cannot be read as Parquet: {problem}") from problem
