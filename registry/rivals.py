"""Which versions can be compared: those that were measured on the same snapshot."""

from domain.errors import InvalidInputError
from registry.backend import BaseModelRegistry

#: Less than any measured value: all that have one.
_LEAST = -1.7976931348623157e308


def snapshot_of_the_newest(
    registry: BaseModelRegistry, metric: str, name: str | None, kind: str | None, *, cure: str
) -> str | None:
    """None when there is one version alone, which needs no comparison. `cure`: how to choose another one."""
    newest = registry.versions(name, kind, min_metrics={metric: _LEAST}, limit=2)
    snapshot = newest[0].origin.dataset_id if newest else None
    if snapshot is None and len(newest) > 1:
        raise InvalidInputError(
            f"{newest[0].uri} was saved without the snapshot that it was measured on: {cure}"
        )
    return snapshot
