"""Converts our signature into MLflow's."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema

_TYPES = {
    "boolean": "boolean",
    "integer": "long",
    "float": "double",
    "datetime": "datetime",
    "text": "string",
}


def to_mlflow_signature(signature: Mapping[str, Any] | None) -> "ModelSignature | None":
    from mlflow.models import ModelSignature

    if signature is None:
        return None
    return ModelSignature(inputs=_schema(signature["inputs"]), outputs=_schema(signature["outputs"]))


def _schema(columns: Sequence[Mapping[str, Any]]) -> "Schema | None":
    """A category has the type of its values. MLflow does not check columns that it has no type for."""
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    if not columns:
        return None
    return Schema(
        [
            ColSpec(
                DataType[known] if known else AnyType(),
                column["name"],
                required=bool(known) and not column.get("optional", False),
            )
            for column in columns
            for known in [_TYPES.get(column.get("of") or column["type"])]
        ]
    )
