"""Reads the rows of a file in batches, as items or as labels of items."""

import math
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.scored_and_labelled_item import Item, Label, Value, check_item_id
from bakeoff.domain.wording import listed, nearest
from bakeoff.inference.row_readers import RowSource, open_rows
from registry.columns.signature import Signature


def items_in(
    path: Path, *, id_column: str, schema: Signature | None, batch_size: int
) -> Iterator[tuple[int, list[Item]]]:
    """Yields batches, each with the position of its first row. All columns but the ids are features.

    `schema`: the signature of the model that scores the items, if there is one. Its text columns stay text.
    """
    source = open_rows(path, schema)
    _check_columns(source, (id_column,))
    features = [name for name in source.names if name != id_column]
    for first, ids, rows in _rows(source, id_column, features, batch_size):
        yield first, [Item(id=found, features=row) for found, row in zip(ids, rows, strict=True)]


def labels_in(
    path: Path, *, id_column: str, label_column: str, by: str, batch_size: int
) -> Iterator[list[Label]]:
    source = open_rows(path, None)
    _check_columns(source, (id_column, label_column))
    for first, ids, rows in _rows(source, id_column, [label_column], batch_size):
        yield [
            Label(item_id=found, value=_label(row[label_column], first + place, path), by=by)
            for place, (found, row) in enumerate(zip(ids, rows, strict=True))
        ]


def _check_columns(source: RowSource, wanted: Sequence[str]) -> None:
    for name in wanted:
        if name not in source.names:
            raise InvalidInputError(
                f"{source.path} has no column {name!r}{nearest(name, source.names)}; its columns: "
                f"{listed(source.names)}"
            )


def _rows(
    source: RowSource, id_column: str, features: Sequence[str], size: int
) -> Iterator[tuple[int, list[str], list[dict[str, Value | None]]]]:
    first = 0
    for frame, copied in source.batches(features, (id_column,), size):
        ids = [_id(value, first + place, source.path) for place, value in enumerate(copied[id_column])]
        columns = {
            name: [_value(value, name, source.path) for value in frame[name].tolist()] for name in features
        }
        yield (
            first,
            ids,
            [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
        )
        first += len(ids)


def _id(value: Any, row: int, path: Path) -> str:
    found = value.as_py()
    if found is None:
        raise InvalidInputError(f"row {row + 1} of {path} has no id: each result needs one, its own")
    return check_item_id(str(found))


def _label(value: Value | None, row: int, path: Path) -> Value:
    if value is None:
        raise InvalidInputError(f"row {row + 1} of {path} has no label: leave out what nobody has judged")
    return value


def _value(value: Any, name: str, path: Path) -> Value | None:
    """Dates as text in ISO 8601: JSON has none."""
    import pandas as pd

    if isinstance(value, date):  # also a Timestamp, and NaT
        return None if pd.isna(value) else value.isoformat()
    if isinstance(value, float):
        return _number(value, name, path)
    if value is None or value is pd.NA:
        return None
    if isinstance(value, str | int):
        return value
    raise InvalidInputError(
        f"column {name!r} of {path} holds a {type(value).__name__}: expected numbers, text, bools or dates"
    )


def _number(value: float, name: str, path: Path) -> float | None:
    if math.isinf(value):
        raise InvalidInputError(f"column {name!r} of {path} holds an infinite number, which is no feature")
    return None if math.isnan(value) else value
