"""Gates: the conditions that a version must meet to be promoted.

Two versions can be compared only if they were measured on the same snapshot.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric import greater_is_better
from bakeoff.domain.model_version import GateResult, ModelVersion, VersionFilter
from bakeoff.settings.registry_settings import GateSettings
from registry.models.registry_interface import BaseModelRegistry

_ROUNDING = 1e-9  #: relative: 0.3 counts as better than 0.2 by 0.1, though floats differ by less

Metrics = Mapping[str, float | None]

#: The metrics of all candidates of the run that a version comes from, by the id of the candidate.
CandidateMetrics = Mapping[str, Metrics]


def check_gate(
    gate: GateSettings,
    version: ModelVersion,
    production: ModelVersion | None,
    candidate_metrics: CandidateMetrics | None = None,
) -> GateResult:
    """`production` is the version of the same name that is in Production now."""
    value = _value(version, gate.metric)
    if value is None:
        passed, needed, reason = False, _bound(gate), _no_value(version, gate.metric)
    elif not gate.better_than_production:
        passed, needed, reason = _against_bound(gate, value)
    elif production is None:
        reason = f"no version of {version.name} is in Production yet: there is nothing to be better than"
        passed, needed = True, None
    else:
        passed, needed, reason = _against_production(
            gate, version, value, production, candidate_metrics or {}
        )
    return GateResult(gate=describe_gate(gate), passed=passed, measured=value, needed=needed, reason=reason)


def describe_gate(gate: GateSettings) -> str:
    if gate.min is not None:
        return f"{gate.metric} at least {gate.min:.6g}"
    if gate.max is not None:
        return f"{gate.metric} at most {gate.max:.6g}"
    return f"{gate.metric} better than Production" + (f" by {gate.by:.6g}" if gate.by else "")


_Judgement = tuple[bool, float | None, str]  #: passed, needed, and the reason


def _bound(gate: GateSettings) -> float | None:
    return gate.max if gate.min is None else gate.min


def _against_bound(gate: GateSettings, value: float) -> _Judgement:
    bound = _bound(gate)
    assert bound is not None  # noqa: S101 - the settings require one of the two
    passed = value >= bound if gate.max is None else value <= bound
    return passed, bound, f"{gate.metric} {value:.6g} is {_apart(value, bound)} {bound:.6g}"


def _against_production(
    gate: GateSettings,
    version: ModelVersion,
    value: float,
    production: ModelVersion,
    candidate_metrics: CandidateMetrics,
) -> _Judgement:
    former = _value(production, gate.metric)
    if former is None:
        return False, None, f"Production cannot be compared with: {_no_value(production, gate.metric)}"
    if _share_a_snapshot(version, production):
        return _against(gate, value, former, f"Production {production.version}")
    candidate = production.origin.candidate_id
    again = _number(candidate_metrics.get(candidate or "", {}), gate.metric)
    if again is None:
        return False, None, _how_to_compare(version, production)
    if candidate == version.origin.candidate_id:
        return True, None, f"it is {candidate}, as Production {production.version} is, fitted to other data"
    return _against(gate, value, again, f"{candidate}, the candidate of Production {production.version}")


def _against(gate: GateSettings, value: float, former: float, whose: str) -> _Judgement:
    sign = 1 if greater_is_better(gate.metric) else -1
    gain = sign * (value - former)
    passed = gain > 0 and (gain >= gate.by or math.isclose(gain, gate.by, rel_tol=_ROUNDING))
    required = f", and {gate.by:.6g} better is asked" if gate.by and not passed else ""
    distance = f"{_apart(value, former)} {whose} ({former:.6g})"
    return passed, former + sign * gate.by, f"{gate.metric} {value:.6g} is {distance}{required}"


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


def _how_to_compare(version: ModelVersion, production: ModelVersion) -> str:
    unmeasured = [v.version for v in (version, production) if v.origin.dataset_id is None]
    if unmeasured:
        why = f"it is not recorded on which snapshot {' and '.join(unmeasured)} was measured"
    else:
        why = f"{version.version} and Production {production.version} were measured on different snapshots"
    return f"{why}: evaluate both candidates in one run, `bakeoff run --save all`, and promote the better one"


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
