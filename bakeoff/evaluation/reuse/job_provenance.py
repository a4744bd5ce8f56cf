"""Of what a result was made, as its supervisor sees it: the code before and after, and what the cell told."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.provenance import CodeManifest, Parts, Provenance
from bakeoff.evaluation.reuse.audit_check import ObstacleError, packages_in, weigh
from bakeoff.evaluation.reuse.host_facts import commit_of, processor
from registry.code.code_reading import Code, code_at, places_of


@dataclass(frozen=True, kw_only=True)
class Before:
    """What was on the disk before the cell was ordered."""

    code: Code
    at: float


#: Of `code` and `surroundings`: what decides the answers.
PartsOf = Callable[..., Parts]


def look_before(candidate: Candidate, root: Path) -> Before:
    return Before(code=_code_of(candidate, root), at=time.time())


def provenance_of(
    candidate: Candidate,
    before: Before,
    *,
    root: Path,
    report: Any,
    parts: PartsOf,
    predictions: str,
    probabilities: str | None = None,
) -> Provenance:
    """`report` is what the cell returned; digests of what was predicted or said."""
    told = report if isinstance(report, Mapping) else {}
    surroundings = _surroundings(told.get("surroundings"))
    seen: Mapping[str, str] = {}
    obstacle = "" if surroundings else "its cell does not say which libraries it had"
    try:
        seen = weigh(told.get("testimony"), before.code, root=root, since=before.at)
        _require_the_same(before.code, _code_of(candidate, root))
    except ObstacleError as exc:
        obstacle = str(exc)
    return Provenance(
        parts=parts(code=before.code, surroundings=surroundings),
        seen=seen,
        obstacle=obstacle,
        predictions=predictions,
        probabilities=probabilities,
        manifest=CodeManifest(
            commit=commit_of(root),
            cpu=processor(),
            packages=_versions({**surroundings, **before.code.distributions, **packages_in(seen)}),
        ),
    )


def _code_of(candidate: Candidate, root: Path) -> Code:
    return code_at(places_of(candidate), root=root)


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
