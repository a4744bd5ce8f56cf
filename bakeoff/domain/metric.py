"""A metric that somebody else wrote: `package.module:function`, called as `function(y_true, y_pred)`.

The function may carry an attribute `greater_is_better`.

Whether more or less of a metric is better, told by its name.

roc_auc, neg_log_loss      scorers of scikit-learn carry their sign: more is always better
mae, log_loss, max_error   errors and losses are better when they are less
package.module:function    somebody's own may say so itself

How a run turns predictions into numbers. It is part of the run and shown with it.
"""

import importlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isnan, nan
from typing import Any, Self

from bakeoff.domain.errors import InvalidInputError

log = logging.getLogger(__name__)

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


#: Less is better, though they do not end in error or loss. Mostly stored by others.
_COSTS = frozenset({"mae", "rmse", "mse", "mape", "smape", "msle", "rmsle", "deviance"})


def greater_is_better(metric: str) -> bool:
    """A custom function may say so itself; otherwise errors and losses are better when they are less."""
    if is_custom(metric):
        said = _said_by_function(metric)
        return _told_by_name(metric) if said is None else said
    return _told_by_name(metric)


def _told_by_name(metric: str) -> bool:
    """`val_rmse` and `RMSE` are what `rmse` is."""
    name = metric.lower()
    if name.startswith("neg_"):
        return True
    return name.rpartition("_")[2] not in _COSTS and not name.endswith(("error", "loss"))


def _said_by_function(metric: str) -> bool | None:
    try:
        said = getattr(load(metric), "greater_is_better", None)
    except InvalidInputError as exc:
        log.warning("direction told by name alone: %s", exc, extra={"metric": metric})
        return None
    return None if said is None else bool(said)


CLASSIFICATION_METRICS = ("f1", "precision", "recall", "accuracy")
REGRESSION_METRICS = ("r2", "mae", "rmse")


class Average(StrEnum):
    BINARY = "binary"
    MACRO = "macro"
    MICRO = "micro"
    WEIGHTED = "weighted"


@dataclass(frozen=True, kw_only=True)
class ScoringRules:
    metrics: tuple[str, ...]  #: names; the first one ranks the leaderboard
    positive_label: str | None = None  #: as text; None for regression and for more than two classes
    threshold: float | None = None  #: None means 0.5 for probabilities and 0 for scores
    average: Average | None = None  #: None for regression
    zero_division: float = 0.0

    def treat_alike(self, other: "ScoringRules") -> bool:
        """Whether a metric of both is the same number for the same predictions."""
        mine, theirs = (
            (rules.positive_label, rules.threshold, rules.average, str(rules.zero_division))
            for rules in (self, other)
        )
        return mine == theirs

    def to_json(self) -> dict[str, Any]:
        """JSON has no NaN: it is written as null."""
        return {**asdict(self), "zero_division": None if isnan(self.zero_division) else self.zero_division}

    def to_record(self) -> dict[str, Any]:
        """The rules as they leave the system, with their run."""
        return {
            "metrics": list(self.metrics),
            "positiveLabel": self.positive_label,
            "threshold": self.threshold,
            "average": self.average,
            "zeroDivision": None if isnan(self.zero_division) else self.zero_division,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        average, zero_division = data["average"], data["zero_division"]
        return cls(
            **{
                **data,
                "metrics": tuple(data["metrics"]),
                "average": None if average is None else Average(average),
                "zero_division": nan if zero_division is None else zero_division,
            }
        )
