"""A few rows of the data a model was fitted on, kept as JSON: `{columns, dtypes, data}`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from registry.jsonable import jsonable
from registry.signature import as_frame

if TYPE_CHECKING:
    import pandas as pd

ROWS = 10


def example_to_json(X: Any, rows: int = ROWS) -> dict[str, Any]:
    """The first rows of a DataFrame or an array; what is missing is null."""
    frame = as_frame(X).head(rows)
    return {
        "columns": list(frame.columns),
        "dtypes": [str(dtype) for dtype in frame.dtypes],
        "data": [list(row) for row in zip(*(_values(frame[name]) for name in frame.columns), strict=True)],
    }


def example_from_json(data: Mapping[str, Any]) -> "pd.DataFrame":
    import pandas as pd

    columns = zip(data["columns"], data["dtypes"], strict=True)
    rows = data["data"]
    return pd.DataFrame(
        {name: _column([row[place] for row in rows], dtype) for place, (name, dtype) in enumerate(columns)}
    )


def _values(column: "pd.Series[Any]") -> list[Any]:
    missing = column.isna()
    return [None if gone else jsonable(value) for value, gone in zip(column, missing, strict=True)]


def _column(values: list[Any], dtype: str) -> "pd.Series[Any]":
    """Of the type that it had, if that can be made of JSON: an example is no reason not to load a model."""
    import pandas as pd
    from pandas.api.types import pandas_dtype

    try:
        if dtype.startswith("datetime64"):
            return pd.Series(pd.to_datetime(values, format="ISO8601")).astype(pandas_dtype(dtype))
        return pd.Series(values, dtype=pandas_dtype(dtype))
    except (TypeError, ValueError):
        return pd.Series(values, dtype=object)
