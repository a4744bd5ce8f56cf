"""Custom metrics, which direction of a metric is better, and the scoring rules of a run.

A custom metric is a function, called as `function(y_true, y_pred)`, that returns a number. A run names it as
`package.module:function`, or by the name of an entry point in the group `bakeoff.metrics`:

    [project.entry-points."bakeoff.metrics"]
    profit = "shop.metrics:profit"

Its obligations:

- It is called once for each candidate, after the candidate has predicted the test rows, in the process that
  supervises the evaluation: it is trusted as Bakeoff itself is. It may be called by several threads.
- `y_true` and `y_pred` are numpy arrays of one entry for each test row. They are copies.
- NaN or infinity means undefined. An exception does, too; its text becomes a warning of the result.
- `function.greater_is_better`: bool. Without it the name decides: errors and losses are better when less.
- `function.needs = "probabilities"`: then `y_pred` has one row for each test row and one column for each
  class, and `y_true` holds the numbers of the columns; of two classes, column 1 is the positive one. For a
  candidate that has no probabilities the metric is undefined. Without it `y_pred` holds labels, or numbers.
- `function.target_kinds`: those of `binary`, `multiclass` and `regression` that it fits; without it, all.
"""

import importlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isnan, nan
from typing import Any, Self

from bakeoff.domain import extensions
from bakeoff.domain.dataset import TargetKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.extensions import Extends
from bakeoff.domain.machine.folders import refuse_tasks

log = logging.getLogger(__name__)

Metric = Callable[[Any, Any], Any]

#: The metrics of a run that names none.
CLASSIFICATION_METRICS = ("f1", "precision", "recall", "accuracy")
REGRESSION_METRICS = ("r2", "mae", "rmse")

#: All built-in metrics, by the kind of target that they fit. No package can take one of these names.
BUILT_IN_CLASSIFICATION = (*CLASSIFICATION_METRICS, "balanced_accuracy")
BUILT_IN_REGRESSION = REGRESSION_METRICS

_PROBABILITIES = "probabilities"


def names_function(metric: str) -> bool:
    """Whether it is written as `package.module:function`."""
    return ":" in metric


def is_custom(metric: str) -> bool:
    """Whether it is a custom metric. A built-in name is never that of an installed package."""
    return names_function(metric) or (
        metric not in {*BUILT_IN_CLASSIFICATION, *BUILT_IN_REGRESSION} and metric in added_metrics()
    )


def added_metrics() -> tuple[str, ...]:
    """The names that installed packages add."""
    return tuple(extensions.added(Extends.METRICS))


def load(metric: str) -> Metric:
    """The function of a custom metric. InvalidInputError says what is wrong with its name or its module."""
    if not names_function(metric):
        function, place = extensions.load(Extends.METRICS, metric), extensions.whose(Extends.METRICS, metric)
    else:
        module_name, _, function_name = metric.partition(":")
        if not (module_name and function_name.isidentifier()):
            raise InvalidInputError(f"metric {metric!r} is malformed: expected package.module:function")
        refuse_tasks(metric)
        function, place = getattr(_import(module_name, metric), function_name, None), f"module {module_name}"
        if not callable(function):
            raise InvalidInputError(
                f"metric {metric!r}: {place} has no function {function_name}; define it there"
            )
    if not callable(function):
        raise InvalidInputError(
            f"metric {metric!r} of {place} is of type {type(function).__name__}, not a function"
        )
    _check_contract(metric, function)
    return function  # type: ignore[no-any-return]  # callable() tells nothing of the signature


def _check_contract(metric: str, function: Metric) -> None:
    needs = getattr(function, "needs", None)
    if needs not in {None, _PROBABILITIES}:
        raise InvalidInputError(
            f"metric {metric!r} needs {needs!r}: expected {_PROBABILITIES!r}, or no attribute `needs`"
        )
    kinds = getattr(function, "target_kinds", None)
    if kinds is not None and not {str(kind) for kind in kinds} <= {str(kind) for kind in TargetKind}:
        raise InvalidInputError(
            f"metric {metric!r} has target_kinds {kinds!r}: "
            "expected some of binary, multiclass and regression"
        )


