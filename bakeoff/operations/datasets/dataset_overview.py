"""What is known of a dataset without reading its rows: the snapshots that runs used, and their columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from bakeoff.domain.dataset import DatasetRef
from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.runs.run import Run
from bakeoff.operations.context import Context

if TYPE_CHECKING:
    from bakeoff.evaluation.checks.data_profile import ClassCount, ColumnDrift, DataProfile
    from bakeoff.evaluation.datasets.canonical_column import Field


@dataclass(frozen=True, kw_only=True)
class UsedSnapshot:
    """A snapshot with its split, and the runs that used it."""

    dataset: DatasetRef
    runs: int
    first_used: datetime
    last_used: datetime


def snapshots_of(runs: Sequence[Run]) -> list[UsedSnapshot]:
    """`runs`: newest first. The one that was used last comes first."""
    used: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        used.setdefault((run.dataset.dataset_id, run.dataset.split_id), []).append(run)
    return [
        UsedSnapshot(
            dataset=same[0].dataset,
            runs=len(same),
            first_used=same[-1].created_at,
            last_used=same[0].created_at,
        )
        for same in used.values()
    ]


@dataclass(frozen=True, kw_only=True)
class DataChange:
    """The newest snapshot of a dataset, and how it differs from the one before."""

    classes: "Sequence[ClassCount]"  #: empty for regression, or where the snapshot is not here
    drift: "Sequence[ColumnDrift]"  #: what has changed most first; empty without a snapshot before
    class_drift: float | None
    before: UsedSnapshot | None  #: the one that the newest is compared with


def change_of(context: Context, snapshots: Sequence[UsedSnapshot]) -> DataChange:
    """`snapshots`: of one dataset, the one that was used last first."""
    from bakeoff.evaluation.checks import data_profile

    newest = _profile(context, snapshots[0].dataset) if snapshots else None
    if newest is None:
        return DataChange(classes=(), drift=(), class_drift=None, before=None)
    for one in snapshots[1:]:
        if one.dataset.dataset_id == snapshots[0].dataset.dataset_id:
            continue  # the same data, split in another way
        if (older := _profile(context, one.dataset)) is not None:
            return DataChange(
                classes=newest.classes,
                drift=data_profile.drift(older, newest),
                class_drift=data_profile.class_drift(older, newest),
                before=one,
            )
    return DataChange(classes=newest.classes, drift=(), class_drift=None, before=None)


def _profile(context: Context, dataset: DatasetRef) -> "DataProfile | None":
    from bakeoff.evaluation.checks.data_profile import stored_profile
    from bakeoff.evaluation.datasets.snapshot_layout import folder_of

    return stored_profile(folder_of(context.configuration.snapshots, dataset.dataset_id, dataset.split_id))


def columns_of(context: Context, dataset: DatasetRef) -> "Sequence[Field]":
    """Empty if the snapshot is not here any more: it was collected, or is on another machine."""
    from bakeoff.evaluation.datasets.snapshot import fields
    from bakeoff.evaluation.datasets.snapshot_layout import folder_of

    try:
        return fields(folder_of(context.configuration.snapshots, dataset.dataset_id, dataset.split_id))
    except BakeoffError:
        return []
