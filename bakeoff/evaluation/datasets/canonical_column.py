"""Columns in canonical form: the same values have the same bytes, whatever file they came from.

    type                      values                                  missing values
    bool, int8 ... uint64     numpy                                   the column becomes float64
    float32, float64          numpy; -0.0 is 0.0                      one NaN
    datetime                  numpy, microseconds, UTC without zone   NaT
    string                    Arrow large_string                      null
    category                  Arrow dictionary; unordered categories  null
                              are those that occur, in sort order

float16 becomes float32; whole columns of Python numbers, dates or decimals become numbers or datetimes.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.domain.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

DATETIME = "datetime"
STRING = "string"
CATEGORY = "category"

#: The canonical datetime.
MICROSECONDS = np.dtype("<M8[us]")


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column without its values."""

    name: str
    type: str  #: datetime, string, category, or numpy's name: float32, int64, bool ...
    missing: int  #: rows without a value, in training and test part together

    @property
    def is_numeric(self) -> bool:
        return self.type not in {DATETIME, STRING, CATEGORY}

    @property
    def is_array(self) -> bool:
        """Whether it is stored as a numpy array; else in Arrow."""
        return self.is_numeric or self.type == DATETIME


@dataclass(frozen=True, kw_only=True)
class Column(Field):
    array: Any  #: numpy or Arrow array, see the table above

    def __len__(self) -> int:
        return len(self.array)

    @property
    def field(self) -> Field:
        return Field(name=self.name, type=self.type, missing=self.missing)

    @property
    def nbytes(self) -> int:
        return int(self.array.nbytes)

    def digest(self) -> bytes:
        """SHA-256 of the type and the values, without the name."""
        digest = hashlib.sha256(self.type.encode() + b"\0")
        if self.is_array:
            digest.update(_bytes(self.array))
        elif self.type == STRING:
            _update_with_text(digest, self.array)
        else:
            _update_with_categories(digest, self.array)
        return digest.digest()


def canonical(series: "pd.Series[Any]", name: str) -> Column:
    import pandas as pd

    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _category(name, series)
    if pd.api.types.is_object_dtype(dtype):
        series = _plain(series, name)
    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.is_numeric_dtype(series.dtype):
        return _number(name, series)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return _datetime(name, series)
    if pd.api.types.is_string_dtype(series.dtype):
        return _text(name, series)
    raise InvalidInputError(
        f"column {name!r} is of type {series.dtype}, which no model can use: "
        "turn it into numbers, text or dates, or name it under drop"
    )


