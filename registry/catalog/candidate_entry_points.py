"""Candidates that installed packages declare in the entry-point group `bakeoff.models`.

    [project.entry-points."bakeoff.models"]
    tabnet = "tabnet_bakeoff.model:TabNet"

The name is the id, and the version of the distribution is that of the candidate. Nothing is imported here.
"""

from importlib import metadata

from bakeoff.domain.candidate import Candidate, Rejection
from registry.catalog.models_yaml_schema import CLASS_PATH, ID
from registry.code.distribution_of_module import FIRST_VERSION

GROUP = "bakeoff.models"


def declared() -> tuple[tuple[Candidate, ...], tuple[Rejection, ...]]:
    """The declared candidates, by name. If two distributions declare a name, the first on the path counts."""
    candidates: dict[str, Candidate] = {}
    rejections: dict[str, Rejection] = {}
    for point in metadata.entry_points(group=GROUP):
        if point.name in candidates or point.name in rejections:
            continue
        version = point.dist.version if point.dist else FIRST_VERSION
        cause, fix = _fault(point)
        if cause:
            rejections[point.name] = Rejection(
                id=point.name, version=version, path=point.value, cause=cause, fix=fix
            )
        else:
            candidates[point.name] = Candidate(
                id=point.name, version=version, path=f"{point.module}:{point.attr}"
            )
    return (
        tuple(candidates[name] for name in sorted(candidates)),
        tuple(rejections[name] for name in sorted(rejections)),
    )


def _fault(point: metadata.EntryPoint) -> tuple[str, str]:
    owner = f"the entry point {point.name!r} of {point.dist.name if point.dist else 'an unknown package'}"
    if not ID.fullmatch(point.name):
        return f"{owner} has a name that is no id", "use letters, digits, `.`, `_` and `-`"
    if not CLASS_PATH.fullmatch(point.value.partition("[")[0].replace(" ", "")):
        return f"{owner} names no class: {point.value!r}", "write `package.module:Class`"
    return "", ""
