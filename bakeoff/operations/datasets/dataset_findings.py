"""The findings on a dataset: made now, or as they are known from its newest run."""

from dataclasses import dataclass
from typing import Any

from bakeoff.domain.dataset import DatasetRef
from bakeoff.domain.finding import Finding
from bakeoff.evaluation.planning.run_plan import data_of
from bakeoff.evaluation.planning.run_spec import RunSpec
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import run_rows


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
    """Those of the newest run of this dataset; None if there was none."""
    newest = run_rows.page(context.engine, limit=1, dataset=dataset)
    return newest[0].run.findings if newest else None
