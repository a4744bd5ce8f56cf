"""The data of a comparison: a frame, arrays or a file, written once as Parquet, by the digest of its content.

Frames of pandas, everything that speaks Arrow (polars, pyarrow, DuckDB), and arrays of numpy are taken. The
same data a second time cost one digest.
"""

import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.wording import listed, nearest, quoted

if TYPE_CHECKING:
    import pyarrow as pa

_TARGET = "target"  #: the name of the target when it comes without one
_FILES = (".csv", ".parquet", ".pq")
_DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class GivenData:
    name: str  #: as shown
    path: Path  #: the file, absolute
    target: str  #: the column to predict
    is_of_user: bool = False  #: the file is where the user put it, and is read by the options of a file
    task: str | None = None  #: binary, multiclass or regression; None: as the values of the target say
    beside: Mapping[str, str]  #: columns that are no features, by what they are for, such as `groups`


def write_data(
    X: Any,
    y: Any,
    *,
    folder: Path,
    name: str | None = None,
    task: str | None = None,
    beside: Mapping[str, Any] | None = None,
) -> GivenData:
    """`beside`: columns of their own or names of columns of X, by what they are for; None: not given."""
    wanted = {what: value for what, value in (beside or {}).items() if value is not None}
    if name is not None:
        if not isinstance(name, str):
            raise InvalidInputError(f"name is {quoted(name)}: give text, or leave it out")
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:100] or None
    if isinstance(X, (str, os.PathLike)):
        if task is not None:
            raise InvalidInputError(
                f"task is {task!r}, and X is a file: read it into a DataFrame, or say the task in a project"
            )
        return _file(Path(X), y, name, wanted)
    table = _table(X)
    table, target = _with_target(table, y)
    columns = {}
    for what, value in {"y": y, **wanted}.items():
        _refuse_another_order(X, value, what)
    for what, value in wanted.items():
        table, columns[what] = _with_column(table, value, what)
    return GivenData(
        name=name or "data", path=_written(table, folder), target=target, task=task, beside=columns
    )


def _file(path: Path, y: Any, name: str | None, beside: Mapping[str, Any]) -> GivenData:
    path = path.expanduser().absolute()
    if path.suffix.lower() not in _FILES:
        raise InvalidInputError(
            f"X is {str(path)!r}, and a file ends in {', '.join(_FILES)}: name such a file"
        )
    if not path.is_file():
        known = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
        raise InvalidInputError(f"there is no file {path}{nearest(path.name, known) or '; check its path'}")
    for what, value in {"y": y, **beside}.items():
        if not isinstance(value, str):
            raise InvalidInputError(
                f"X is the file {path.name}, so {what} is the name of one of its columns, got {_kind(value)}"
            )
    return GivenData(name=name or path.stem, path=path, target=y, is_of_user=True, beside=dict(beside))


def _table(X: Any) -> "pa.Table":
    """X as an Arrow table. Its index is left out."""
    import pyarrow as pa

    if _is_sparse(X):
        raise InvalidInputError("X is a sparse matrix, which a snapshot cannot hold: give `X.toarray()`")
    if X is None:
        raise InvalidInputError("X is None: give a DataFrame, an array, or the path of a file")
    if isinstance(X, Iterator):
        raise InvalidInputError(f"X is {_kind(X)}, which can be read only once: give `list(X)`")
    if _module_of(X) == "pandas":
        return _of_pandas(X)
    if isinstance(X, pa.Table):
        return _distinct(X)
    if _module_of(X) == "polars":
        return _distinct(_of_polars(X))
    if hasattr(X, "__arrow_c_stream__"):
        return _distinct(pa.table(X))
    return _of_pandas(_frame_of_array(X))


def _frame_of_array(X: Any) -> Any:
    import numpy as np
    import pandas as pd

    if isinstance(X, Mapping) or (isinstance(X, Sequence) and X and isinstance(X[0], Mapping)):
        return pd.DataFrame(X)
    array = np.asarray(X)
    if array.dtype.names:
        return pd.DataFrame(array)
    if array.ndim == 1 and array.size and array.dtype != object:
        as_column = "X.reshape(-1, 1)" if isinstance(X, np.ndarray) else "pd.DataFrame({'x': X})"
        raise InvalidInputError(
            f"X is {_kind(X)} of {len(array):,} values, and data have rows and columns: give "
            f"`{as_column}` if it is one column"
        )
    if array.ndim != 2 or not array.size:  # noqa: PLR2004 - rows and columns
        raise InvalidInputError(
            f"X is {_kind(X)} of shape {array.shape}, and data have rows and columns: give a DataFrame, an "
            "array of two dimensions, or the path of a file"
        )
    return pd.DataFrame(array, columns=[f"x{place}" for place in range(array.shape[1])]).infer_objects()


def _of_polars(value: Any) -> Any:
    """A frame or series, in the types of Arrow that Parquet knows."""
    if hasattr(value, "collect"):
        raise InvalidInputError(f"{_kind(value)} is not computed yet: give `.collect()` of it")
    return value.to_arrow(compat_level=sys.modules["polars"].CompatLevel.oldest())


def _of_pandas(X: Any) -> "pa.Table":
    import pandas as pd
    import pyarrow as pa

    frame = X.to_frame() if isinstance(X, pd.Series) else X
    names = [str(name) for name in frame.columns]
    _refuse_doubles(names)
    if sparse := [
        name for name, kind in zip(names, frame.dtypes, strict=True) if hasattr(kind, "fill_value")
    ]:
        raise InvalidInputError(
            f"the columns {listed(sparse[:3])} of X are sparse, which a snapshot cannot hold: give "
            "`X.sparse.to_dense()`"
        )
    try:
        return pa.Table.from_pandas(frame.set_axis(names, axis=1), preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError) as exc:
        said = " ".join(str(part) for part in exc.args)
        raise InvalidInputError(f"X cannot be stored: {said}; give each column values of one type") from exc


