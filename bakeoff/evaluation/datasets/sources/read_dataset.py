"""The sources of datasets, each of which is read into one frame.

Nothing is written to a source. Relative paths start at the root, the folder above config/. `dtypes` can name
column types for every source, since CSV files and SQLite say little about them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.datasets.convert_to_declared_dtypes import convert
from bakeoff.evaluation.datasets.sources.built_in_sources import TOY_SETS, labelled_frame, load_toy_set
from bakeoff.evaluation.datasets.sources.csv_and_parquet_sources import (
    csv_columns,
    located,
    parquet_columns,
    read_csv,
    read_parquet,
)
from bakeoff.evaluation.datasets.sources.installed_sources import files_of_added, read_added
from bakeoff.evaluation.datasets.sources.sql_source import (
    follow,
    query,
    query_sqlite,
    sqlite_file,
    with_journal,
)
from bakeoff.evaluation.user_functions.dataset_functions import NOTHING_BARRED, Barred, call_dataset_function
from bakeoff.settings.setting_definitions import DatasetSettings, DatasetSource
from registry.columns.detect_csv_format import CsvFormat, format_of

if TYPE_CHECKING:
    import pandas as pd


_OURS = "bakeoff.evaluation.market.synthetic_market:"  #: functions of our own, which need no cell
_TARGET = "target"  #: the name of the target column in a source that names it itself


@dataclass(frozen=True, kw_only=True)
class SourceReading:
    frame: "pd.DataFrame"
    target: str
    train_rows: int | None  #: so many rows from the start are for training; None if the source does not say


def read_dataset(dataset: DatasetSettings, root: Path, *, barred: Barred = NOTHING_BARRED) -> SourceReading:
    """`barred`: what a function of the user may not reach."""
    frame = _frame(dataset, root, barred)
    target = dataset.target or _TARGET
    if dataset.test_path is None:
        return SourceReading(frame=frame, target=target, train_rows=None)
    test = _frame(_test_part(dataset), root)
    joined = _joined(frame, test, (str(dataset.path), dataset.test_path))
    return SourceReading(frame=joined, target=target, train_rows=len(frame))


def dataset_files(dataset: DatasetSettings, root: Path) -> tuple[Path, ...]:
    """The files that a dataset is read from, absolute. They hold the test labels: no cell may read them."""
    if dataset.source in {DatasetSource.SQL, DatasetSource.FEEDBACK_LABELS}:
        database = sqlite_file(str(dataset.url), root)
        return with_journal(database) if database else ()
    if dataset.is_added:
        return files_of_added(dataset, root)
    named = tuple(located(path, root).resolve() for path in (dataset.path, dataset.test_path) if path)
    if dataset.source is DatasetSource.POINTER:
        return (*named, *with_journal(follow(named[0])))
    return named


def _frame(dataset: DatasetSettings, root: Path, barred: Barred = NOTHING_BARRED) -> "pd.DataFrame":
    if dataset.is_added:
        frame = read_added(dataset, root)
    elif dataset.source is DatasetSource.CALLABLE:
        frame = _by_function(dataset, root, barred)
    else:
        frame = _READERS[dataset.source](dataset, root)
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    frame = convert(frame, dataset.dtypes)
    target = dataset.target or _TARGET
    if dataset.drop_unlabelled and target in frame:
        return frame[frame[target].notna()].reset_index(drop=True)
    return frame


def column_names(dataset: DatasetSettings, root: Path) -> list[str] | None:
    """The names of the columns of a CSV or Parquet file; None for a source that has to be read for them."""
    if dataset.source is DatasetSource.CSV:
        path = located(str(dataset.path), root)
        return csv_columns(path, _written(path, dataset))
    if dataset.source is DatasetSource.PARQUET:
        return parquet_columns(located(str(dataset.path), root))
    return None


def _csv(dataset: DatasetSettings, root: Path) -> "pd.DataFrame":
    path = located(str(dataset.path), root)
    return read_csv(path, dataset.dtypes, _written(path, dataset))


def _written(path: Path, dataset: DatasetSettings) -> CsvFormat:
    return format_of(path, separator=dataset.separator, encoding=dataset.encoding)


def _parquet(dataset: DatasetSettings, root: Path) -> "pd.DataFrame":
    wanted = None
    if dataset.features is not None:
        wanted = [*dataset.features, *filter(None, (dataset.target, dataset.split_column))]
    return read_parquet(located(str(dataset.path), root), wanted)


def _toy_set(dataset: DatasetSettings, _: Path) -> "pd.DataFrame":
    name = str(dataset.name)
    if name not in TOY_SETS:
        raise InvalidInputError(
            f"there is no toy set {name!r}{nearest(name, TOY_SETS)}; there are {listed(TOY_SETS)}"
        )
    return load_toy_set(name)


def _by_function(dataset: DatasetSettings, root: Path, barred: Barred) -> "pd.DataFrame":
    name = str(dataset.name)
    if name.startswith(_OURS):
        from bakeoff.evaluation.market import synthetic_market

        makers = {"prices": synthetic_market.prices, "fundamentals": synthetic_market.fundamentals}
        wanted = name.partition(":")[2]
        if wanted not in makers:
            raise InvalidInputError(
                f"there is no function {name!r}{nearest(wanted, makers)}; there are {listed(makers)}"
            )
        return makers[wanted]()
    opened = [located(dataset.path, root).resolve()] if dataset.path else []
    return call_dataset_function(name, root, barred=barred, opened=opened)


def _sql(dataset: DatasetSettings, root: Path) -> "pd.DataFrame":
    return query(str(dataset.url), str(dataset.query), root)


def _pointer(dataset: DatasetSettings, root: Path) -> "pd.DataFrame":
    return query_sqlite(follow(located(str(dataset.path), root)), str(dataset.query))


def _feedback_labels(dataset: DatasetSettings, _: Path) -> "pd.DataFrame":
    return labelled_frame(str(dataset.url), dataset.target or _TARGET)


_READERS: Mapping[str, Callable[[DatasetSettings, Path], "pd.DataFrame"]] = {
    DatasetSource.CSV: _csv,
    DatasetSource.PARQUET: _parquet,
    DatasetSource.SQL: _sql,
    DatasetSource.POINTER: _pointer,
    DatasetSource.SKLEARN: _toy_set,
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
    return pd.concat(
        [_with_shared_categories(train, test), _with_shared_categories(test, train)], ignore_index=True
    )


def _with_shared_categories(frame: "pd.DataFrame", other: "pd.DataFrame") -> "pd.DataFrame":
    """Gives `frame` the categories of both parts. Otherwise joining them would turn the column into text."""
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
