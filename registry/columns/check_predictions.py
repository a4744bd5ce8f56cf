"""Checks what a candidate's `predict` returned: an array of one plain type, a value per row, none missing.

The check runs in the cell on what the candidate returned, and again in the host on what the cell wrote, which
untrusted code may have forged. Needs numpy alone.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import BadAnswerError

#: How far sums of 32-bit floats may be below 0 or above 1.
_ROUNDING = 1e-6

_MISSING = {"NoneType": "None", "NAType": "NA", "NaTType": "NaT"}


class BadPredictionsError(BadAnswerError):
    """A candidate's predictions cannot be scored, and its author can mend that."""


@dataclass(frozen=True, kw_only=True)
class Predictions:
    values: NDArray[Any]  #: labels; or probabilities or scores, 1-d of the positive class or (rows, classes)
    output_kind: OutputKind
    probabilities: NDArray[Any] | None = None  #: beside labels or scores, for metrics that need them
    scores: NDArray[Any] | None = None  #: beside labels of two classes: of the greater one, if 1-d

    def of(self, rows: NDArray[np.intp]) -> Self:
        """The predictions of some of the rows. What stands beside them in a wrong shape is left as it is."""

        def some(beside: NDArray[Any] | None) -> NDArray[Any] | None:
            return beside[rows] if beside is not None and len(beside) == len(self.values) else beside

        return replace(
            self,
            values=self.values[rows],
            probabilities=some(self.probabilities),
            scores=some(self.scores),
        )


def check_predictions(raw: Any, *, rows: int, output_kind: OutputKind) -> NDArray[Any]:
    """The checked array of numbers, booleans or text, which `np.save` can write without pickle."""
    array = _with_checked_shape(_array(raw), rows=rows, output_kind=output_kind)
    array = array if array.dtype.kind in "biufU" else _of_one_type(array)
    if array.dtype.kind == "f":
        _check_finite(array)
    if output_kind is not OutputKind.LABELS:
        array = _numeric(array, output_kind)
    if output_kind is OutputKind.PROBA:
        array = _within_0_and_1(array)
    return np.ascontiguousarray(array)


def check_numbers(raw: Any, *, rows: int) -> NDArray[np.float64]:
    """The predictions for a regression: one number per row, whatever output kind was declared."""
    values = check_predictions(raw, rows=rows, output_kind=OutputKind.SCORE)
    if values.ndim == 1:
        return values.astype(np.float64)
    raise BadPredictionsError(
        f"predict returned {values.shape[1]} columns for a regression", "return one number per row"
    )


def _array(raw: Any) -> NDArray[Any]:
    if np.ma.is_masked(raw):
        raise BadPredictionsError("predict returned a masked array with masked rows", "predict every row")
    try:
        # A list is read as objects first: numpy would silently turn [1, "a"] into text.
        return np.asarray(raw) if hasattr(raw, "__array__") else np.asarray(raw, dtype=object)
    except (TypeError, ValueError) as exc:
        raise BadPredictionsError(
            f"predict returned a {type(raw).__name__} that is no array: {exc}",
            "return a one-dimensional numpy array",
        ) from exc


def _with_checked_shape(array: NDArray[Any], *, rows: int, output_kind: OutputKind) -> NDArray[Any]:
    if array.ndim == 0:
        raise BadPredictionsError(
            f"predict returned a single {type(array.item()).__name__}, not one value for each of {rows} rows",
            f"return a one-dimensional array with {rows} values",
        )
    if len(array) != rows:
        raise BadPredictionsError(
            f"predict returned {len(array)} values for {rows} rows",
            "return one value per row of X, in its order",
        )
    if array.ndim == 2 and array.shape[1] == 1:  # noqa: PLR2004 - a single column is taken as a vector
        return array[:, 0]
    if array.ndim > (1 if output_kind is OutputKind.LABELS else 2) or array.size == 0:
        raise BadPredictionsError(
            f"predict returned an array of shape {array.shape} where output_kind {output_kind} is due",
            _SHAPE_HINTS[output_kind],
        )
    return array


_SHAPE_HINTS = {
    OutputKind.LABELS: "return one label per row, or declare output_kind: proba if these are probabilities",
    OutputKind.PROBA: "return the positive class's probability per row, or one column per class",
    OutputKind.SCORE: "return one score per row, or one column per class",
}


def _of_one_type(array: NDArray[Any]) -> NDArray[Any]:
    values = array.astype(object).ravel().tolist()
    types = set(map(type, values))
    if not types <= {str, int, bool}:
        _check_entries(values)
    texts = {kind for kind in types if issubclass(kind, str)}
    if texts and texts != types:
        raise BadPredictionsError("predict returned text and numbers mixed", "return labels of one type")
    typed = np.array(values)
    if typed.dtype.kind not in "biufU":
        raise BadPredictionsError(
            "predict returned numbers that fit no numpy type",
            "return whole numbers of 64 bits at most, or floats",
        )
    return typed.reshape(array.shape)


def _check_entries(values: Iterable[Any]) -> None:
    for row, value in enumerate(values):
        kind = type(value).__name__
        if kind in _MISSING or (isinstance(value, float) and math.isnan(value)):
            raise BadPredictionsError(
                f"predict returned {_MISSING.get(kind, 'NaN')}, first at entry {row}", "predict every row"
            )
        if not isinstance(value, str | Real | np.bool_):
            raise BadPredictionsError(
                f"predict returned a {kind}, first at entry {row}, where a number, a bool or text is due",
                "return plain labels or numbers",
            )


def _check_finite(array: NDArray[Any]) -> None:
    finite = np.isfinite(array)
    if finite.all():
        return
    row = int(np.argwhere(~finite)[0][0])
    what = "NaN" if np.isnan(array[row]).any() else "an infinite number"
    raise BadPredictionsError(
        f"predict returned {what}, first in row {row}; "
        f"{int((~finite).sum())} of {array.size} values are not finite",
        "look for missing values in X, a division by zero, or a fit that did not converge",
    )


def _numeric(array: NDArray[Any], output_kind: OutputKind) -> NDArray[Any]:
    if array.dtype.kind == "U":
        raise BadPredictionsError(
            f"predict returned text such as {_first(array)} where output_kind {output_kind} is due",
            "return numbers, or declare output_kind: labels",
        )
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _within_0_and_1(array: NDArray[Any]) -> NDArray[Any]:
    outside = (array < -_ROUNDING) | (array > 1 + _ROUNDING)
    if outside.any():
        row = int(np.argwhere(outside)[0][0])
        raise BadPredictionsError(
            f"predict returned {float(array[outside][0]):g} in row {row}, which is no probability",
            "return values from 0 to 1, or declare output_kind: score",
        )
    clipped: NDArray[Any] = np.clip(array, 0, 1)
    return clipped


def _first(array: NDArray[Any]) -> str:
    return ascii(array.flat[0].item()[:40])
