"""The scorers of scikit-learn, by name, applied to stored predictions.

A scorer takes a fitted estimator and data. It gets `AlreadyPredicted`, an estimator that returns the stored
arrays, through scikit-learn's public interface alone. Classes are the codes 0, 1, 2..., and of two classes
the positive one is 1, as every scorer assumes by default.
"""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.snapshot_reference_and_split_design import TargetKind


class NotAnsweredError(ValueError):
    """The scorer needs something that the stored predictions do not have."""


class AlreadyPredicted:
    def __init__(
        self,
        predicted: NDArray[Any],
        *,
        classes: int | None,  #: None for a regression
        probabilities: NDArray[Any] | None = None,  #: (rows, classes)
        decisions: NDArray[Any] | None = None,  #: 1-d for two classes, else (rows, classes)
    ) -> None:
        self._predicted = predicted
        self._probabilities = probabilities
        self._decisions = decisions
        if classes is not None:
            self.classes_ = np.arange(classes)
        if probabilities is None or decisions is not None:
            # A scorer that can use either prefers this one, and looks for the attribute.
            self.decision_function = self._decision_function

    def of(self, rows: NDArray[np.intp]) -> "AlreadyPredicted":
        """The same with the predictions of some of the rows only."""
        classes = len(self.classes_) if hasattr(self, "classes_") else None
        return AlreadyPredicted(
            self._predicted[rows],
            classes=classes,
            probabilities=None if self._probabilities is None else self._probabilities[rows],
            decisions=None if self._decisions is None else self._decisions[rows],
        )

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags

        kind = "classifier" if hasattr(self, "classes_") else "regressor"
        return Tags(estimator_type=kind, target_tags=TargetTags(required=True))

    def predict(self, _X: object) -> NDArray[Any]:
        return self._predicted

    def predict_proba(self, _X: object) -> NDArray[Any]:
        if self._probabilities is None:
            raise NotAnsweredError("it needs probabilities: declare output_kind: proba")
        return self._probabilities

    def _decision_function(self, _X: object) -> NDArray[Any]:
        if self._decisions is None:
            raise NotAnsweredError("it needs probabilities or scores: declare output_kind: proba or score")
        return self._decisions

    _decision_function.__name__ = "decision_function"  # scikit-learn distinguishes methods by their names


def scorer_names() -> list[str]:
    from sklearn.metrics import get_scorer_names

    return list(get_scorer_names())


def measure(
    name: str, model: AlreadyPredicted, y_true: NDArray[Any], weights: NDArray[Any] | None = None
) -> float:
    from sklearn.metrics import get_scorer

    how = {} if weights is None else {"sample_weight": weights}
    return float(get_scorer(name)(model, None, y_true, **how))


@cache
def scorer_fits(name: str, kind: TargetKind) -> bool:
    """Whether the scorer fits such a target. It is tried on an example: scikit-learn has no list of that.

    A scorer that accepts fractions is one for regression, although most of those also accept class codes.
    """
    if kind is TargetKind.REGRESSION:
        return _accepts(name, TargetKind.REGRESSION)
    return not _accepts(name, TargetKind.REGRESSION) and _accepts(name, kind)


def _accepts(name: str, kind: TargetKind) -> bool:
    y_true, model = _EXAMPLES[kind]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", UserWarning)  # "undefined", "expects discrete values"
        try:
            return bool(np.isfinite(measure(name, model, y_true)))
        except (ArithmeticError, LookupError, TypeError, ValueError, UserWarning):
            return False


def _regression() -> tuple[NDArray[Any], AlreadyPredicted]:
    return np.array([1.5, 2.25, 3.5, 5.75]), AlreadyPredicted(np.array([1.25, 2.5, 3.25, 6.5]), classes=None)


def _binary() -> tuple[NDArray[Any], AlreadyPredicted]:
    positive = np.array([0.1, 0.7, 0.6, 0.8, 0.4, 0.2])
    model = AlreadyPredicted(
        (positive > 0.5).astype(int),  # noqa: PLR2004 - an example
        classes=2,
        probabilities=np.column_stack([1 - positive, positive]),
        decisions=positive - 0.5,
    )
    return np.array([0, 0, 1, 1, 1, 0]), model


def _multiclass() -> tuple[NDArray[Any], AlreadyPredicted]:
    predicted = np.array([0, 1, 2, 0, 1, 1])
    probabilities = np.eye(3)[predicted] * 0.7 + 0.1
    model = AlreadyPredicted(predicted, classes=3, probabilities=probabilities, decisions=probabilities)
    return np.array([0, 1, 2, 0, 1, 2]), model


_EXAMPLES: dict[TargetKind, Callable[[], tuple[NDArray[Any], AlreadyPredicted]]] = {
    TargetKind.REGRESSION: _regression,
    TargetKind.BINARY: _binary,
    TargetKind.MULTICLASS: _multiclass,
}
