"""Promotion and rollback: a version moves to another stage, with gates before it and hooks after it.

The gates that compare with Production are checked against the version that is really replaced: the change of
stage names it, and if another version is in Production by then, the gates are checked again.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bakeoff.domain.errors import ConflictError, NotFoundError, OvertakenError, RefusedError
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.model_version import GateResult, ModelVersion, Promotion, Stage, VersionFilter
from bakeoff.settings.registry_settings import GateSettings, PromotionSettings
from registry.models.promotion_gates import EvidenceOf, RunEvidence, check_gate, no_evidence, no_open_finding
from registry.models.promotion_hooks import run_hook
from registry.models.registry_interface import NO_VERSION, BaseModelRegistry, Identifier, no_such_model

log = logging.getLogger(__name__)

#: The stages that have gates. Any version may be archived or sent back to Development.
_GUARDED = frozenset({Stage.STAGING, Stage.PRODUCTION})


class GateError(RefusedError):
    """A version did not pass a gate; its stage is unchanged."""

    def __init__(self, version: str, stage: Stage, failed: Sequence[GateResult]) -> None:
        super().__init__(version, stage, failed)
        self.failed = failed

    def __str__(self) -> str:
        version, stage, failed = self.args
        reasons = "; ".join(f"{gate.gate}: {gate.reason}" for gate in failed)
        return f"{version} was not promoted to {stage}, for it did not pass: {reasons}"


def promote(
    registry: BaseModelRegistry,
    identifier: Identifier,
    *,
    policy: PromotionSettings,
    root: Path,
    stage: Stage = Stage.PRODUCTION,
    by: str | None = None,
    reason: str = "",
    force: bool = False,
    evidence_of: EvidenceOf = no_evidence,
    strict: bool = False,
) -> Promotion:
    """Promotes a version and returns the entry of the log, with the results of the hooks.

    GateError if a gate fails, unless forced. TamperedError for a version with a damaged file, which nobody
    could load: it does not come to a stage that has gates. ConflictError for a version that is in the stage
    already.

    `root` is the folder of the project, for the hooks; None as `by` means the user's name; `evidence_of`
    finds what runs know of the version, for gates that compare it with Production. `strict` adds a gate: no
    finding of high severity is open in its newest run.
    """
    version = registry.get(identifier)
    while True:
        try:
            line = _try_to_promote(
                registry,
                version.uri,
                policy,
                stage,
                by=by,
                reason=reason,
                force=force,
                evidence_of=evidence_of,
                strict=strict,
            )
        except OvertakenError as exc:
            log.info("the gates are checked again: %s", exc)
        else:
            return run_hooks(registry, line, policy=policy, root=root)


def promote_once(
    registry: BaseModelRegistry,
    identifier: Identifier,
    *,
    policy: PromotionSettings,
    root: Path,
    stage: Stage,
    by: str | None = None,
    reason: str = "",
    evidence_of: EvidenceOf = no_evidence,
    strict: bool = False,
) -> Promotion:
    """Like `promote`, for a caller that may be killed and repeat the call: a finished step is not repeated.

    Only hooks may run twice, if the caller was killed while they ran.
    """
    version = registry.get(identifier)
    lines = [line for line in registry.history(version.name) if line.version == version.version]
    done = next((place for place, line in enumerate(lines) if line.moved and line.to_stage is stage), None)
    if done is None:
        return promote(
            registry,
            version.uri,
            policy=policy,
            root=root,
            stage=stage,
            by=by,
            reason=reason,
            evidence_of=evidence_of,
            strict=strict,
        )
    with_hooks = next((line for line in lines[:done] if "hooks" in line.evidence), None)
    if with_hooks is None:
        return run_hooks(registry, lines[done], policy=policy, root=root)
    return replace(lines[done], evidence={**lines[done].evidence, **with_hooks.evidence})


def rollback(
    registry: BaseModelRegistry,
    model_name: str,
    *,
    policy: PromotionSettings,
    root: Path,
    by: str | None = None,
    reason: str = "",
) -> Promotion:
    """Puts the version that was in Production before back there. A second call goes back one more version.

    Deleted versions are skipped. TamperedError if the former version has a damaged file: Production stays as
    it is. OvertakenError if another process changed Production meanwhile.
    """
    production = production_of(registry, model_name)
    former = _former_production(registry, model_name, production)
    registry.verify(former.id)
    line = registry.transition_model_stage(
        former.id,
        Stage.PRODUCTION,
        by=by,
        reason=reason,
        evidence={"rollback": True, **_measured(former)},
        replacing=_version_of(production),
    )
    return run_hooks(registry, line, policy=policy, root=root)


def production_of(registry: BaseModelRegistry, model_name: str) -> ModelVersion | None:
    return next(
        iter(registry.versions(VersionFilter(name=model_name, stage=Stage.PRODUCTION), limit=1)), None
    )


def run_hooks(
    registry: BaseModelRegistry, line: Promotion, *, policy: PromotionSettings, root: Path
) -> Promotion:
    """Runs the hooks. Their results become another entry of the log, because entries never change."""
    if not policy.hooks:
        return line
    results = {"hooks": [asdict(run_hook(hook, line, root=root)) for hook in policy.hooks]}
    registry.record(
        replace(line, from_stage=line.to_stage, at=utc_now(), reason="", replaced=None, evidence=results)
    )
    return replace(line, evidence={**line.evidence, **results})


def _try_to_promote(
    registry: BaseModelRegistry,
    uri: str,
    policy: PromotionSettings,
    stage: Stage,
    *,
    by: str | None,
    reason: str,
    force: bool,
    evidence_of: EvidenceOf,
    strict: bool,
) -> Promotion:
    version = registry.get(uri)
    if version.stage is stage:
        raise ConflictError(f"{uri} is in {stage} already")
    production = production_of(registry, version.name)
    required = policy.gates if stage in _GUARDED else []
    evidence = _evidence(required, version, production, evidence_of)
    gates = [check_gate(gate, version, production, evidence) for gate in required]
    if strict and stage in _GUARDED:
        gates.append(no_open_finding(evidence_of(version)))
    failed = [gate for gate in gates if not gate.passed]
    if failed and not force:
        raise GateError(uri, stage, failed)
    if stage in _GUARDED:
        registry.verify(version.id)
    written = {**_measured(version), "gates": [asdict(gate) for gate in gates], "forced": bool(failed)}
    expected = _version_of(production) if stage is Stage.PRODUCTION else None
    return registry.transition_model_stage(
        version.id, stage, by=by, reason=reason, evidence=written, replacing=expected
    )


def _evidence(
    gates: Sequence[GateSettings],
    version: ModelVersion,
    production: ModelVersion | None,
    evidence_of: EvidenceOf,
) -> Sequence[RunEvidence]:
    """Looked up only if a gate reads it, because the database of runs may be elsewhere."""
    if production is None or not any(gate.is_beside_production for gate in gates):
        return ()
    return evidence_of(version)


def _measured(version: ModelVersion) -> Mapping[str, Any]:
    origin = version.origin
    return {"run": origin.run_id, "snapshot": origin.dataset_id, "metrics": dict(version.metrics)}


def _version_of(production: ModelVersion | None) -> str:
    return NO_VERSION if production is None else production.version


def _former_production(
    registry: BaseModelRegistry, model_name: str, production: ModelVersion | None
) -> ModelVersion:
    present = None if production is None else production.version
    for number in reversed(_succession(registry.history(model_name))):
        if number != present and (found := _still_there(registry, f"models:/{model_name}/{number}")):
            return found
    if not registry.versions(VersionFilter(name=model_name), limit=1):
        raise no_such_model(model_name)
    raise NotFoundError(
        f"no former version of {model_name} is there to go back to: `bakeoff registry history {model_name}` "
        "lists what was promoted"
    )


def _succession(newest_first: Sequence[Promotion]) -> list[str]:
    """The versions that were in Production, in order, without those that a rollback removed."""
    held: list[str] = []
    for line in reversed(newest_first):
        if line.to_stage is not Stage.PRODUCTION or not line.moved:
            continue
        if line.evidence.get("rollback"):
            while held and held[-1] != line.version:
                held.pop()
        if held[-1:] != [line.version]:
            held.append(line.version)
    return held


def _still_there(registry: BaseModelRegistry, uri: str) -> ModelVersion | None:
    try:
        return registry.get(uri)
    except NotFoundError:
        return None
