"""Converts an input example, a few rows that show what a model takes, to JSON and back.

    columns    names, in order
    dtypes     the pandas name of each column's type; for a category `{categories, of, ordered}`
    data       rows; null is a missing value, dates are ISO 8601 in UTC, infinite numbers are "inf" and
               "-inf", and what JSON cannot represent is text

Cells use this module, so it imports only what a cell has loaded.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError
from registry.columns.json_values import jsonable
from registry.columns.signature import MOST_CATEGORIES, ColumnType, as_frame, type_of

if TYPE_CHECKING:
    import pandas as pd

ROWS = 10
_INFINITE = {float("inf"): "inf", float("-inf"): "-inf"}
_FLOATS = {"inf": float("inf"), "-inf": float("-inf"), None: float("nan")}


def example_to_json(X: Any, rows: int = ROWS) -> dict[str, Any]:
    """An example of the first rows."""
    frame = as_frame(X).iloc[:rows]
    columns = [_normalised(column) for _, column in frame.items()]
    values = [_values(column) for column in columns]
    return {
        "columns": list(frame.columns),
        "dtypes": [_dtype(column) for column in columns],
        "data": [list(row) for row in zip(*values, strict=True)],
    }


def example_from_json(example: Mapping[str, Any]) -> "pd.DataFrame":
    """Reads an example. InvalidInputError if it is none: a cell may have written anything."""
    import pandas as pd

    try:
        names, dtypes, rows = example["columns"], example["dtypes"], example["data"]
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        restored = {
            name: _restored(list(values), dtype)
            for name, values, dtype in zip(names, columns, dtypes, strict=True)
        }
        return pd.DataFrame(restored)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise InvalidInputError(f"this is no input example: {type(exc).__name__}: {exc}") from exc


def _normalised(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Gives columns of dates and decimals a pandas type, and drops unused categories if there are many."""
    import pandas as pd

    kind = type_of(column)
    if kind is ColumnType.CATEGORY and len(column.cat.categories) > MOST_CATEGORIES:
        return column.cat.remove_unused_categories()
    if not pd.api.types.is_object_dtype(column.dtype):
        return column
    if kind is ColumnType.DATETIME:
        return pd.to_datetime(column, utc=True).dt.tz_localize(None)
    return column.astype("float64") if kind is ColumnType.FLOAT else column


def _dtype(column: "pd.Series[Any]") -> Any:
    if type_of(column) is not ColumnType.CATEGORY:
        return str(column.dtype)
    labels = column.cat.categories.to_series()
    return {"categories": _values(labels), "of": str(labels.dtype), "ordered": bool(column.cat.ordered)}


def _values(column: "pd.Series[Any]") -> list[Any]:
    kind = type_of(column)
    if kind is ColumnType.CATEGORY:
        labels = [*_values(column.cat.categories.to_series()), None]  # code -1 is a missing value
        return [labels[code] for code in column.cat.codes]
    if kind is ColumnType.DATETIME:
        return [None if moment is None else moment.isoformat() for moment in _plain(_in_utc(column))]
    plain = _plain(column)
    if kind is ColumnType.FLOAT:
        return [None if value is None else _INFINITE.get(value, float(value)) for value in plain]
    return [jsonable(value) for value in plain]


def _plain(column: "pd.Series[Any]") -> list[Any]:
    return column.astype(object).where(column.notna(), None).tolist()


def _in_utc(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Converts to UTC: historical zones have offsets with seconds, which ISO 8601 cannot express."""
    return column if column.dt.tz is None else column.dt.tz_convert("UTC")


def _restored(values: list[Any], dtype: Any) -> "pd.Series[Any]":
    """The column with its type; as in JSON if this pandas cannot restore it, so that the model loads."""
    import pandas as pd

    try:
        return _category(values, dtype) if isinstance(dtype, Mapping) else _column(values, dtype)
    except (TypeError, ValueError, OverflowError):
        return pd.Series(values, dtype=object)


def _category(values: list[Any], dtype: Mapping[str, Any]) -> "pd.Series[Any]":
    import pandas as pd

    labels = list(dtype["categories"])
    codes = [-1 if value is None else labels.index(value) for value in values]
    index = pd.Index(_restored(labels, dtype["of"]))
    return pd.Series(pd.Categorical.from_codes(codes, index, ordered=dtype["ordered"]))


def _column(values: list[Any], dtype: Any) -> "pd.Series[Any]":
    import pandas as pd

    if dtype.startswith("datetime64"):
        moments = pd.Series(pd.to_datetime(values, format="ISO8601", utc=True))
        zoned = moments if "," in dtype else moments.dt.tz_localize(None)
        return zoned.astype(dtype)
    if dtype.startswith(("float", "Float")):
        values = [_FLOATS.get(value, value) for value in values]
    restored: pd.Series[Any] = pd.Series(values, dtype=dtype)
    return restored
