"""Entry points of installed packages that add metrics, dataset sources and registry backends to Bakeoff.

    [project.entry-points."bakeoff.metrics"]
    profit = "shop.metrics:profit"

Each group has a contract: `bakeoff.domain.metric_names_and_scoring_rules`,
`bakeoff.evaluation.datasets.sources.installed_sources` and `registry.models.registry_opening`. Candidates
have a group of their own, which the catalog reads.

Looking for names imports nothing, so a broken package does no harm to projects that do not use it. A process
sees the packages that were installed when it first looked.
"""

import sys
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import InvalidInputError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Extends(StrEnum):
    """The groups of entry points."""

    METRICS = "bakeoff.metrics"
    SOURCES = "bakeoff.sources"
    REGISTRIES = "bakeoff.registries"


def added(group: Extends) -> Mapping[str, "EntryPoint"]:
    """What packages add, in the order of the names. If two add the same name, the first on the path wins."""
    return _added(group, tuple(sys.path))


@lru_cache(maxsize=32)
def _added(group: Extends, _path: tuple[str, ...]) -> Mapping[str, "EntryPoint"]:
    """Cached for each import path, because reading all installed packages takes some ten milliseconds."""
    from importlib import metadata  # takes ten milliseconds, and most commands do not need it

    found: dict[str, EntryPoint] = {}
    for point in metadata.entry_points(group=group):
        found.setdefault(point.name, point)
    return {name: found[name] for name in sorted(found)}


def whose(group: Extends, name: str) -> str:
    """The package that adds it, in words: `the package shop 1.2`."""
    dist = added(group)[name].dist
    return f"the package {dist.name} {dist.version}" if dist else "an unknown package"


def load(group: Extends, name: str) -> Any:
    """Imports what the entry point names. InvalidInputError names the package if that fails."""
    point = added(group)[name]
    try:
        return point.load()
    except Exception as exc:  # an import runs the package's own code, which may raise anything
        raise InvalidInputError(
            f"{group} {name!r} of {whose(group, name)} cannot be loaded from {point.value} "
            f"({type(exc).__name__}: {exc}): mend the package, or uninstall it"
        ) from exc
