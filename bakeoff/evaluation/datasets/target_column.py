"""The target: classes or numbers. The values decide, unless the dataset names its task.

bool, text, categories                       classes
whole numbers, at most 20 different ones     classes
all other numbers                            regression
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.domain.wording import listed
from bakeoff.evaluation.datasets.canonical_column import CATEGORY, DATETIME, STRING, Column

Label = str | int | float | bool
Task = Literal["binary", "multiclass", "regression"]

MOST_NUMERIC_CLASSES = 20
#: With up to so many distinct whole numbers the target may be classes: a warning asks the user to check.
_SUSPICIOUSLY_FEW = 200
_SAMPLE = 10_000
_CLOSE = 10_000


@dataclass(frozen=True, kw_only=True)
class Target:
    name: str
    kind: TargetKind
    classes: tuple[Label, ...]  #: in sort order; empty for regression
    labels: np.ndarray  #: numbers, bools or fixed-width text, never objects
    codes: np.ndarray | None  #: place of each value in `classes`; None for regression
    warnings: tuple[str, ...] = ()


def target_of(column: Column, task: Task | None) -> Target:
    _refuse_missing(column)
    if task == "regression" or (task is None and not _looks_like_classes(column)):
        return _regression(column, task)
    return _classification(column, task)


def _refuse_missing(column: Column) -> None:
    if column.missing:
        raise InvalidInputError(
            f"target {column.name!r} is missing in {column.missing} of {len(column)} rows: "
            "fill them in, or leave these rows out by `dropUnlabelled: true` in the dataset's entry or "
            "--drop-unlabelled"
        )
    if column.type == DATETIME:
        raise InvalidInputError(f"target {column.name!r} holds dates: a target is classes or numbers")


def _looks_like_classes(column: Column) -> bool:
    if not column.is_numeric or column.type == "bool":
        return True
    return _is_whole(column.array) and _few_distinct(column.array, MOST_NUMERIC_CLASSES)


def _is_whole(values: np.ndarray) -> bool:
    """Whether all numbers are whole. The first rows decide in most cases, and the data may be large."""
    if values.dtype.kind != "f":
        return True
    parts = (values[:_SAMPLE], values)
    return all(bool(np.isfinite(part).all() and (part == np.floor(part)).all()) for part in parts)


def _few_distinct(values: np.ndarray, most: int) -> bool:
    return all(len(_labels_in(part)) <= most for part in (values[:_SAMPLE], values))


def _regression(column: Column, task: Task | None) -> Target:
    if not column.is_numeric:
        raise InvalidInputError(
            f"target {column.name!r} is {column.type}, not numbers: task regression does not fit; "
            "leave task out, or say binary or multiclass"
        )
    if (column.array == column.array[0]).all():
        raise InvalidInputError(f"target {column.name!r} is {column.array[0]} in every row: nothing to learn")
    floats = column.array.dtype.kind == "f"
    return Target(
        name=column.name,
        kind=TargetKind.REGRESSION,
        classes=(),
        labels=column.array if floats else column.array.astype("float64"),
        codes=None,
        warnings=() if floats or task else _might_be_classes(column),
    )


def _might_be_classes(column: Column) -> tuple[str, ...]:
    if not _few_distinct(column.array, _SUSPICIOUSLY_FEW):
        return ()
    warning = (
        f"target {column.name!r} has more than {MOST_NUMERIC_CLASSES} whole numbers and is taken as "
        "regression; if they are classes, say task: multiclass"
    )
    return (warning,)


def _classification(column: Column, task: Task | None) -> Target:
    labels, codes = _text_codes(column) if column.type in {STRING, CATEGORY} else _number_codes(column)
    kind = _kind(column.name, labels, task)
    return Target(
        name=column.name, kind=kind, classes=tuple(labels.tolist()), labels=labels[codes], codes=codes
    )


def _number_codes(column: Column) -> tuple[np.ndarray, np.ndarray]:
    values = column.array
    if not _is_whole(values):
        raise InvalidInputError(
            f"target {column.name!r} holds fractions, which are no classes: "
            "say task: regression, or turn them into text or whole numbers"
        )
    if values.dtype.kind == "f":
        values = values.astype("int64")
    labels = _labels_in(values)
    return labels, np.searchsorted(labels, values).astype(np.min_scalar_type(len(labels)))


def _labels_in(values: np.ndarray) -> np.ndarray:
    """The same as np.unique. Whole numbers close to each other are counted, which is ten times as fast."""
    if values.dtype.kind not in "iu" or not np.can_cast(values.dtype, np.int64):
        return np.unique(values)
    least, most = int(values.min()), int(values.max())
    if most - least > _CLOSE:
        return np.unique(values)
    found = np.flatnonzero(np.bincount(values.astype(np.int64) - least)) + least
    return found.astype(values.dtype)


def _text_codes(column: Column) -> tuple[np.ndarray, np.ndarray]:
    encoded: Any = column.array if column.type == CATEGORY else column.array.dictionary_encode()
    words = np.array(encoded.dictionary.to_pylist())
    raw = encoded.indices.to_numpy(zero_copy_only=False)
    present = np.unique(raw)
    labels = np.unique(words[present])
    place = np.zeros(len(words), dtype=np.intp)
    place[present] = np.searchsorted(labels, words[present])
    return labels, place[raw]


def _kind(name: str, labels: np.ndarray, task: Task | None) -> TargetKind:
    if len(labels) < 2:  # noqa: PLR2004 - two classes
        raise InvalidInputError(
            f"target {name!r} has only the class {str(labels[0])!r}: two classes are needed"
        )
    if task == "binary" and len(labels) > 2:  # noqa: PLR2004 - two classes
        raise InvalidInputError(
            f"target {name!r} has {len(labels)} classes ({listed(map(str, labels))}), task binary needs two: "
            "say task: multiclass"
        )
    if task is not None:
        return TargetKind(task)
    return TargetKind.BINARY if len(labels) == 2 else TargetKind.MULTICLASS  # noqa: PLR2004 - two classes
