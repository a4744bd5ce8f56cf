"""The signature of a model: the columns it was fitted on, their types, and what it predicts.

It is inferred from data and kept as JSON. Data are compared with it before a preprocessor or a model gets
them (`registry.columns.compare_data_with_signature`). Cells use this module, so it imports only what a cell
has loaded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from bakeoff.domain.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

#: Of a column with more categories than this, only its type is kept.
MOST_CATEGORIES = 1_000

Label = str | int | float | bool


class ColumnType(StrEnum):
    BOOLEAN = "boolean"
    INTEGER = "integer"
    FLOAT = "float"
    DATETIME = "datetime"
    TEXT = "text"
    CATEGORY = "category"
    ANY = "any"  #: another type, or a column without any value: it is not checked


class Container(StrEnum):
    """The kind of object that a model was fitted on, and so is given."""

    FRAME = "frame"
    NUMBERED = "numbered"  #: a DataFrame whose columns are named by numbers
    ARRAY = "array"  #: a numpy array: the names of its columns are their positions


@dataclass(frozen=True, kw_only=True)
class ColumnSpec:
    name: str
    type: ColumnType
    optional: bool = False  #: values were missing when it was inferred
    zone: str | None = None  #: of a datetime; None means without a zone, which counts as UTC
    of: ColumnType | None = None  #: for a category, the type of its values
    categories: tuple[Label, ...] | None = None  #: in their order; None when there are too many to keep
    ordered: bool = False  #: whether the order of the categories means something

    def to_json(self) -> dict[str, Any]:
        """Without default values, for there may be thousands of columns."""
        values = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return {key: value for key, value in values.items() if value is not None and value is not False}


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, kw_only=True)
class Signature:
    inputs: tuple[ColumnSpec, ...]
    outputs: tuple[ColumnSpec, ...] = ()
    container: Container = Container.FRAME

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.inputs)

    def to_json(self) -> dict[str, Any]:
        return {
            "inputs": [column.to_json() for column in self.inputs],
            "outputs": [column.to_json() for column in self.outputs],
            "container": str(self.container),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Reads a signature. InvalidInputError if it is none: a cell may have written anything."""
        try:
            return cls(
                inputs=tuple(map(_spec, data["inputs"])),
                outputs=tuple(map(_spec, data["outputs"])),
                container=Container(data.get("container", Container.FRAME)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise InvalidInputError(f"this is no signature of a model: {type(exc).__name__}: {exc}") from exc


def _spec(column: Mapping[str, Any]) -> ColumnSpec:
    given = {
        **column,
        "type": ColumnType(column["type"]),
        "of": None if column.get("of") is None else ColumnType(column["of"]),
        "categories": None if column.get("categories") is None else tuple(column["categories"]),
    }
    spec = ColumnSpec(**given)
    for field in fields(ColumnSpec):
        if not isinstance(getattr(spec, field.name), _PLAIN[field.name]):
            raise TypeError(f"{field.name} of a column is {getattr(spec, field.name)!r:.100}")
    if not all(isinstance(label, Label) for label in spec.categories or ()):
        raise TypeError(f"the categories of {spec.name!r:.100} are no labels")
    return spec


_PLAIN: Mapping[str, Any] = {
    "name": str,
    "type": ColumnType,
    "optional": bool,
    "zone": str | None,
    "of": ColumnType | None,
    "categories": tuple | None,
    "ordered": bool,
}


def infer_signature(X: Any, predictions: Any = None, probabilities: Any = None) -> Signature:
    """Infers a signature. `X` is anything that `as_frame` takes, the others are 1-d or 2-d arrays."""
    outputs = [("prediction", predictions), ("probability", probabilities)]
    return Signature(
        inputs=tuple(_columns_of(as_frame(X))),
        outputs=tuple(spec for name, values in outputs for spec in _columns_of(_output_frame(name, values))),
        container=container_of(X),
    )


def as_frame(X: Any) -> "pd.DataFrame":
    """A DataFrame, an array of rows, or a list of dicts, as a frame whose column names are text."""
    import pandas as pd

    if _speaks_arrow(X):
        import pyarrow as pa

        X = pa.table(X).to_pandas()
    if not _has_rows(X):
        raise _no_rows(X)
    try:
        frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
    except (TypeError, ValueError) as exc:
        raise _no_rows(X) from exc
    names = [str(name) for name in frame.columns]
    duplicates = (
        sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    )
    if duplicates:
        raise InvalidInputError(f"there are columns of the same name: {', '.join(duplicates)}; rename them")
    return frame.set_axis(names, axis=1)


def _speaks_arrow(X: Any) -> bool:
    """Whether it is a frame of polars, pyarrow, DuckDB or others. Those of pandas are taken as they are."""
    import pandas as pd

    return hasattr(X, "__arrow_c_stream__") and not isinstance(X, pd.DataFrame | pd.Series)


def _has_rows(X: Any) -> bool:
    import numpy as np
    import pandas as pd

    if isinstance(X, np.ndarray):
        return X.ndim == 2  # noqa: PLR2004 - rows and columns
    if isinstance(X, Sequence):
        first = next(iter(X), ())
        return isinstance(first, Mapping | Sequence | np.ndarray) and not isinstance(first, str)
    return isinstance(X, pd.DataFrame | Mapping)


def _no_rows(X: Any) -> InvalidInputError:
    found = f"{X.ndim}-dimensional {type(X).__name__}" if hasattr(X, "ndim") else type(X).__name__
    return InvalidInputError(
        f"expected rows and columns, got a {found}: give a DataFrame, a two-dimensional array, or a list of "
        "dicts"
    )


def container_of(X: Any) -> Container:
    import pandas as pd

    if not isinstance(X, pd.DataFrame):
        return Container.FRAME if _has_keys(X) or _speaks_arrow(X) else Container.ARRAY
    numbered = pd.api.types.is_integer_dtype(X.columns.dtype)
    return Container.NUMBERED if numbered else Container.FRAME


def _has_keys(X: Any) -> bool:
    """Whether the input is a mapping, or a list of mappings, and so names its columns."""
    first = X if isinstance(X, Mapping) else next(iter(X), None) if isinstance(X, Sequence) else None
    return isinstance(first, Mapping)


def _output_frame(name: str, values: Any) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    if values is None:
        return pd.DataFrame()
    array = np.asarray(values)
    if array.ndim == 1:
        return pd.DataFrame({name: array})
    return pd.DataFrame({f"{name}_{place}": column for place, column in enumerate(array.T)})


def _columns_of(frame: "pd.DataFrame") -> "Iterator[ColumnSpec]":
    for name, column in frame.items():
        kind = type_of(column)
        more = _details[kind](column) if kind in _details else {}
        yield ColumnSpec(name=str(name), type=kind, optional=bool(column.isna().any()), **more)


def _zone(column: "pd.Series[Any]") -> dict[str, Any]:
    """The time zone of a column of dates; none for Python objects."""
    zone = getattr(column.dtype, "tz", None)
    return {"zone": None if zone is None else str(zone)}


def _categories(column: "pd.Series[Any]") -> dict[str, Any]:
    labels = column.cat.categories
    kind = type_of(labels.to_series())
    kept = len(labels) <= MOST_CATEGORIES and kind in _LABELS and _INFINITE.isdisjoint(labels)
    return {
        "of": kind,
        "categories": tuple(labels.tolist()) if kept else None,
        "ordered": bool(column.cat.ordered),
    }


_INFINITE = {float("inf"), float("-inf")}  #: JSON cannot represent them
_LABELS = {ColumnType.BOOLEAN, ColumnType.INTEGER, ColumnType.FLOAT, ColumnType.TEXT}
_details = {ColumnType.DATETIME: _zone, ColumnType.CATEGORY: _categories}


def type_of(column: "pd.Series[Any]") -> ColumnType:
    """The type of a column, by its dtype; for Python objects, by the values."""
    import pandas as pd

    dtype, types = column.dtype, pd.api.types
    if dtype.kind in _KINDS:
        return _KINDS[dtype.kind]
    if isinstance(dtype, pd.CategoricalDtype):
        return ColumnType.CATEGORY
    if types.is_object_dtype(dtype):
        return _OBJECTS.get(types.infer_dtype(column, skipna=True), ColumnType.ANY)
    return ColumnType.TEXT if types.is_string_dtype(dtype) else ColumnType.ANY


#: By the letter that numpy, pandas and Arrow use for a type.
_KINDS: Mapping[str, ColumnType] = {
    "b": ColumnType.BOOLEAN,
    "i": ColumnType.INTEGER,
    "u": ColumnType.INTEGER,
    "f": ColumnType.FLOAT,
    "M": ColumnType.DATETIME,
}
#: By what pandas infers from the values of a column of objects.
_OBJECTS: Mapping[str, ColumnType] = {
    "boolean": ColumnType.BOOLEAN,
    "integer": ColumnType.INTEGER,
    "floating": ColumnType.FLOAT,
    "mixed-integer-float": ColumnType.FLOAT,
    "decimal": ColumnType.FLOAT,
    "date": ColumnType.DATETIME,
    "datetime": ColumnType.DATETIME,
    "datetime64": ColumnType.DATETIME,
    "string": ColumnType.TEXT,
}
