"""In the cell: gives a fit the weights of its rows, where it takes them.

A fit takes weights if it names `sample_weight` among its parameters. Of a pipeline that is the fit of its
last step, also where that is a pipeline itself; the weights are passed under scikit-learn's names for that
(`model__sample_weight`).
"""

import inspect
from typing import Any

import numpy as np


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
