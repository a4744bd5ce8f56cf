"""The signature of a model: which columns it was fitted on, of which types, and what it answers.

It is inferred from data, kept as JSON, and compared with data before a preprocessor or a model sees them.
A cell writes it, so it imports nothing that a cell does not have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import pandas as pd


class ColumnType(StrEnum):
    BOOLEAN = "boolean"
    INTEGER = "integer"
    FLOAT = "float"
    DATETIME = "datetime"
    TEXT = "text"
    CATEGORY = "category"


@dataclass(frozen=True, kw_only=True)
class ColumnSpec:
    name: str
    type: ColumnType
    optional: bool = False  #: values were missing when it was inferred


@dataclass(frozen=True, kw_only=True)
class Signature:
    inputs: tuple[ColumnSpec, ...]
    outputs: tuple[ColumnSpec, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(inputs=_specs(data["inputs"]), outputs=_specs(data["outputs"]))


def _specs(columns: Sequence[Mapping[str, Any]]) -> tuple[ColumnSpec, ...]:
    return tuple(ColumnSpec(**{**column, "type": ColumnType(column["type"])}) for column in columns)


def infer_signature(X: Any, predictions: Any = None) -> Signature:
    """`X` is a DataFrame, or an array, whose columns are then named by their numbers."""
    import numpy as np
    import pandas as pd

    outputs = (
        () if predictions is None else _columns_of(pd.DataFrame({"prediction": np.asarray(predictions)}))
    )
    return Signature(inputs=_columns_of(as_frame(X)), outputs=outputs)


def as_frame(X: Any) -> "pd.DataFrame":
    import pandas as pd

    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
    return frame.set_axis([str(name) for name in frame.columns], axis=1)


def _columns_of(frame: "pd.DataFrame") -> tuple[ColumnSpec, ...]:
    return tuple(
        ColumnSpec(name=str(name), type=type_of(column), optional=bool(column.isna().any()))
        for name, column in frame.items()
    )


def type_of(column: "pd.Series[Any]") -> ColumnType:
    import pandas as pd

    dtype, types = column.dtype, pd.api.types
    if isinstance(dtype, pd.CategoricalDtype):
        return ColumnType.CATEGORY
    tests = {
        ColumnType.BOOLEAN: types.is_bool_dtype,
        ColumnType.INTEGER: types.is_integer_dtype,
        ColumnType.FLOAT: types.is_float_dtype,
        ColumnType.DATETIME: types.is_datetime64_any_dtype,
    }
    return next((kind for kind, fits in tests.items() if fits(dtype)), ColumnType.TEXT)
