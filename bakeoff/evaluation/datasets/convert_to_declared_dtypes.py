"""Converts columns to the types that `dtypes` of a dataset declares; and which types it may name."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import listed, nearest

if TYPE_CHECKING:
    import pandas as pd

#: The names that users may write, and the types that they mean.
TYPES: Mapping[str, str] = {
    **{name: name for name in ("bool", "category", "datetime", "float32", "float64")},
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "string": "str",
    "str": "str",
    "int": "int64",
    "float": "float64",
    "date": "datetime",
    "datetime64[us]": "datetime",
}
_DATETIME, _DAY_FIRST = "datetime", "datetime, day first"
_NUMBERED_DATE = r"^\s*(\d{1,2})[./-](\d{1,2})[./-]\d{2,4}\b"
_MONTHS = 12
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}


def known_types(dtypes: Mapping[str, str], columns: list[str], where: str) -> dict[str, str]:
    """The type of each column. A name that is no column, or no type, is an error."""
    for column, name in dtypes.items():
        if column not in columns:
            raise InvalidInputError(
                f"dtypes name a column {column!r} that is not in {where}{nearest(column, columns)}; "
                f"its columns: {listed(columns)}"
            )
        if name not in TYPES and not _is_of_format(name):
            raise InvalidInputError(
                f"dtypes of column {column!r}: {name!r} is not a column type{nearest(name, TYPES)}; "
                f"there are {listed(TYPES)}, and datetime:FORMAT such as datetime:%d.%m.%Y"
            )
    return {column: TYPES.get(name, name) for column, name in dtypes.items()}


def _is_of_format(name: str) -> bool:
    kind, _, how = name.partition(":")
    return TYPES.get(kind) == _DATETIME and "%" in how


def convert(frame: "pd.DataFrame", dtypes: Mapping[str, str]) -> "pd.DataFrame":
    known = known_types(dtypes, list(frame.columns), "the data")
    changed = {column: _convert_or_explain(frame[column], name) for column, name in known.items()}
    return frame.assign(**changed) if changed else frame


def _convert_or_explain(series: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    how = _order_of_dates(series) if name == _DATETIME else name
    try:
        return _converted(series, how)
    except (ValueError, TypeError, OverflowError) as problem:
        raise InvalidInputError(
            f"column {series.name!r} cannot be read as {name}: {_first_misfit(series, how) or problem}"
        ) from problem


def _converted(series: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    import pandas as pd

    if str(series.dtype) == name:
        return series
    if name.startswith(_DATETIME):
        return pd.to_datetime(series, format=name.partition(":")[2] or None, dayfirst=name == _DAY_FIRST)
    if name == "bool":
        return _booleans(series)
    if name.startswith(("int", "uint")):
        return _whole(series, name)
    return series.astype(name)  # type: ignore[call-overload, no-any-return]  # its stubs want literals


def _order_of_dates(series: "pd.Series[Any]") -> str:
    """Whether dates such as 13.01.2024 begin with the day. An error if none of them tells."""
    if series.dtype.kind in "Mifub":
        return _DATETIME
    parts = series.astype("str").str.extract(_NUMBERED_DATE).reset_index(drop=True).dropna().astype("int64")
    if parts.empty or (parts[1] > _MONTHS).any():
        return _DATETIME
    if (parts[0] > _MONTHS).any():
        return _DAY_FIRST
    shown = series.iloc[parts.index[0]]
    raise InvalidInputError(
        f"column {series.name!r} holds dates such as {shown!r}, which may begin with the day or with the "
        "month: say which by its type, datetime:%d.%m.%Y or datetime:%m/%d/%Y, for example"
    )


def _booleans(series: "pd.Series[Any]") -> "pd.Series[Any]":
    values = series.astype("str").str.lower().map(_BOOLEANS)
    if values.isna().any():
        raise ValueError("not true or false")
    return values.astype("bool")


def _whole(series: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    """Refuses fractions and numbers that do not fit, which astype would silently cut off or wrap around."""
    import pandas as pd

    numbers = pd.to_numeric(series)
    whole = numbers.astype(name)  # type: ignore[call-overload]  # its stubs want literals
    if not (whole == numbers).all():
        raise ValueError(f"a value is not a whole number that fits into {name}")
    return whole  # type: ignore[no-any-return]


def _first_misfit(series: "pd.Series[Any]", name: str) -> str:
    """The first row that cannot be converted, and its value.

    Found by bisection: the shortest run of rows from the start that cannot be converted ends with it.
    """
    row = bisect_left(range(len(series)), True, key=lambda last: not _converts(series.iloc[: last + 1], name))
    if row == len(series):
        return ""
    value = series.iloc[row]
    missing = value is None or value != value  # noqa: PLR0124  NaN alone differs from itself
    return f"row {row + 1} is {'missing' if missing else repr(value)}"


def _converts(series: "pd.Series[Any]", name: str) -> bool:
    try:
        _converted(series, name)
    except (ValueError, TypeError, OverflowError):
        return False
    return True
