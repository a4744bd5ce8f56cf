"""The names of metrics, what is known of a custom one, and the scoring rules of a run.

A custom metric is a function of two arrays that returns a number. A run names it as
`package.module:function`, or by the name of an entry point in the group `bakeoff.metrics`. It is code of
strangers, so it is never imported here: a cell imports it once, when a run is planned, and reports its facts
(`bakeoff.evaluation.user_functions.custom_metric_facts`); cells compute it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from math import isnan, nan
from typing import Any, Self

from bakeoff.domain import entry_points_of_installed_packages
from bakeoff.domain.entry_points_of_installed_packages import Extends
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.machine.own_packages_and_disk_space import refuse_tasks
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.domain.tuning import Costs

#: The metrics of a run that names none.
CLASSIFICATION_METRICS = ("f1", "precision", "recall", "accuracy")
REGRESSION_METRICS = ("r2", "mae", "rmse")
#: They join those of two classes where few rows are of one: they look at the order, not at a threshold.
RARE_CLASS_METRICS = ("roc_auc", "average_precision")

#: What wrong answers cost on average, by the costs of the run.
EXPECTED_COST = "expected_cost"

#: All built-in metrics, by the kind of target that they fit. No package can take one of these names.
BUILT_IN_CLASSIFICATION = (*CLASSIFICATION_METRICS, "balanced_accuracy", EXPECTED_COST)
BUILT_IN_REGRESSION = REGRESSION_METRICS


def names_function(metric: str) -> bool:
    """Whether the metric is written as `package.module:function`."""
    return ":" in metric


def short_name(metric: str) -> str:
    """As sentences and tables call it: a function, `package.module:function`, by the name of the function."""
    return metric.rpartition(":")[2]


def is_custom(metric: str) -> bool:
    """Whether the name is that of a custom metric. A built-in name is never that of an installed package."""
    return names_function(metric) or (
        metric not in {*BUILT_IN_CLASSIFICATION, *BUILT_IN_REGRESSION} and metric in added_metrics()
    )


def added_metrics() -> tuple[str, ...]:
    """The names that installed packages add."""
    return tuple(entry_points_of_installed_packages.added(Extends.METRICS))


def check_form(metric: str) -> None:
    """Whether the name of a custom metric can be that of a function. Nothing is imported."""
    if not names_function(metric):
        return
    module, _, function = metric.partition(":")
    if not (module and function.isidentifier()):
        raise InvalidInputError(f"metric {metric!r} is malformed: expected package.module:function")
    refuse_tasks(metric)


#: The last words of metrics whose lower values are better although they do not end in error or loss.
_COSTS = frozenset({"cost", "mae", "rmse", "mse", "mape", "smape", "msle", "rmsle", "deviance"})


def greater_is_better(metric: str, declared: Mapping[str, bool] | None = None) -> bool:
    """Whether more of it is better. `declared`: what custom metrics say of themselves, by name.

    roc_auc, neg_log_loss      scorers of scikit-learn carry their sign: more is always better
    mae, log_loss, max_error   errors and losses are better when they are less; `val_rmse` is like `rmse`
    costs:total_cost           of a function its own name counts, not that of its module
    """
    if declared is not None and metric in declared:
        return declared[metric]
    name = metric.rpartition(":")[2].lower()
    if name.startswith("neg_"):
        return True
    return name.rpartition("_")[2] not in _COSTS and not name.endswith(("error", "loss"))


@dataclass(frozen=True, kw_only=True)
class MetricFacts:
    """What a custom metric says of itself. A cell reported it; it is kept with the rules of the run."""

    name: str
    greater_is_better: bool
    needs_probabilities: bool = False
    target_kinds: tuple[TargetKind, ...] | None = None  #: those that it fits; None: all

    @classmethod
    def by_name(cls, name: str) -> Self:
        """What follows from the name alone."""
        return cls(name=name, greater_is_better=greater_is_better(name))

    def fits(self, kind: TargetKind) -> bool:
        return self.target_kinds is None or kind in self.target_kinds

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        kinds = data["target_kinds"]
        return cls(**{**data, "target_kinds": None if kinds is None else tuple(map(TargetKind, kinds))})


def directions_of(metadata: Mapping[str, Any]) -> dict[str, bool]:
    """What the metadata of a model version say of the direction of custom metrics."""
    found = metadata.get("greaterIsBetter")
    return {str(name): bool(one) for name, one in found.items()} if isinstance(found, Mapping) else {}


#: The metrics that `average` changes. A scorer of scikit-learn has its average in its name.
AVERAGED_METRICS = frozenset({"precision", "recall", "f1"})


#: A threshold that each candidate chooses for itself.
TUNED = "tuned"


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
    facts: tuple[MetricFacts, ...] = ()  #: of the custom metrics among `metrics`
    costs: Costs | None = None  #: of wrong answers, for `expected_cost`
    tuned: bool = False  #: each candidate chooses its threshold, on its training rows

    @property
    def custom(self) -> tuple[str, ...]:
        """The metrics that are computed in cells."""
        return tuple(filter(is_custom, self.metrics))

    @property
    def directions(self) -> dict[str, bool]:
        """What the custom metrics say of their direction."""
        return {one.name: one.greater_is_better for one in self.facts}

    def greater_is_better(self, metric: str) -> bool:
        return greater_is_better(metric, self.directions)

    def facts_of(self, metric: str) -> MetricFacts:
        known = (one for one in self.facts if one.name == metric)
        return next(known, None) or MetricFacts.by_name(metric)

    def only(self, metrics: Iterable[str]) -> Self:
        """The rules of some of the metrics."""
        return replace(self, metrics=tuple(metrics))

    def without_custom(self) -> Self:
        return self.only(name for name in self.metrics if not is_custom(name))

    def open_rows(self, test_rows: int) -> int:
        """How many of the test rows are not sealed: at least one, since candidates are scored on them."""
        return max(1, test_rows - round(test_rows * self.seal))

    def treat_alike(self, other: "ScoringRules") -> bool:
        """Whether both rules give the same value of a metric for the same predictions."""
        mine, theirs = (
            (
                rules.positive_label,
                rules.threshold,
                rules.average,
                str(rules.zero_division),
                rules.seal,
                rules.costs,
                rules.tuned,
            )
            for rules in (self, other)
        )
        return mine == theirs

    def to_json(self) -> dict[str, Any]:
        """JSON has no NaN: it is written as null. Rules without custom metrics have no facts."""
        data = {**asdict(self), "zero_division": None if isnan(self.zero_division) else self.zero_division}
        if not self.facts:
            del data["facts"]
        return data

    def to_record(self) -> dict[str, Any]:
        """The rules as JSON, as a part of their run."""
        return {
            "metrics": list(self.metrics),
            "positiveLabel": self.positive_label,
            "threshold": TUNED if self.tuned else self.threshold,
            "costs": self.costs.to_record() if self.costs else None,
            "average": self.average,
            "zeroDivision": None if isnan(self.zero_division) else self.zero_division,
            "seal": self.seal,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        average, zero_division, costs = data["average"], data["zero_division"], data.get("costs")
        return cls(
            **{
                **data,
                "metrics": tuple(data["metrics"]),
                "facts": tuple(map(MetricFacts.from_json, data.get("facts", ()))),
                "average": None if average is None else Average(average),
                "zero_division": nan if zero_division is None else zero_division,
                "costs": Costs(**costs) if costs else None,
            }
        )
