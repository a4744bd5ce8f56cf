"""Where a dataset comes from: each source gives one frame, read once, in the producer.

Relative paths start at the root, the folder above config/. `dtypes` name column types for every source: a CSV
file or SQLite say little about theirs. Nothing is ever written to a source.
"""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.datasets.built_in_sources import TOY_SETS, load_toy_set
from bakeoff.evaluation.datasets.column_types import convert
from bakeoff.settings.setting_definitions import DatasetSettings, DatasetSource

if TYPE_CHECKING:
    import pandas as pd


_TARGET = "target"  #: the column of a source that knows its own


@dataclass(frozen=True, kw_only=True)
class SourceReading:
    frame: "pd.DataFrame"
    target: str
    train_rows: int | None  #: the first so many rows are for training; None when the source does not say


def read(dataset: DatasetSettings, root: Path) -> SourceReading:
    frame = _frame(dataset, root)
    target = dataset.target or _TARGET
    if dataset.test_path is None:
        return SourceReading(frame=frame, target=target, train_rows=None)
    test = _frame(_test_part(dataset), root)
    joined = _joined(frame, test, (str(dataset.path), dataset.test_path))
    return SourceReading(frame=joined, target=target, train_rows=len(frame))


def files_of(dataset: DatasetSettings, root: Path) -> tuple[Path, ...]:
    """The files that a dataset is read from, absolute: the test labels are in there."""
    from bakeoff.evaluation.datasets.sql_source import follow, sqlite_file, with_journal

    if dataset.source in {DatasetSource.SQL, DatasetSource.FEEDBACK_LABELS}:
        database = sqlite_file(str(dataset.url), root)
        return with_journal(database) if database else ()
    named = tuple(located(path, root).resolve() for path in (dataset.path, dataset.test_path) if path)
    if dataset.source is DatasetSource.POINTER:
        return (*named, *with_journal(follow(named[0])))
    return named


def located(path: str, root: Path) -> Path:
    """The file, or an error that names the nearest one in its folder."""
    full = root / Path(path).expanduser()
    if full.exists():
        return full
    folder = full.parent
    if not folder.is_dir():
        raise InvalidInputError(f"there is no file {full}: its folder does not exist")
    names = sorted(entry.name for entry in folder.iterdir())
    raise InvalidInputError(f"there is no file {full}{nearest(full.name, names) or '; check its path'}")


def _frame(dataset: DatasetSettings, root: Path) -> "pd.DataFrame":
    frame = _READERS[dataset.source](dataset, root)
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    return convert(frame, dataset.dtypes)


def columns_of(dataset: DatasetSettings, root: Path) -> list[str] | None:
    """The names of its columns, where they can be known without reading it; None where they cannot."""
    if dataset.source is DatasetSource.CSV:
        from bakeoff.evaluation.datasets.csv_files import header

        return header(located(str(dataset.path), root))
    if dataset.source is DatasetSource.PARQUET:
        return _parquet_columns(located(str(dataset.path), root))
    return None


def _csv(dataset: DatasetSettings, root: Path) -> "pd.DataFrame":
    from bakeoff.evaluation.datasets.csv_files import read_csv

    return read_csv(located(str(dataset.path), root), dataset.dtypes)


def _parquet(dataset: DatasetSettings, root: Path) -> "pd.DataFrame":
    import pyarrow.parquet as pq

    path = located(str(dataset.path), root)
    columns = _columns(dataset, _parquet_columns(path), path)
    with _readable_parquet(path):
        table = pq.read_table(path, columns=columns)
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True, date_as_object=False)
    return frame


