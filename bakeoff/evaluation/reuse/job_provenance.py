"""The provenance of a result: what the predictions depend on, and the fingerprint that is made of it.

The supervisor reads the code before and after the cell runs. The cell reports what else the candidate used.
"""

import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.runs.result import CodeManifest, Part, Parts, Provenance, digest_of
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.reuse.used_files_unchanged import ObstacleError, packages_in, verify_audit
from registry.code.candidate_code import Code, class_modules, code_at
from registry.code.library_versions import BAKEOFF


@dataclass(frozen=True, kw_only=True)
class Before:
    """The code and libraries on the disk before the cell was ordered."""

    code: Code
    at: float


#: Called with `code` and `surroundings`; returns the parts of the fingerprint.
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
    obstacle: str = "",
) -> Provenance:
    """`report` is what the cell returned. `predictions` and `probabilities` are digests.

    Where it cannot be known whether the candidate would predict the same again, `obstacle` says why, and the
    result is never reused. The caller may know of one.
    """
    reported = report if isinstance(report, Mapping) else {}
    surroundings = _surroundings(reported.get("surroundings"))
    seen: Mapping[str, str] = {}
    if not surroundings:
        obstacle = "its cell does not say which libraries it had"
    try:
        seen = verify_audit(reported.get("audit"), before.code, root=root, since=before.at)
        _require_unchanged(before.code, _code_of(candidate, root))
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


def parts_of(
    candidate: Candidate, *, dataset: DatasetRef, seed: int, code: Code, surroundings: Mapping[str, str]
) -> Parts:
    """The parts of the fingerprint: if all of them are the same, the candidate predicts the same."""
    libraries = {name: version for name, version in surroundings.items() if name != BAKEOFF}
    return {
        Part.CODE: code.digest,
        Part.PARAMETERS: digest_of(_parameters(candidate)),
        Part.VERSION: digest_of(candidate.version),
        Part.DATA: digest_of([dataset.dataset_id, dataset.split_id]),
        Part.SEED: digest_of(seed if dataset.design.seeds == 1 else [seed, dataset.design.seeds]),
        Part.LIBRARIES: digest_of(sorted(libraries.items())),
        Part.BAKEOFF: digest_of(surroundings.get(BAKEOFF)),
    }


def _parameters(candidate: Candidate) -> list[Any]:
    return [
        candidate.path,
        dict(candidate.params),
        [[step.path, dict(step.params)] for step in candidate.steps],
        candidate.preprocess,
        candidate.output_kind,
        candidate.features,
        # Names alone, and only where there are some: fingerprints of others stay as they were.
        *([[candidate.env, candidate.readable]] if candidate.env or candidate.readable else []),
        *([asdict(candidate.tune)] if candidate.tune else []),
        *([asdict(candidate.tuned_threshold)] if candidate.tuned_threshold else []),
    ]


def seed_at(candidate: Candidate, seed: int, place: int) -> int:
    """The seed of one of several fits: at first that of the run, then others for each candidate.

    If candidates had the same ones, luck that they have in common would look like skill.
    """
    if place == 0:
        return seed
    return int(digest_of([seed, place, _parameters(candidate)])[:8], 16)


def _code_of(candidate: Candidate, root: Path) -> Code:
    return code_at(class_modules(candidate), root=root)


def _surroundings(reported: Any) -> dict[str, str]:
    if not isinstance(reported, Mapping):
        return {}
    return {name: version for name, version in reported.items() if isinstance(version, str)}


def _require_unchanged(before: Code, after: Code) -> None:
    """Raises if the code changed while the cell ran, even if the change was undone: it may be imported."""
    if before != after:
        raise ObstacleError("its code was changed while it ran")


def _versions(identities: Mapping[str, str]) -> dict[str, str]:
    return {name: identity.partition(" ")[0] for name, identity in sorted(identities.items()) if identity}


def commit_of(folder: Path) -> str | None:
    """The commit of the git checkout that the folder lies in; None outside of one.

    It is read from git's files: starting git would take longer, and this happens in each job.
    """
    for above in (folder, *folder.parents):
        with suppress(OSError, IndexError):
            return _commit(_git_folder(above / ".git"))
    return None


def _git_folder(place: Path) -> Path:
    """In a worktree `.git` is a file that says where the folder is."""
    if place.is_dir():
        return place
    return place.parent / place.read_text("utf-8").split("gitdir: ")[1].strip()


def _commit(git: Path) -> str | None:
    head = (git / "HEAD").read_text("utf-8").strip()
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    common = git
    with suppress(OSError):
        common = git / (git / "commondir").read_text("utf-8").strip()
    with suppress(OSError):
        return (common / name).read_text("utf-8").strip()
    packed = (common / "packed-refs").read_text("utf-8").splitlines()
    return next(line.split()[0] for line in packed if line.endswith(f" {name}"))


@cache
def processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
