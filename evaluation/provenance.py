"""Of what a result was made, as its supervisor sees it: the code before and after, and what the cell told."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.job import Job
from domain.provenance import Manifest, Parts, Provenance
from domain.run import Run
from evaluation.conditions import commit_of, processor
from evaluation.evidence import ObstacleError, packages_in, sha256, weigh
from evaluation.fingerprint import parts_of
from registry.code import Code, code_at, places_of


@dataclass(frozen=True, kw_only=True)
class Before:
    """What was on the disk before the cell was ordered."""

    code: Code
    at: float


def look_before(job: Job, root: Path) -> Before:
    return Before(code=_code_of(job, root), at=time.time())


def provenance_of(
    job: Job, run: Run, before: Before, *, root: Path, report: Any, predictions: Path, probabilities: Path
) -> Provenance:
    """`report` is what the cell returned."""
    told = report if isinstance(report, Mapping) else {}
    surroundings = _surroundings(told.get("surroundings"))
    seen: Mapping[str, str] = {}
    obstacle = "" if surroundings else "its cell does not say which libraries it had"
    try:
        seen = weigh(told.get("testimony"), before.code, root=root, since=before.at)
        _require_the_same(before.code, _code_of(job, root))
    except ObstacleError as exc:
        obstacle = str(exc)
    return Provenance(
        parts=_parts(job, run, before.code, surroundings),
        seen=seen,
        obstacle=obstacle,
        predictions=sha256(predictions),
        probabilities=sha256(probabilities) if probabilities.exists() else None,
        manifest=Manifest(
            commit=commit_of(root),
            cpu=processor(),
            packages=_versions({**surroundings, **before.code.distributions, **packages_in(seen)}),
        ),
    )


def _code_of(job: Job, root: Path) -> Code:
    return code_at(places_of(job.candidate), root=root)


def _parts(job: Job, run: Run, code: Code, surroundings: Mapping[str, str]) -> Parts:
    return parts_of(job.candidate, dataset=run.dataset, seed=run.seed, code=code, surroundings=surroundings)


def _surroundings(told: Any) -> dict[str, str]:
    if not isinstance(told, Mapping):
        return {}
    return {name: version for name, version in told.items() if isinstance(version, str)}


def _require_the_same(before: Code, after: Code) -> None:
    """Also a change that was undone may be what the cell has imported."""
    if before != after:
        raise ObstacleError("its code was changed while it ran")


def _versions(identities: Mapping[str, str]) -> dict[str, str]:
    return {name: identity.partition(" ")[0] for name, identity in sorted(identities.items()) if identity}
