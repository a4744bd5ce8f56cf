"""Gates: the conditions that a version must meet to be promoted.

Two versions can be compared only if they were measured on the same rows. A run that saves its models asks the
version in Production for its predictions on the test rows of the run, and its verdict says what is shown of
the two. Gates read that; where it is missing, they look for numbers that were measured on one snapshot.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.finding import blocking
from bakeoff.domain.metric_names_and_scoring_rules import directions_of, greater_is_better
from bakeoff.domain.model_version import GateResult, ModelVersion, VersionFilter
from bakeoff.domain.runs.verdict import Against, ReferenceComparison, RunVerdict
from bakeoff.domain.runs.verdict_facts_in_words import comparison_in_words
from bakeoff.domain.wording import joined
from bakeoff.settings.registry_settings import GateSettings
from registry.models.registry_interface import BaseModelRegistry

_ROUNDING = 1e-9  #: relative: 0.3 counts as better than 0.2 by 0.1, though floats differ by less

Metrics = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class RunEvidence:
    """What a run that a version was scored in can say of it."""

    run_id: str
    candidate: str  #: the one that the version is the fitted model of, as this run calls it
    metrics: Metrics  #: of that candidate, in this run
    verdict: RunVerdict | None  #: None where the run could not be judged


#: The runs that a version was scored in; the one that counts first comes first.
EvidenceOf = Callable[[ModelVersion], Sequence[RunEvidence]]


def no_evidence(_: ModelVersion) -> Sequence[RunEvidence]:
    """For callers without a database of runs."""
    return ()


def check_gate(
    gate: GateSettings,
    version: ModelVersion,
    production: ModelVersion | None,
    evidence: Sequence[RunEvidence] = (),
) -> GateResult:
    """`production` is the version of the same name that is in Production now."""
    value = _value(version, gate.metric)
    if value is None:
        found = _Judgement(passed=False, needed=_bound(gate), reason=_no_value(version, gate.metric))
    elif not gate.is_beside_production:
        found = _against_bound(gate, value)
    elif production is None:
        reason = f"no version of {version.name} is in Production yet: there is nothing to be better than"
        found = _Judgement(passed=True, reason=reason)
    elif gate.needs_a_verdict:
        found = _by_verdict(gate, version, production, evidence)
    else:
        found = _against_production(gate, version, value, production, evidence)
    return GateResult(
        gate=describe_gate(gate),
        passed=found.passed,
        measured=value,
        needed=found.needed,
        reason=found.reason,
        comparison=found.comparison,
    )


def no_open_finding(evidence: Sequence[RunEvidence]) -> GateResult:
    """The gate of strict projects. A version that no judged run knows passes: nothing was found."""
    judged = next((one for one in evidence if one.verdict is not None), None)
    found = blocking(judged.verdict.findings) if judged and judged.verdict else []
    reason = "no finding of high severity is open"
    if judged and found:
        known = joined(list(dict.fromkeys(one.slug for one in found)))
        reason = f"{_run(judged)} has {known}: mend the data, or accept it in the dataset, and run it again"
    return GateResult(
        gate="no open finding of high severity",
        passed=not found,
        measured=float(len(found)),
        needed=0.0,
        reason=reason,
    )


def describe_gate(gate: GateSettings) -> str:
    if gate.min is not None:
        return f"{gate.metric} at least {gate.min:.6g}"
    if gate.max is not None:
        return f"{gate.metric} at most {gate.max:.6g}"
    if gate.not_worse_than is not None:
        return f"{gate.metric} not worse than Production by {gate.not_worse_than:.6g}"
    shown = "shown to be " if gate.needs_a_verdict else ""
    return f"{gate.metric} {shown}better than Production" + (f" by {gate.by:.6g}" if gate.by else "")


@dataclass(frozen=True, kw_only=True)
class _Judgement:
    """The fields of a GateResult that follow from the kind of gate."""

    passed: bool
    needed: float | None = None
    reason: str
    comparison: Mapping[str, Any] | None = None


def _bound(gate: GateSettings) -> float | None:
    return gate.max if gate.min is None else gate.min


def _against_bound(gate: GateSettings, value: float) -> _Judgement:
    bound = _bound(gate)
    assert bound is not None  # noqa: S101 - the settings require one of the two
    passed = value >= bound if gate.max is None else value <= bound
    reason = f"{gate.metric} {value:.6g} is {_apart(value, bound)} {bound:.6g}"
    return _Judgement(passed=passed, needed=bound, reason=reason)


def _by_verdict(
    gate: GateSettings, version: ModelVersion, production: ModelVersion, evidence: Sequence[RunEvidence]
) -> _Judgement:
    """Reads the verdict cautiously: what it has not ruled out may be so."""
    asked = _that_asked(production, evidence)
    if asked is None:
        return _Judgement(passed=False, reason=_no_comparison(version, production, evidence))
    verdict, run = asked.verdict, _run(asked)
    assert verdict is not None  # noqa: S101 - `_that_asked` returns no other
    if verdict.production and verdict.production.problem:
        return _Judgement(passed=False, reason=_no_comparison(version, production, evidence))
    if verdict.metric != gate.metric:
        reason = (
            f"the verdict of {run} is by {verdict.metric}: let the gate ask for that, or evaluate again with "
            f"{gate.metric} as the first of `--metrics`"
        )
        return _Judgement(passed=False, reason=reason)
    compared = verdict.against_production(asked.candidate)
    if compared is None:
        reason = f"{run} has too few rows, or no score, to compare {asked.candidate} with Production"
        return _Judgement(passed=False, reason=reason)
    if gate.not_worse_than is None:
        passed = compared.outcome is Against.BETTER
        said = f"{gate.metric} is {'' if passed else 'not '}shown to be better"
    else:
        passed = _is_ruled_out(compared, gate.not_worse_than, verdict)
        said = f"{gate.metric} {'cannot' if passed else 'may'} be worse by {gate.not_worse_than:.6g}"
    record = _record(compared, asked, verdict)
    return _Judgement(passed=passed, reason=f"{said}: {comparison_in_words(record)}", comparison=record)


def _is_ruled_out(compared: ReferenceComparison, margin: float, verdict: RunVerdict) -> bool:
    """Whether the interval leaves out all differences that are worse by the margin, or by more."""
    worst = compared.low if verdict.greater_is_better else compared.high
    if worst is None:
        return False
    return worst > -margin if verdict.greater_is_better else worst < margin


def _that_asked(production: ModelVersion, evidence: Sequence[RunEvidence]) -> RunEvidence | None:
    """The first run whose verdict is about the version that is in Production now."""
    wanted = (production.name, production.version)
    for one in evidence:
        asked = one.verdict.production if one.verdict else None
        if asked and (asked.name, asked.version) == wanted:
            return one
    return None


def _no_comparison(version: ModelVersion, production: ModelVersion, evidence: Sequence[RunEvidence]) -> str:
    asked = _that_asked(production, evidence)
    its = asked.verdict.production if asked and asked.verdict else None
    if asked and its and its.problem:
        return f"{its.title} could not be compared in {_run(asked)}: {its.problem}"
    why = f"no run compares {version.version} with Production {production.version}"
    for one in evidence:
        if one.verdict and (former := one.verdict.production):
            both = f"{version.version} with {former.title}"
            why = f"{_run(one)} compared {both}, and not with {production.version}"
            if former.problem:
                why = f"{_run(one)} could not compare {both} ({former.problem})"
            break
    candidate = version.origin.candidate_id
    models = f" --models {candidate}" if candidate else ""
    return (
        f"{why}: evaluate its candidate in a run that saves models under this name, `bakeoff run DATASET"
        f"{models} --save best --save-as {version.name}`, and promote what that saves"
    )


def _record(compared: ReferenceComparison, asked: RunEvidence, verdict: RunVerdict) -> Mapping[str, Any]:
    return {
        **compared.to_record(),
        "metric": verdict.metric,
        "rows": verdict.rows,
        "run": asked.run_id,
        "mayKnowRows": bool(verdict.production and verdict.production.may_know_rows),
    }


def _run(one: RunEvidence) -> str:
    return f"run {one.run_id[:8]}"


def _against_production(
    gate: GateSettings,
    version: ModelVersion,
    value: float,
    production: ModelVersion,
    evidence: Sequence[RunEvidence],
) -> _Judgement:
    """Compares with what Production predicted in a run of the version, else with numbers of one snapshot."""
    asked = _that_asked(production, evidence)
    if asked and (beside := _beside_its_answers(gate, version, production, asked)):
        return beside
    former = _value(production, gate.metric)
    if former is None:
        reason = f"Production cannot be compared with: {_no_value(production, gate.metric)}"
        return _Judgement(passed=False, reason=reason)
    if not _share_a_snapshot(version, production):
        return _Judgement(passed=False, reason=_no_comparison(version, production, evidence))
    return _against(gate, value, former, version, production)


def _beside_its_answers(
    gate: GateSettings, version: ModelVersion, production: ModelVersion, asked: RunEvidence
) -> _Judgement | None:
    """The comparison; None if one of the two has no value of the metric in that run."""
    verdict = asked.verdict
    answered = verdict.production if verdict else None
    mine = _number(asked.metrics, gate.metric)
    its = _number(answered.metrics, gate.metric) if answered else None
    if verdict is None or mine is None or its is None:
        return None
    found = _against(gate, mine, its, version, production)
    compared = verdict.against_production(asked.candidate) if verdict.metric == gate.metric else None
    if compared is None:
        return found
    return replace(found, comparison=_record(compared, asked, verdict))


def _against(
    gate: GateSettings, value: float, former: float, version: ModelVersion, production: ModelVersion
) -> _Judgement:
    # Production may be from before versions kept the directions of their custom metrics.
    directions = {**directions_of(production.metadata), **directions_of(version.metadata)}
    sign = 1 if greater_is_better(gate.metric, directions) else -1
    gain = sign * (value - former)
    passed = gain > 0 and (gain >= gate.by or math.isclose(gain, gate.by, rel_tol=_ROUNDING))
    required = f", and {gate.by:.6g} better is asked" if gate.by and not passed else ""
    distance = f"{_apart(value, former)} Production {production.version} ({former:.6g})"
    reason = f"{gate.metric} {value:.6g} is {distance}{required}"
    return _Judgement(passed=passed, needed=former + sign * gate.by, reason=reason)


def _value(version: ModelVersion, metric: str) -> float | None:
    return _number(version.metrics, metric)


def _number(metrics: Metrics, metric: str) -> float | None:
    value = metrics.get(metric)
    return None if value is None or math.isnan(value) else value


def _no_value(version: ModelVersion, metric: str) -> str:
    known = ", ".join(sorted(name for name in version.metrics if _value(version, name) is not None))
    return f"{version.version} has no value of {metric}, but of {known or 'no metric'}"


def _apart(value: float, other: float) -> str:
    if value == other:
        return "the same as"
    return f"{abs(value - other):.2g} {'below' if value < other else 'above'}"


def _share_a_snapshot(one: ModelVersion, other: ModelVersion) -> bool:
    mine, theirs = one.origin, other.origin
    return (
        mine.dataset_id is not None
        and mine.split_id is not None
        and (mine.dataset_id, mine.split_id) == (theirs.dataset_id, theirs.split_id)
    )


#: Less than any finite value, so that as a minimum it means only: has a value.
_LEAST = -1.7976931348623157e308


def snapshot_of_the_newest(
    registry: BaseModelRegistry, metric: str, wanted: VersionFilter, *, cure: str
) -> str | None:
    """The snapshot of the newest version; None if all versions have the same one.

    `cure`: how the user of the caller can choose a snapshot.
    """
    newest = registry.versions(replace(wanted, min_metrics={**wanted.min_metrics, metric: _LEAST}), limit=2)
    snapshot = newest[0].origin.dataset_id if newest else None
    if snapshot is None and len(newest) > 1:
        raise InvalidInputError(
            f"{newest[0].uri} was saved without the snapshot that it was measured on: {cure}"
        )
    return snapshot