def _plain(series: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    """Converts a column of Python objects into the type that all its values share."""
    import pandas as pd

    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind == "string":
        return series.astype("str")
    if kind in {"boolean", "integer", "floating", "mixed-integer-float", "decimal", "empty"}:
        return _of_numbers(series, kind, name)
    if kind in {"date", "datetime", "datetime64"}:
        return pd.to_datetime(series, utc=True)
    types = sorted({type(value).__name__ for value in series.dropna().head(10_000)})
    raise InvalidInputError(
        f"column {name!r} holds values of type {', '.join(types)}: "
        "make them all numbers, all text or all dates, or name the column under drop"
    )


def _of_numbers(series: "pd.Series[Any]", kind: str, name: str) -> "pd.Series[Any]":
    whole = {"boolean": "bool", "integer": "int64"}.get(kind, "float64")
    dtype: Any = "float64" if series.isna().any() else whole
    try:
        return series.astype(dtype)
    except OverflowError:
        raise InvalidInputError(
            f"column {name!r} holds whole numbers beyond 64 bits: give it as text or as float64"
        ) from None


def _number(name: str, series: "pd.Series[Any]") -> Column:
    import pandas as pd

    dtype = series.dtype
    if pd.api.types.is_complex_dtype(dtype):
        raise InvalidInputError(f"column {name!r} holds complex numbers: give real and imaginary part")
    if not isinstance(dtype, np.dtype) and series.hasnans:
        values = series.to_numpy(dtype="float64", na_value=np.nan)
    else:
        values = series.to_numpy(dtype=_numpy_type(dtype))
    values = np.ascontiguousarray(values)
    if values.dtype.kind != "f":
        return Column(name=name, type=values.dtype.name, missing=0, array=values)
    values, missing = _canonical_floats(values)
    return Column(name=name, type=values.dtype.name, missing=missing, array=values)


def _numpy_type(dtype: Any) -> np.dtype[Any]:
    plain: np.dtype[Any] = dtype if isinstance(dtype, np.dtype) else dtype.numpy_dtype
    if plain == np.float16:
        return np.dtype("float32")
    if plain.kind == "O" or plain == np.longdouble:
        return np.dtype("float64")
    return plain.newbyteorder("=")


def _canonical_floats(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Leaves one kind of NaN and one of zero. Copies only if there are others: the data may be large."""
    missing = np.isnan(values) if values.size and np.isnan(values.min()) else None
    if missing is None and not np.signbit(values[values == 0]).any():
        return values, 0
    values = values + values.dtype.type(0)
    if missing is None:
        return values, 0
    values[missing] = np.nan
    return values, int(missing.sum())


def _datetime(name: str, series: "pd.Series[Any]") -> Column:
    if series.dt.tz is not None:
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    values = np.ascontiguousarray(series.to_numpy(dtype=MICROSECONDS))
    return Column(name=name, type=DATETIME, missing=int(np.isnat(values).sum()), array=values)


def _text(name: str, series: "pd.Series[Any]") -> Column:
    values = _arrow_text(series)
    return Column(name=name, type=STRING, missing=values.null_count, array=values)


def _arrow_text(series: "pd.Series[Any]") -> Any:
    import pyarrow as pa

    values = pa.array(series, type=pa.large_string(), from_pandas=True)
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _category(name: str, series: "pd.Series[Any]") -> Column:
    import pyarrow as pa

    _categories(name, series)
    if not series.cat.ordered:
        series = series.cat.remove_unused_categories()
        series = series.cat.set_categories(series.cat.categories.sort_values())
    codes = series.cat.codes.to_numpy(dtype="int32")
    array = pa.DictionaryArray.from_arrays(
        pa.array(codes, mask=codes < 0),
        pa.array(_categories(name, series).array),
        ordered=bool(series.cat.ordered),
    )
    return Column(name=name, type=CATEGORY, missing=array.null_count, array=array)


def _categories(name: str, series: "pd.Series[Any]") -> Column:
    """The categories themselves as a column; it is an error if they are neither text nor numbers."""
    import pandas as pd

    categories = canonical(pd.Series(series.cat.categories), name)
    if not (categories.is_numeric or categories.type == STRING):
        raise InvalidInputError(
            f"column {name!r} has categories of type {categories.type}: "
            "categories are text or numbers; turn it into text or dates"
        )
    return categories


def _bytes(values: np.ndarray) -> memoryview:
    raw: Any = np.ascontiguousarray(values).view(np.uint8)
    return memoryview(raw)


def _update_with_text(digest: Any, text: Any) -> None:
    """Hash the lengths (-1 where missing), then all characters: different columns give different bytes."""
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.binary_length(text), -1).to_numpy(zero_copy_only=False)
    digest.update(_bytes(lengths.astype("int64")))
    filled = pc.fill_null(text, "")
    _, offsets, characters = filled.buffers()
    if len(filled) and characters is not None:
        ends = np.frombuffer(offsets, dtype=np.int64)[filled.offset : filled.offset + len(filled) + 1]
        digest.update(memoryview(characters)[ends[0] : ends[-1]])


def _update_with_categories(digest: Any, values: Any) -> None:
    import pyarrow.compute as pc

    categories = values.dictionary
    digest.update(f"{values.type.ordered} {categories.type}\0".encode())
    if str(categories.type) == "large_string":
        _update_with_text(digest, categories)
    else:
        digest.update(_bytes(categories.to_numpy(zero_copy_only=False)))
    digest.update(_bytes(pc.fill_null(values.indices, -1).to_numpy(zero_copy_only=False)))
