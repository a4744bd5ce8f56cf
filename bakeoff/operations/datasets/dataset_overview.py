"""What is known of a dataset: the snapshots that runs used, their columns, and the findings on it.

Snapshots and columns are told without reading rows. Findings are made now, or known from the newest run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.finding import Finding
from bakeoff.domain.runs.run import Run
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.evaluation.planning.run_plan import data_of
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import run_rows

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
    from bakeoff.evaluation.datasets.read_snapshot import fields
    from bakeoff.evaluation.datasets.snapshot_layout import folder_of

    try:
        return fields(folder_of(context.configuration.snapshots, dataset.dataset_id, dataset.split_id))
    except BakeoffError:
        return []


@dataclass(frozen=True, kw_only=True)
class CheckedDataset:
    dataset: DatasetRef
    findings: tuple[Finding, ...]  #: the worst first

    def to_record(self) -> dict[str, Any]:
        return {
            "datasetId": self.dataset.dataset_id,
            "datasetName": self.dataset.name,
            "splitId": self.dataset.split_id,
            "target": self.dataset.target,
            "targetKind": self.dataset.target_kind,
            "trainRows": self.dataset.train_rows,
            "testRows": self.dataset.test_rows,
            "columns": self.dataset.columns,
            "findings": [finding.to_record() for finding in self.findings],
        }


def check_dataset(context: Context, request: RunSpec) -> CheckedDataset:
    """Reads and splits the data as a run would do, and leaves the snapshot for it."""
    configuration = context.configuration
    configuration.require_shared_dir()
    pinned = data_of(request, configuration).pinned(configuration, context.pin_cache.pin)
    return CheckedDataset(dataset=pinned.ref, findings=pinned.findings)


def known_findings(context: Context, dataset: str) -> tuple[Finding, ...] | None:
    """The findings of the newest run of this dataset; None if there was none."""
    newest = run_rows.page(context.engine, limit=1, dataset=dataset)
    return newest[0].run.findings if newest else None
