"""The function behind a custom metric. It is strangers' code: only cells import it, and `--in-process` runs.

A custom metric is called as `function(y_true, y_pred)`, and returns a number. Its obligations:

- `y_true` and `y_pred` are numpy arrays of one entry for each test row. They are copies.
- NaN or infinity means undefined. An exception does, too; its text becomes a warning of the result.
- It is called for all test rows, and again without some of them, for the interval of its value.
- `function.greater_is_better`: bool. Without it the name decides: errors, losses and costs are better when
  less.
- `function.needs = "probabilities"`: then `y_pred` has one row for each test row and one column for each
  class, and `y_true` holds the numbers of the columns; of two classes, column 1 is the positive one. For a
  candidate that has no probabilities the metric is undefined. Without it `y_pred` holds labels, or numbers.
- `function.target_kinds`: those of `binary`, `multiclass` and `regression` that it fits; without it, all.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bakeoff.domain import entry_points_of_installed_packages
from bakeoff.domain.entry_points_of_installed_packages import Extends
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import (
    MetricFacts,
    check_form,
    greater_is_better,
    names_function,
)
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind

_PROBABILITIES = "probabilities"


@dataclass(frozen=True, kw_only=True)
class MetricFunction:
    function: Callable[[Any, Any], Any]
    facts: MetricFacts

    def __call__(self, y_true: np.ndarray, y_pred: np.ndarray) -> float:
        """The only place where a custom metric is called.

        It is given copies, so that a function that sorts in place does not change what its next call sees.
        """
        value = self.function(y_true.copy(), y_pred.copy())
        if isinstance(value, str | bytes) or np.ndim(value):
            what = f"{type(value).__name__} of shape {np.shape(value)}" if np.ndim(value) else repr(value)
            raise TypeError(f"it returned {what:.100}, expected a number")
        return float(value)


def load_metrics(names: Iterable[str]) -> dict[str, MetricFunction]:
    return {name: load_metric(name) for name in names}


def load_metric(metric: str) -> MetricFunction:
    """Imports a custom metric. InvalidInputError says what is wrong with its name, module or attributes."""
    function, place = _of_module(metric) if names_function(metric) else _of_package(metric)
    if not callable(function):
        raise InvalidInputError(
            f"metric {metric!r} of {place} is of type {type(function).__name__}, not a function"
        )
    return MetricFunction(function=function, facts=_facts(metric, function))


def _of_package(metric: str) -> tuple[Any, str]:
    function = entry_points_of_installed_packages.load(Extends.METRICS, metric)
    return function, entry_points_of_installed_packages.whose(Extends.METRICS, metric)


def _of_module(metric: str) -> tuple[Any, str]:
    check_form(metric)
    module_name, _, function_name = metric.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as exc:  # an import runs the module's own code, which may raise anything
        raise InvalidInputError(
            f"metric {metric!r}: module {module_name} cannot be imported "
            f"({type(exc).__name__}: {exc}); mend it, or put its folder on the import path"
        ) from exc
    function = getattr(module, function_name, None)
    if not callable(function):
        raise InvalidInputError(
            f"metric {metric!r}: module {module_name} has no function {function_name}; define it there"
        )
    return function, f"module {module_name}"


def _facts(metric: str, function: Any) -> MetricFacts:
    needs = getattr(function, "needs", None)
    if needs not in (None, _PROBABILITIES):
        raise InvalidInputError(
            f"metric {metric!r} needs {needs!r}: expected {_PROBABILITIES!r}, or no attribute `needs`"
        )
    kinds = getattr(function, "target_kinds", None)
    if kinds is not None and not {str(kind) for kind in kinds} <= {str(kind) for kind in TargetKind}:
        raise InvalidInputError(
            f"metric {metric!r} has target_kinds {kinds!r}: "
            "expected some of binary, multiclass and regression"
        )
    declared = getattr(function, "greater_is_better", None)
    return MetricFacts(
        name=metric,
        greater_is_better=greater_is_better(metric) if declared is None else bool(declared),
        needs_probabilities=needs == _PROBABILITIES,
        target_kinds=None if kinds is None else tuple(TargetKind(str(kind)) for kind in kinds),
    )


#: Of rules without custom metrics.
NO_FUNCTIONS: Mapping[str, MetricFunction] = {}