def fits(metric: str, kind: TargetKind) -> bool:
    """Whether a custom metric fits such targets. If it does not say, it fits all."""
    kinds = getattr(load(metric), "target_kinds", None)
    return kinds is None or str(kind) in {str(named) for named in kinds}


def needs_probabilities(metric: str) -> bool:
    """Whether a custom metric needs probabilities; no, if it cannot be loaded: its result will say why."""
    try:
        return getattr(load(metric), "needs", None) == _PROBABILITIES
    except InvalidInputError as exc:
        log.warning("metric taken for one that needs no probabilities: %s", exc, extra={"metric": metric})
        return False


def _import(module_name: str, metric: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except Exception as exc:  # an import runs the module's own code, which may raise anything
        raise InvalidInputError(
            f"metric {metric!r}: module {module_name} cannot be imported "
            f"({type(exc).__name__}: {exc}); mend it, or put its folder on the import path"
        ) from exc


#: Metrics whose lower values are better although their names do not end in error or loss.
_COSTS = frozenset({"mae", "rmse", "mse", "mape", "smape", "msle", "rmsle", "deviance"})


def greater_is_better(metric: str) -> bool:
    """A custom function may say so itself; otherwise errors and losses are better when they are less.

    roc_auc, neg_log_loss      scorers of scikit-learn carry their sign: more is always better
    mae, log_loss, max_error   errors and losses are better when they are less
    """
    if is_custom(metric):
        declared = _by_function(metric)
        return _by_name(metric) if declared is None else declared
    return _by_name(metric)


def _by_name(metric: str) -> bool:
    """`val_rmse` and `RMSE` are treated like `rmse`."""
    name = metric.lower()
    if name.startswith("neg_"):
        return True
    return name.rpartition("_")[2] not in _COSTS and not name.endswith(("error", "loss"))


def _by_function(metric: str) -> bool | None:
    try:
        declared = getattr(load(metric), "greater_is_better", None)
    except InvalidInputError as exc:
        log.warning("its direction follows from the name alone: %s", exc, extra={"metric": metric})
        return None
    return None if declared is None else bool(declared)


#: The metrics that `average` changes. A scorer of scikit-learn has its average in its name.
AVERAGED_METRICS = frozenset({"precision", "recall", "f1"})


class Average(StrEnum):
    BINARY = "binary"
    MACRO = "macro"
    MICRO = "micro"
    WEIGHTED = "weighted"


@dataclass(frozen=True, kw_only=True)
class ScoringRules:
    """How a run turns predictions into metrics. The rules are stored and shown with the run."""

    metrics: tuple[str, ...]  #: names; the first one ranks the leaderboard
    positive_label: str | None = None  #: as text; None for regression and for more than two classes
    threshold: float | None = None  #: None: 0.5 for probabilities, 0 for scores, and labels as predicted
    average: Average | None = None  #: None for regression
    zero_division: float = 0.0
    seal: float = 0.0  #: share of the test rows that only the winner is scored on

    def open_rows(self, test_rows: int) -> int:
        """How many of the test rows are not sealed: at least one, since candidates are scored on them."""
        return max(1, test_rows - round(test_rows * self.seal))

    def treat_alike(self, other: "ScoringRules") -> bool:
        """Whether both rules give the same value of a metric for the same predictions."""
        mine, theirs = (
            (rules.positive_label, rules.threshold, rules.average, str(rules.zero_division), rules.seal)
            for rules in (self, other)
        )
        return mine == theirs

    def to_json(self) -> dict[str, Any]:
        """JSON has no NaN: it is written as null."""
        return {**asdict(self), "zero_division": None if isnan(self.zero_division) else self.zero_division}

    def to_record(self) -> dict[str, Any]:
        """The rules as JSON, as a part of their run."""
        return {
            "metrics": list(self.metrics),
            "positiveLabel": self.positive_label,
            "threshold": self.threshold,
            "average": self.average,
            "zeroDivision": None if isnan(self.zero_division) else self.zero_division,
            "seal": self.seal,
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
