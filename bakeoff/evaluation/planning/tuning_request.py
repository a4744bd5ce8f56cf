"""What a request says of searches: candidates that choose parameters themselves, inside their cells.

It has the keys of `tune` in an entry of the catalog, and goes before what stands there. The metric by which
they choose parameters and thresholds follows from the rules of the run, which are written into them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isnan
from typing import Any

from pydantic import Field

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import InvalidInputError, in_field
from bakeoff.domain.metric_names_and_scoring_rules import EXPECTED_COST, TUNED, ScoringRules, is_custom
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.domain.tuning import ChoosingRules, Sampler, TunedThreshold, Tuning
from bakeoff.domain.wording import listed, nearest, quoted
from bakeoff.evaluation.metrics.metric_names import check_metrics
from bakeoff.evaluation.planning.parse_request_bodies import Body
from registry.catalog.search_space import with_tuning

_DEFAULTS = Tuning(params={})


class TuneRequest(Body):
    params: dict[str, Any] = Field(
        description="By parameter: a list of values, or a range such as {log_uniform: [0.001, 100]}."
    )
    trials: int = Field(_DEFAULTS.trials, ge=1, le=1000, description="How many are tried in each fit.")
    seconds: float | None = Field(
        None, gt=0, description="For all trials of one fit; null: half of the time of the fit."
    )
    folds: int = Field(_DEFAULTS.folds, ge=2, le=20, description="Into which training rows are divided.")
    metric: str | None = Field(None, description="What decides; null: the metric that ranks.")
    sampler: Sampler = Field(_DEFAULTS.sampler, strict=False, description="Where the next trial is.")
    prune: bool = Field(_DEFAULTS.prune, description="Give up trials that do worse than the median.")

    def to_tuning(self) -> Tuning:
        said = {name: getattr(self, name) for name in TuneRequest.model_fields if name != "metric"}
        return Tuning(**said, rules=ChoosingRules(metric=self.metric))


def with_searches(candidates: Sequence[Candidate], searches: Mapping[str, TuneRequest]) -> list[Candidate]:
    """With its search for each candidate that a request gives one."""
    ids = [candidate.id for candidate in candidates]
    for model_id in searches:
        if model_id not in ids:
            raise InvalidInputError(
                f"tune names {quoted(model_id)}, which does not take part"
                f"{nearest(model_id, ids) or f'; there are {listed(ids)}'}"
            )
    found = []
    for candidate in candidates:
        asked = searches.get(candidate.id)
        if asked is not None:
            with in_field(candidate.id):
                candidate = with_tuning(candidate, asked.to_tuning())  # noqa: PLW2901 - the same one, tuned
        found.append(candidate)
    return found


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
