"""The names of metrics: which exist, and which fit a kind of target.

f1, rmse, ...              built in, computed with numpy alone
roc_auc, neg_log_loss      any scorer of scikit-learn
profit                     what an installed package adds, in the group `bakeoff.metrics`
package.module:function    a function of the user, called as function(y_true, y_pred)
"""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from bakeoff.domain import metric_names_and_scoring_rules
from bakeoff.domain.entry_points_of_installed_packages import Extends, whose
from bakeoff.domain.errors import InvalidInputError, in_field
from bakeoff.domain.metric_names_and_scoring_rules import (
    BUILT_IN_CLASSIFICATION,
    BUILT_IN_REGRESSION,
    MetricFacts,
    ScoringRules,
)
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.domain.wording import quoted
from bakeoff.evaluation.metrics.sklearn_scorer_name_list import known_scorers


def built_in(target_kind: TargetKind) -> tuple[str, ...]:
    return BUILT_IN_REGRESSION if target_kind is TargetKind.REGRESSION else BUILT_IN_CLASSIFICATION


def importance_rules(rules: ScoringRules, target_kind: TargetKind) -> ScoringRules:
    """How importance is scored: by the first metric of a run that takes no cell, or else the usual one."""
    name = next(
        (name for name in rules.metrics if not metric_names_and_scoring_rules.is_custom(name)),
        built_in(target_kind)[0],
    )
    return replace(rules.without_custom(), metrics=(name,), seal=0.0)


def check_names(names: Iterable[str]) -> None:
    """Refuses names that no metric has, whatever the target is: this needs neither data nor candidates.

    Whether a function is there, only a cell finds out (see `custom_metric_facts`).
    """
    for place, name in enumerate(names):
        with in_field(f"metrics.{place}"):
            if metric_names_and_scoring_rules.is_custom(name):
                metric_names_and_scoring_rules.check_form(name)
            elif name not in {*BUILT_IN_CLASSIFICATION, *BUILT_IN_REGRESSION}:
                _refuse_unknown(name, known_scorers())


def check_metrics(
    names: Iterable[str], target_kind: TargetKind, facts: Mapping[str, MetricFacts] | None = None
) -> None:
    """`facts`: of the custom metrics; one that is not among them fits every target."""
    for place, name in enumerate(names):
        with in_field(f"metrics.{place}"):
            if metric_names_and_scoring_rules.is_custom(name):
                _check_custom(name, target_kind, (facts or {}).get(name))
            elif name not in built_in(target_kind):
                _check_foreign(name, target_kind)


def may_need_probabilities(rules: ScoringRules, target_kind: TargetKind) -> bool:
    """Whether a metric may need probabilities: any scorer of scikit-learn, and functions that say so."""
    return any(
        name not in built_in(target_kind)
        and (not metric_names_and_scoring_rules.is_custom(name) or rules.facts_of(name).needs_probabilities)
        for name in rules.metrics
    )


def need_more_than_labels(rules: ScoringRules, target_kind: TargetKind) -> bool:
    """Whether labels alone cannot be scored by these rules: probabilities or scores may be needed."""
    return rules.threshold is not None or rules.tuned or may_need_probabilities(rules, target_kind)


def _check_custom(name: str, target_kind: TargetKind, facts: MetricFacts | None) -> None:
    metric_names_and_scoring_rules.check_form(name)
    if facts is not None and not facts.fits(target_kind):
        raise InvalidInputError(f"metric {name!r} does not fit a {target_kind} target, it says itself")
    if metric_names_and_scoring_rules.names_function(name):
        return
    from bakeoff.evaluation.metrics import sklearn_scorers

    if name in sklearn_scorers.scorer_names():
        raise InvalidInputError(
            f"metric {name!r} is a scorer of scikit-learn, and {whose(Extends.METRICS, name)} adds another "
            "of that name: let the package rename it, or name its function as package.module:function"
        )


def _check_foreign(name: str, target_kind: TargetKind) -> None:
    from bakeoff.evaluation.metrics import sklearn_scorers

    scorers = sklearn_scorers.scorer_names()
    if name not in {*BUILT_IN_CLASSIFICATION, *BUILT_IN_REGRESSION}:
        _refuse_unknown(name, scorers)
    if name in {*BUILT_IN_CLASSIFICATION, *BUILT_IN_REGRESSION} or not sklearn_scorers.scorer_fits(
        name, target_kind
    ):
        raise InvalidInputError(
            f"metric {name!r} does not fit a {target_kind} target; these do: "
            f"{', '.join(_fitting(target_kind, scorers))}"
        )


def _refuse_unknown(name: str, scorers: Collection[str]) -> None:
    if name not in scorers:
        ours = [*BUILT_IN_CLASSIFICATION, *BUILT_IN_REGRESSION]
        raise InvalidInputError(
            f"unknown metric {quoted(name)}{_nearest(name, scorers)}; expected a built-in metric "
            f"({', '.join(ours)}), {_of_packages()}a scorer of scikit-learn, or package.module:function"
        )


def _of_packages() -> str:
    names = ", ".join(metric_names_and_scoring_rules.added_metrics())
    return f"one that an installed package adds ({names}), " if names else ""


def _nearest(name: str, of_scikit_learn: Iterable[str]) -> str:
    known = list(
        dict.fromkeys(
            [
                *BUILT_IN_CLASSIFICATION,
                *BUILT_IN_REGRESSION,
                *metric_names_and_scoring_rules.added_metrics(),
                *of_scikit_learn,
            ]
        )
    )
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    return f": did you mean {', '.join(near)}?" if near else ""


def _fitting(target_kind: TargetKind, of_scikit_learn: Iterable[str]) -> list[str]:
    from bakeoff.evaluation.metrics import sklearn_scorers

    fitting = [name for name in of_scikit_learn if sklearn_scorers.scorer_fits(name, target_kind)]
    return list(dict.fromkeys([*built_in(target_kind), *fitting]))
