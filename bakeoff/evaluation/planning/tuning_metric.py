"""By which metric candidates choose parameters and thresholds: the rules of the run, written into them."""

from dataclasses import replace
from math import isnan

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.dataset import TargetKind
from bakeoff.domain.errors import InvalidInputError, in_field
from bakeoff.domain.metric import EXPECTED_COST, TUNED, ScoringRules, is_custom
from bakeoff.domain.tuning import ChoosingRules, TunedThreshold
from bakeoff.evaluation.metrics.metric_names import check_metrics

#: Metrics by which a threshold can be chosen: each has its best somewhere between all and none.
_BY_WHICH_A_THRESHOLD = ("f1", "accuracy", "balanced_accuracy", EXPECTED_COST, "matthews_corrcoef")


def with_choosing_rules(candidate: Candidate, rules: ScoringRules, kind: TargetKind) -> Candidate:
    """InvalidInputError says where the rules of the run leave nothing to choose by."""
    if candidate.tune is not None:
        metric = candidate.tune.rules.metric or rules.metrics[0]
        _refuse_for_search(candidate.id, metric, rules, kind)
        candidate = replace(candidate, tune=replace(candidate.tune, rules=_rules(metric, rules)))
    if rules.tuned:
        with in_field("threshold"):
            _refuse_for_threshold(rules.metrics[0])
        candidate = replace(candidate, tuned_threshold=TunedThreshold(rules=_rules(rules.metrics[0], rules)))
    return candidate


def _rules(metric: str, rules: ScoringRules) -> ChoosingRules:
    return ChoosingRules(
        metric=metric,
        positive_label=rules.positive_label,
        average=rules.average,
        zero_division=None if isnan(rules.zero_division) else rules.zero_division,
        costs=rules.costs,
    )


def _refuse_for_search(id_: str, metric: str, rules: ScoringRules, kind: TargetKind) -> None:
    if is_custom(metric):
        raise InvalidInputError(
            f"{id_} is tuned by {metric}, which is a function: give its `tune` a metric that is built in, or "
            "a scorer of scikit-learn"
        )
    check_metrics([metric], kind)
    if metric == EXPECTED_COST and rules.costs is None:
        raise InvalidInputError(f"{id_} is tuned by {EXPECTED_COST}, and the run has no costs: give it some")


def _refuse_for_threshold(metric: str) -> None:
    if metric not in _BY_WHICH_A_THRESHOLD:
        raise InvalidInputError(
            f"threshold is {TUNED}, and there is no best one by {metric}: name one of "
            f"{', '.join(_BY_WHICH_A_THRESHOLD)} first among the metrics, or give a number"
        )