def _parquet_columns(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    with _readable_parquet(path):
        return list(pq.read_schema(path).names)


@contextmanager
def _readable_parquet(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as problem:
        raise InvalidInputError(f"{path} cannot be read as Parquet: {problem}") from problem


def _columns(dataset: DatasetSettings, names: list[str], path: Path) -> list[str] | None:
    """The columns that are needed, when the settings choose some; None for all."""
    if dataset.features is None:
        return None
    wanted = [*dataset.features, *filter(None, (dataset.target, dataset.split_column))]
    for name in wanted:
        if name not in names:
            raise InvalidInputError(
                f"there is no column {name!r} in {path}{nearest(name, names)}; its columns: {listed(names)}"
            )
    return list(dict.fromkeys(wanted))


def _toy_set(dataset: DatasetSettings, _: Path) -> "pd.DataFrame":
    name = str(dataset.name)
    if name not in TOY_SETS:
        raise InvalidInputError(
            f"there is no toy set {name!r}{nearest(name, TOY_SETS)}; there are {listed(TOY_SETS)}"
        )
    return load_toy_set(name)


def _callable(dataset: DatasetSettings, root: Path) -> "pd.DataFrame":
    import pandas as pd

    name = str(dataset.name)
    frame = _called(name, root)
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInputError(
            f"{name} returned {type(frame).__name__}, expected a pandas DataFrame with the target as a column"
        )
    return frame.reset_index(drop=True)


def _called(name: str, root: Path) -> Any:
    """What the user's own function returns: the one place here where strangers' code runs."""
    module, _, function = name.partition(":")
    if not (module and function):
        raise InvalidInputError(f"{name!r} does not name a function: expected package.module:function")
    try:
        with _on_import_path(root):
            return getattr(importlib.import_module(module), function)()
    except (Exception, SystemExit) as problem:
        raise InvalidInputError(
            f"dataset function {name} raised {type(problem).__name__}: {problem}; "
            f"it is imported from {root} or an installed package, and called without arguments"
        ) from problem


@contextmanager
def _on_import_path(root: Path) -> Iterator[None]:
    before = list(sys.path)
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        sys.path[:] = before


def _sql(dataset: DatasetSettings, root: Path) -> "pd.DataFrame":
    from bakeoff.evaluation.datasets.sql_source import query

    return query(str(dataset.url), str(dataset.query), root)


def _pointer(dataset: DatasetSettings, root: Path) -> "pd.DataFrame":
    from bakeoff.evaluation.datasets.sql_source import follow, query_sqlite

    return query_sqlite(follow(located(str(dataset.path), root)), str(dataset.query))


def _feedback_labels(dataset: DatasetSettings, _: Path) -> "pd.DataFrame":
    from bakeoff.evaluation.datasets.built_in_sources import labelled_frame

    return labelled_frame(str(dataset.url), dataset.target or _TARGET)


_READERS: Mapping[DatasetSource, Callable[[DatasetSettings, Path], "pd.DataFrame"]] = {
    DatasetSource.CSV: _csv,
    DatasetSource.PARQUET: _parquet,
    DatasetSource.SQL: _sql,
    DatasetSource.POINTER: _pointer,
    DatasetSource.SKLEARN: _toy_set,
    DatasetSource.CALLABLE: _callable,
    DatasetSource.FEEDBACK_LABELS: _feedback_labels,
}


def _test_part(dataset: DatasetSettings) -> DatasetSettings:
    if dataset.source not in {DatasetSource.CSV, DatasetSource.PARQUET}:
        raise InvalidInputError(
            f"testPath {dataset.test_path!r} goes with source csv or parquet, not {dataset.source}: "
            "leave it out, or say which rows are for testing by splitColumn"
        )
    if dataset.split_column is not None:
        raise InvalidInputError(
            f"testPath {dataset.test_path!r} and splitColumn {dataset.split_column!r} are given: keep one"
        )
    return dataset.model_copy(update={"path": dataset.test_path})


def _joined(train: "pd.DataFrame", test: "pd.DataFrame", names: tuple[str, str]) -> "pd.DataFrame":
    import pandas as pd

    missing = [name for name in train.columns if name not in test.columns]
    extra = [name for name in test.columns if name not in train.columns]
    if missing or extra:
        raise InvalidInputError(
            f"{names[1]} differs in columns from {names[0]}: missing {listed(missing)}, extra {listed(extra)}"
        )
    return pd.concat([_alike(train, test), _alike(test, train)], ignore_index=True)


def _alike(frame: "pd.DataFrame", other: "pd.DataFrame") -> "pd.DataFrame":
    """Categories of both parts, so that joining them keeps the column a category."""
    import pandas as pd

    shared = {}
    for name in frame.columns:
        mine, theirs = frame[name].dtype, other[name].dtype
        if (
            isinstance(mine, pd.CategoricalDtype)
            and isinstance(theirs, pd.CategoricalDtype)
            and mine != theirs
        ):
            both = sorted({*mine.categories, *theirs.categories})
            shared[name] = frame[name].astype(pd.CategoricalDtype(both))
    return frame.assign(**shared)
