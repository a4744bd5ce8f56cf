"""Gates: the conditions that a version must meet to be promoted."""

import math

from config.model_registry import GateSettings
from domain.direction import greater_is_better
from domain.model_version import GateResult, ModelVersion

_ROUNDING = 1e-9  #: relative: 0.3 is better than 0.2 by 0.1


def judge(gate: GateSettings, version: ModelVersion, production: ModelVersion | None) -> GateResult:
    """`production` is the version of the same name that is in Production now."""
    value = _value(version, gate.metric)
    if value is None:
        return _judged(gate, False, _lack(version, gate.metric))
    if gate.better_than_production:
        return _against_production(gate, version, value, production)
    return _against_bound(gate, value)


def in_words(gate: GateSettings) -> str:
    if gate.min is not None:
        return f"{gate.metric} at least {gate.min:.6g}"
    if gate.max is not None:
        return f"{gate.metric} at most {gate.max:.6g}"
    return f"{gate.metric} better than Production" + (f" by {gate.by:.6g}" if gate.by else "")


def _against_bound(gate: GateSettings, value: float) -> GateResult:
    if gate.min is not None:
        passed, bound = value >= gate.min, gate.min
    else:
        assert gate.max is not None  # noqa: S101 - the settings see to it
        passed, bound = value <= gate.max, gate.max
    reason = f"{gate.metric} {value:.6g} is {_apart(value, bound)} {bound:.6g}"
    return _judged(gate, passed, reason, measured=value, needed=bound)


def _against_production(
    gate: GateSettings, version: ModelVersion, value: float, production: ModelVersion | None
) -> GateResult:
    if production is None:
        reason = f"no version of {version.name} is in Production yet: there is nothing to be better than"
        return _judged(gate, True, reason, measured=value)
    former = _value(production, gate.metric)
    if former is None:
        return _judged(gate, False, f"Production has nothing to compare with: {_lack(production, gate.metric)}", measured=value)
    if not _share_a_snapshot(version, production):
        return _judged(gate, False, _how_to_compare(version, production), measured=value)
    return _against_value(gate, value, former, production)


def _against_value(
    gate: GateSettings, value: float, former: float, production: ModelVersion
) -> GateResult:
    sign = 1 if greater_is_better(gate.metric) else -1
    gain = sign * (value - former)
    passed = gain > 0 and (gain >= gate.by or math.isclose(gain, gate.by, rel_tol=_ROUNDING))
    reason = f"{gate.metric} {value:.6g} is {_apart(value, former)} Production {production.version} ({former:.6g})"
    if gate.by and not passed:
        reason += f", and {gate.by:.6g} better is asked"
    return _judged(gate, passed, reason, measured=value, needed=former + sign * gate.by)


def _judged(
    gate: GateSettings, passed: bool, reason: str, *, measured: float | None = None, needed: float | None = None
) -> GateResult:
    return GateResult(gate=in_words(gate), passed=passed, measured=measured, needed=needed, reason=reason)


def _value(version: ModelVersion, metric: str) -> float | None:
    value = version.metrics.get(metric)
    return None if value is None or math.isnan(value) else value


def _lack(version: ModelVersion, metric: str) -> str:
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
    strangers = [v.version for v in (version, production) if v.origin.dataset_id is None]
    if strangers:
        why = f"nobody noted on which snapshot {' and '.join(strangers)} was measured"
    else:
        why = f"{version.version} and Production {production.version} were measured on different snapshots"
    return f"{why}: evaluate both candidates in one run, `bakeoff run --save all`, and promote the better one"
