"""A metric that somebody else wrote: `package.module:function`, called as `function(y_true, y_pred)`.

The function may carry an attribute `greater_is_better`.
"""

import importlib
from collections.abc import Callable
from typing import Any

from domain.errors import InvalidInputError

Metric = Callable[[Any, Any], Any]


def is_custom(metric: str) -> bool:
    return ":" in metric


def load(metric: str) -> Metric:
    module_name, _, function_name = metric.partition(":")
    if not (module_name and function_name.isidentifier()):
        raise InvalidInputError(f"metric {metric!r} is malformed: expected package.module:function")
    function = getattr(_import(module_name, metric), function_name, None)
    if not callable(function):
        raise InvalidInputError(
            f"metric {metric!r}: module {module_name} has no function {function_name}; define it there"
        )
    return function  # type: ignore[no-any-return]  # callable() tells nothing of the signature


def _import(module_name: str, metric: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except Exception as exc:
        raise InvalidInputError(
            f"metric {metric!r}: module {module_name} cannot be imported "
            f"({type(exc).__name__}: {exc}); mend it, or put its folder on the import path"
        ) from exc
