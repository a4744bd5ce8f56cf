"""In the cell: what a fit is given beside the features: codes for labels where it needs them, and weights.

Some classifiers accept no labels but 0, 1, 2, ...: XGBoost's, and many that wrap a neural network. Nothing
that they say of themselves tells it, so it is tried, and only when a fit has failed: fresh models are fitted
on few rows of few classes. If one fails with the labels and one succeeds with codes, it needs codes. The
trial takes at most 60 rows, so a fit that failed for another reason is not repeated.
Only scikit-learn's estimators, and classes derived from them, are tried.

A fit takes weights if it names `sample_weight` among its parameters. Of a pipeline that is the fit of its
last step, also where that is a pipeline itself; the weights are passed under scikit-learn's names for that
(`model__sample_weight`).
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.datasets.read_snapshot import Data
from registry.columns.classes_from_predictions import plain_labels

_TRIED_CLASSES = 3
_TRIED_ROWS = 20  #: of each class


def needs_codes(make: Callable[[], Any], data: Data) -> bool:
    """Called after a fit has failed. `make` makes a model that was not fitted."""
    if data.target_kind is TargetKind.REGRESSION:
        return False
    labels = plain_labels(data.y_train)
    classes = np.unique(labels)
    if np.array_equal(classes, np.arange(len(classes))) or not hasattr(make(), "__sklearn_tags__"):
        return False
    # The last classes: of labels that are no codes, these are none either.
    tried = [np.flatnonzero(labels == label)[:_TRIED_ROWS] for label in classes[-_TRIED_CLASSES:]]
    rows = np.sort(np.concatenate(tried))
    X, y = data.X_train.iloc[rows], data.y_train[rows]
    codes = np.unique(labels[rows], return_inverse=True)[1]
    return not _can_fit(make(), X, y) and _can_fit(make(), X, codes)


def with_codes(model: Any, own: Any) -> Any:
    """The model, with the candidate's own part of it learning codes. They differ by the default pipeline."""
    from registry.columns.classifier_with_coded_labels import CodedClassifier

    if model is own:
        return CodedClassifier(own)
    from sklearn.pipeline import Pipeline

    return Pipeline([*model.steps[:-1], (model.steps[-1][0], CodedClassifier(own))])


def _can_fit(model: Any, X: Any, y: NDArray[Any]) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are about few rows
            model.fit(X, y)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a model may raise anything; the failure of the whole fit is reported
        return False
    return True


def weight_arguments(model: Any, weights: np.ndarray | None) -> dict[str, np.ndarray]:
    """The arguments of `model.fit` beside X and y; empty if there are no weights, or it takes none."""
    if weights is None:
        return {}
    name = _parameter(model)
    return {} if name is None else {name: np.asarray(weights)}


def _parameter(model: Any) -> str | None:
    steps = getattr(model, "steps", None)
    if isinstance(steps, list) and steps:
        name, last = steps[-1]
        inner = _parameter(last)
        return None if inner is None else f"{name}__{inner}"
    # A classifier that learns codes in place of labels passes the weights on.
    taker: Any = model.classifier if type(model).__name__ == "CodedClassifier" else model
    try:
        return "sample_weight" if "sample_weight" in inspect.signature(taker.fit).parameters else None
    except (TypeError, ValueError, AttributeError):
        return None
