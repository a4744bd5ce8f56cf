"""Converts a column into the type that a signature expects, if every value can be and nothing is lost:

    expected   can be made from
    float      integer, boolean
    integer    boolean; float, when all numbers are whole
    boolean    integer and float, when all are 0 or 1
    datetime   text in ISO 8601; with or without zone, where none means UTC
    text       nothing else
    category   values of the type of its categories; unseen ones too, unless the order means something

A category counts as a column of its values. A column without any value can be converted into any type.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from registry.columns.signature import ColumnSpec, ColumnType, type_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Column = pd.Series[Any]
    Converted = tuple[Column, NDArray[np.bool_]]  #: and which values cannot be converted

BOOLEAN, INTEGER, FLOAT = ColumnType.BOOLEAN, ColumnType.INTEGER, ColumnType.FLOAT
DATETIME, TEXT, CATEGORY = ColumnType.DATETIME, ColumnType.TEXT, ColumnType.CATEGORY

_LONGEST_VALUE = 40
_INT64 = 2.0**63


class MisfitError(ValueError):
    """A value cannot be converted into the expected type."""

    def __init__(self, expected: ColumnType, found: ColumnType, row: int, value: str) -> None:
        super().__init__(expected, found, row, value)
        self.expected = expected
        self.found = found
        self.row = row  #: the first that cannot be converted, counted from 0
        self.value = value  #: the value in that row

    def __str__(self) -> str:
        where = f"first {self.value} in row {self.row + 1:,}"
        return f"{self.found} where {self.expected} is expected, {where}: {_CURES[self.expected]}"

    def moved(self, rows: int) -> "MisfitError":
        """The same misfit, if that many rows come before the data."""
        return MisfitError(self.expected, self.found, self.row + rows, self.value)

    def to_record(self) -> dict[str, Any]:
        expected, found = str(self.expected), str(self.found)
        return {"expected": expected, "found": found, "row": self.row, "value": self.value}


_CURES: Mapping[ColumnType, str] = {
    BOOLEAN: "give true or false",
    INTEGER: "give whole numbers",
    FLOAT: "give numbers",
    DATETIME: "give dates, or text such as 2026-11-20T08:30:00",
    TEXT: "give text",
    CATEGORY: "give one of its categories",
}


def converted(column: "Column", spec: ColumnSpec) -> "Column":
    """The column itself if it has the type already. MisfitError for the first value that does not fit."""
    found = type_of(column)
    if spec.type is ColumnType.ANY:
        return column
    if spec.type is CATEGORY:
        return _category(column, found, spec)
    if found is CATEGORY:
        return converted(_values_of(column), spec)
    if found is spec.type:
        return _normalised(column, spec)
    result, misfits = _CONVERSIONS.get((found, spec.type), _only_if_empty)(column, spec)
    _refuse(misfits, column, found, spec)
    return result


def _refuse(misfits: "NDArray[np.bool_]", column: "Column", found: ColumnType, spec: ColumnSpec) -> None:
    if misfits.any():
        row = int(misfits.argmax())
        value = column.iloc[row : row + 1].tolist()[0]  # as a Python value
        raise MisfitError(spec.type, found, row, repr(value)[:_LONGEST_VALUE])


def _normalised(column: "Column", spec: ColumnSpec) -> "Column":
    """The column with a pandas type instead of Python objects; dates get the expected time zone."""
    import pandas as pd

    objects = pd.api.types.is_object_dtype(column.dtype)
    if spec.type is DATETIME:
        return _in_zone(pd.to_datetime(column, utc=True) if objects else column, spec)
    if not objects:
        return column
    return column.astype("str") if spec.type is TEXT else pd.to_numeric(column)


def _values_of(column: "Column") -> "Column":
    import numpy as np
    import pandas as pd

    return pd.Series(np.asarray(column), index=column.index)


def _in_zone(column: "Column", spec: ColumnSpec) -> "Column":
    zone = column.dt.tz
    if spec.zone == (None if zone is None else str(zone)):
        return column
    return (column.dt.tz_localize("UTC") if zone is None else column).dt.tz_convert(spec.zone)


def _only_if_empty(column: "Column", spec: ColumnSpec) -> "Converted":
    import pandas as pd

    empty: Column = pd.Series(None, index=column.index, dtype=_EMPTY[spec.type])
    return empty if spec.type is not DATETIME else _in_zone(empty, spec), column.notna().to_numpy()


def _text_for_number(column: "Column", spec: ColumnSpec) -> "Converted":
    """The misfit of text in place of a number. The first value that does not look like a number is named."""
    import pandas as pd

    empty, text = _only_if_empty(column, spec)
    not_numeric = text & pd.to_numeric(column, errors="coerce").isna().to_numpy()
    return empty, not_numeric if not_numeric.any() else text


_EMPTY: Mapping[ColumnType, Any] = {
    BOOLEAN: "float64",
    INTEGER: "float64",
    FLOAT: "float64",
    DATETIME: "datetime64[us]",
    TEXT: "str",
}


def _number(column: "Column", spec: ColumnSpec) -> "Converted":
    """The column as numbers. Integers and booleans with missing values become floats."""
    import numpy as np
    import pandas as pd

    numbers = column.to_numpy(dtype="float64", na_value=np.nan)
    missing = np.isnan(numbers)
    misfits = ~missing & ~_FITTING[spec.type](numbers)
    plain: Any = "float64" if missing.any() or misfits.any() else _COMPLETE[spec.type]
    return pd.Series(numbers, index=column.index).astype(plain), misfits


def _is_number(numbers: "NDArray[np.float64]") -> "NDArray[np.bool_]":
    import numpy as np

    return np.full(len(numbers), fill_value=True)


def _is_whole(numbers: "NDArray[np.float64]") -> "NDArray[np.bool_]":
    import numpy as np

    whole: NDArray[np.bool_] = (np.floor(numbers) == numbers) & (np.abs(numbers) < _INT64)
    return whole


_FITTING: Mapping[ColumnType, Callable[[Any], Any]] = {
    BOOLEAN: lambda numbers: (numbers == 0) | (numbers == 1),
    INTEGER: _is_whole,
    FLOAT: _is_number,
}
_COMPLETE: Mapping[ColumnType, str] = {BOOLEAN: "bool", INTEGER: "int64", FLOAT: "float64"}


def _date(column: "Column", spec: ColumnSpec) -> "Converted":
    import pandas as pd

    moments = pd.to_datetime(column, format="ISO8601", utc=True, errors="coerce")
    return _in_zone(moments, spec), (column.notna() & moments.isna()).to_numpy()


_NUMBERS = (BOOLEAN, INTEGER, FLOAT)
_CONVERSIONS: Mapping[tuple[ColumnType, ColumnType], Callable[..., "Converted"]] = {
    **{(found, expected): _number for found in _NUMBERS for expected in _NUMBERS},
    (TEXT, DATETIME): _date,
    (TEXT, INTEGER): _text_for_number,
    (TEXT, FLOAT): _text_for_number,
}


def _category(column: "Column", found: ColumnType, spec: ColumnSpec) -> "Column":
    """The categories of training come first, in their order, since some models use their codes."""
    import pandas as pd

    if found is CATEGORY and (spec.categories is None or tuple(column.cat.categories) == spec.categories):
        return column
    values = _labels(column, found, spec)
    if spec.categories is None:
        return values.astype("category")
    unseen = values.notna().to_numpy() & ~values.isin(spec.categories).to_numpy()
    if spec.ordered:
        _refuse(unseen, column, found, spec)
    labels = [*spec.categories, *sorted(set(values[unseen]))]
    return pd.Series(pd.Categorical(values, labels, ordered=spec.ordered), index=column.index)


def _labels(column: "Column", found: ColumnType, spec: ColumnSpec) -> "Column":
    values = _values_of(column) if found is CATEGORY else column
    return converted(values, ColumnSpec(name=spec.name, type=spec.of or ColumnType.ANY))