def _distinct(table: "pa.Table") -> "pa.Table":
    _refuse_doubles(table.column_names)
    return table


def _refuse_doubles(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInputError(f"X has columns of the same name: {listed(twice)}; rename them")


def _with_target(table: "pa.Table", y: Any) -> "tuple[pa.Table, str]":
    if y is None:
        raise InvalidInputError(
            f"what is to be predicted? Give y: an array, or the name of a column of X; it has "
            f"{listed(table.column_names)}"
        )
    return _with_column(table, y, "y")


def _with_column(table: "pa.Table", value: Any, what: str) -> "tuple[pa.Table, str]":
    """The table with this column, and its name. A text is the name of a column that is there."""
    if isinstance(value, str):
        if value not in table.column_names:
            known = table.column_names
            cure = nearest(value, known) or f"; there are {listed(known)}"
            raise InvalidInputError(f"{what} is {quoted(value)}, which is no column of X{cure}")
        return table, value
    column = _column(value, what)
    if len(column) != table.num_rows:
        raise InvalidInputError(
            f"{what} has {len(column):,} values, and X has {table.num_rows:,} rows: give one for each row"
        )
    name = _free_name(_name_of(value) or (_TARGET if what == "y" else what), table.column_names)
    return table.append_column(name, column), name


def _refuse_another_order(X: Any, value: Any, what: str) -> None:
    """Rows are paired by their places. Labels of pandas that say otherwise are a mistake.

    Labels that say nothing are left alone: those of other things, and 0, 1, 2, … of a frame made anew.
    """
    if _module_of(X) != "pandas" or _module_of(value) != "pandas" or len(X) != len(value):
        return
    shared = X.index.isin(value.index)
    if X.index.equals(value.index) or not shared.any():
        return
    right = f"or `{what}.to_numpy()` if the order is right as it is"
    if shared.all():
        raise InvalidInputError(
            f"{what} has the index of X in another order, so its values would go to other rows: give "
            f"`{what}.loc[X.index]`, {right}"
        )
    if not _is_numbered(X.index) and not _is_numbered(value.index):
        raise InvalidInputError(
            f"{what} has other rows than X: {int(shared.sum()):,} of {len(X):,} labels of their indexes are "
            f"the same: take both from the same rows, {right}"
        )


def _is_numbered(index: Any) -> bool:
    return list(index) == list(range(len(index)))


def _column(value: Any, what: str) -> Any:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if isinstance(value, pd.DataFrame) and value.shape[1] == 1:
        value = value.iloc[:, 0]
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return value
    if _module_of(value) == "polars":
        return _of_polars(value)
    if hasattr(value, "__arrow_c_stream__") and not isinstance(value, (pd.Series, pd.DataFrame)):
        return pa.chunked_array(value)
    plain = value if isinstance(value, pd.Series) else np.asarray(value)
    if plain.ndim == 2 and plain.shape[1] == 1:  # noqa: PLR2004 - a column of a matrix
        plain = plain[:, 0]
    if plain.ndim != 1:
        raise InvalidInputError(
            f"{what} is {_kind(value)} of shape {plain.shape}, and a column has one dimension: give one "
            "value for each row"
        )
    try:
        return pa.Array.from_pandas(pd.Series(plain).infer_objects())
    except (pa.ArrowException, TypeError, ValueError) as exc:
        raise InvalidInputError(f"{what} cannot be stored: {exc}; give it values of one type") from exc


def _name_of(value: Any) -> str | None:
    name = getattr(value, "name", None)
    if name is None and getattr(value, "ndim", 0) == 2 and hasattr(value, "columns"):  # noqa: PLR2004
        name = value.columns[0]
    return None if name is None or callable(name) else str(name)


def _free_name(wanted: str, taken: Sequence[str]) -> str:
    name, place = wanted, 2
    while name in taken:
        name, place = f"{wanted}_{place}", place + 1
    return name


def _written(table: "pa.Table", folder: Path) -> Path:
    """The file of this content. It is renamed into its place when it is whole, and is then never changed."""
    import pyarrow.parquet as pq

    table = table.replace_schema_metadata(None)
    path = folder / f"{_digest(table)}.parquet"
    if path.is_file():
        if path.stat().st_mtime < time.time() - _DAY_S:
            path.touch()  # it is in use: `clear_inputs` removes what nobody has used for long
        return path
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{path.stem}.{new_id()}"
    try:
        pq.write_table(table, unfinished, compression="none", use_dictionary=False)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def clear_inputs(folder: Path, *, unused_s: float) -> None:
    """Removes files that were unused for so long. A run has a snapshot of its own, and needs none of them."""
    for file in folder.glob("*"):
        with suppress(OSError):
            if file.stat().st_mtime < time.time() - max(unused_s, 2 * _DAY_S):
                file.unlink()


class _Digest:
    """A file that keeps only the digest of what is written to it."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.closed = False

    def write(self, data: Any) -> int:
        self.hash.update(data)
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...


def _digest(table: "pa.Table") -> str:
    import pyarrow as pa

    digest = _Digest()
    with pa.ipc.new_stream(pa.PythonFile(digest, mode="w"), table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return digest.hash.hexdigest()[:32]


def _is_sparse(X: Any) -> bool:
    return _module_of(X) == "scipy" and hasattr(X, "toarray")


def _module_of(value: Any) -> str:
    return type(value).__module__.partition(".")[0]


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
