"""Reading one table of the market from its source into a panel, with its columns under our names."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.signal import LONGEST_SYMBOL
from bakeoff.domain.wording import counted, listed, nearest
from bakeoff.evaluation.datasets.convert_to_declared_dtypes import convert
from bakeoff.evaluation.datasets.sources import read_dataset
from bakeoff.evaluation.market.table_by_symbol_and_day import Panel
from bakeoff.evaluation.user_functions.dataset_functions import NOTHING_BARRED, Barred
from bakeoff.settings.market_settings import MarketSettings, MarketSource, TableSettings
from bakeoff.settings.setting_definitions import DatasetSettings, DatasetSource

if TYPE_CHECKING:
    import pandas as pd

SYMBOL = "symbol"

#: The names that pandas has for objects that are numbers, or are all missing.
_NUMBERS = frozenset({"decimal", "integer", "floating", "mixed-integer-float", "empty"})


@contextmanager
def naming_table(table: str) -> Iterator[None]:
    """An InvalidInputError that is raised in the block begins with the name of the table."""
    try:
        yield
    except InvalidInputError as exc:
        raise InvalidInputError(f"{table}: {exc}") from exc


def market_files(market: MarketSettings, root: Path) -> tuple[Path, ...]:
    """The files that the market is read from, absolute. They hold later data: no cell may read them."""
    datasets = [_dataset(name, table) for name, table in market.tables.items()]
    return tuple(
        dict.fromkeys(file for dataset in datasets for file in read_dataset.dataset_files(dataset, root))
    )


def read_panel(
    name: str,
    table: TableSettings,
    root: Path,
    *,
    day: str,
    needed: Sequence[str],
    others: Collection[str] | None,
    barred: Barred = NOTHING_BARRED,
) -> Panel:
    """The columns of symbols and days, the `needed` ones, and those of `others` that exist.

    `others` is None for all columns that hold numbers.
    """
    reading = partial(read_dataset.read_dataset, root=root, barred=barred)
    frame = _frame(_dataset(name, table), table.columns, root, (SYMBOL, day, *needed), others, read=reading)
    kept = (
        _numeric(frame, day)
        if others is None
        else [name for name in frame.columns if name in {*needed, *others}]
    )
    _refuse_numbers(frame[day])
    frame = convert(frame, {day: "datetime", **dict.fromkeys(kept, "float64")})
    symbols, codes = _symbols(frame[SYMBOL])
    return Panel(
        symbols=symbols,
        codes=codes,
        days=_days(frame[day]),
        day=day,
        values={name: _finite(frame[name]) for name in sorted(kept)},
    )


def _dataset(name: str, table: TableSettings) -> DatasetSettings:
    """The table as a dataset, so that it can be read like one. Its `target` is required, and not used."""
    is_synthetic = table.source is MarketSource.SYNTHETIC
    return DatasetSettings(
        source=DatasetSource.CALLABLE if is_synthetic else DatasetSource(table.source),
        path=table.path,
        url=table.url,
        query=table.query,
        name=f"bakeoff.evaluation.market.synthetic_market:{name}" if is_synthetic else table.name,
        target=table.columns.get(SYMBOL, SYMBOL),
    )


def _frame(
    dataset: DatasetSettings,
    renamed: Mapping[str, str],
    root: Path,
    needed: Sequence[str],
    others: Collection[str] | None,
    *,
    read: Callable[[DatasetSettings], read_dataset.SourceReading],
) -> "pd.DataFrame":
    theirs = {**{ours: ours for ours in needed}, **renamed}
    there = read_dataset.column_names(dataset, root)
    if there is not None:
        _require(theirs, there)
    if dataset.source is DatasetSource.CSV:
        types = {theirs[SYMBOL]: "str", theirs[needed[1]]: "datetime"}
        dataset = dataset.model_copy(update={"dtypes": types})
    elif dataset.source is DatasetSource.PARQUET and there is not None and others is not None:
        wanted = {*theirs.values(), *others}
        dataset = dataset.model_copy(update={"features": [name for name in there if name in wanted]})
    frame = read(dataset).frame
    _require(theirs, list(frame.columns))
    shadowed = [ours for ours in theirs if ours in frame and ours not in theirs.values()]
    return frame.drop(columns=shadowed).rename(columns={name: ours for ours, name in theirs.items()})


def _require(theirs: Mapping[str, str], columns: list[str]) -> None:
    for ours, name in theirs.items():
        if name not in columns:
            why = "" if ours == name else f", which `columns` names for {ours}"
            raise InvalidInputError(
                f"there is no column {name!r}{why}{nearest(name, columns)}; the columns are {listed(columns)}"
            )


def _numeric(frame: "pd.DataFrame", day: str) -> list[str]:
    others = frame.drop(columns=[SYMBOL, day])
    return [str(name) for name, column in others.items() if _holds_numbers(column)]


def _holds_numbers(column: "pd.Series[Any]") -> bool:
    """A database may return decimals, or a column without any value, as Python objects."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return True
    return pd.api.types.is_object_dtype(column) and pd.api.types.infer_dtype(column) in _NUMBERS


def _symbols(series: "pd.Series[Any]") -> tuple[np.ndarray, np.ndarray]:
    """All symbols in sort order, and for each row the place of its symbol there."""
    import pyarrow as pa

    values: Any = pa.array(series, from_pandas=True)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    words = values.dictionary
    if not (pa.types.is_string(words.type) or pa.types.is_large_string(words.type)):
        raise InvalidInputError(f"column {SYMBOL!r} holds {words.type}, not text: turn it into text")
    if values.null_count:
        raise InvalidInputError(
            f"column {SYMBOL!r} is missing in {counted(values.null_count, 'row')}: fill it in; "
            "in CSV, words such as NA and NULL mean that it is missing: use Parquet for symbols like these"
        )
    return _in_order(np.array(words.to_pylist(), dtype=object), values.indices.to_numpy())


def _in_order(words: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    used = np.bincount(places, minlength=len(words)) > 0
    _check_symbols(words[used])
    order = np.flatnonzero(used)[np.argsort(words[used])]
    codes = np.zeros(len(words), dtype=np.int32)
    codes[order] = np.arange(len(order))
    return words[order], codes[places]


def _check_symbols(symbols: np.ndarray) -> None:
    for symbol in symbols:
        if not symbol or symbol != symbol.strip() or len(symbol) > LONGEST_SYMBOL:
            raise InvalidInputError(
                f"{symbol!r} is no symbol: it has 1 to {LONGEST_SYMBOL} characters, without space around them"
            )


def _refuse_numbers(days: "pd.Series[Any]") -> None:
    """Refuses numbers as dates: pandas would read 20260131 as a moment of 1970."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(days):
        raise InvalidInputError(f"column {days.name!r} holds numbers, expected days such as 2026-01-31")


def _days(series: "pd.Series[Any]") -> np.ndarray:
    """The day as it is written, whatever its time zone."""
    if series.isna().any():
        row = int(series.isna().argmax()) + 1
        raise InvalidInputError(f"column {series.name!r} is missing in row {row}: fill it in")
    if series.dt.tz is not None:
        series = series.dt.tz_localize(None)
    return series.to_numpy().astype("datetime64[D]")


def _finite(series: "pd.Series[Any]") -> np.ndarray:
    """Infinite values become missing."""
    values = series.to_numpy(dtype=np.float64)
    wrong = np.isinf(values)
    return np.where(wrong, np.nan, values) if wrong.any() else values
