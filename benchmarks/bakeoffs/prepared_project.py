"""A project whose data are pinned and whose candidates are checked, as each contender finds it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import yaml

from bakeoff.domain.candidate import Candidate
from bakeoff.evaluation.datasets.pin_snapshot import pin
from bakeoff.evaluation.datasets.snapshot_layout import folder_of
from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.evaluation.planning.run_plan import Plan, make_plan
from bakeoff.settings.configuration import Configuration, load
from benchmarks.bakeoffs.workloads import Workload
from registry.catalog.live_catalog import Catalog


@dataclass(frozen=True, kw_only=True)
class Stand:
    folder: Path
    workers: int

    @property
    def configuration(self) -> Configuration:
        return self._load()

    def with_database(self, file: Path, **overrides: Any) -> Configuration:
        return self._load(databaseUrl=f"sqlite:///{file}", **overrides)

    def _load(self, **overrides: Any) -> Configuration:
        return load(self.folder / "config" / "bakeoff.yaml", environment={}, overrides=overrides)

    @property
    def plan(self) -> Plan:
        plan: Plan = joblib.load(self._plan_file)
        return plan

    @property
    def snapshot(self) -> Path:
        dataset = self.plan.dataset
        return folder_of(self.configuration.snapshots, dataset.dataset_id, dataset.split_id)

    @property
    def _plan_file(self) -> Path:
        return self.folder / "plan"

    def set_up(self, workload: Workload, **others: Any) -> None:
        """`others`: further settings."""
        (self.folder / "config").mkdir()
        workload.write(self.folder)
        self.write_catalog(workload)
        settings = {"evalWorkers": self.workers, "datasets": {"d": dict(workload.dataset)}, **others}
        (self.folder / "config" / "bakeoff.yaml").write_text(yaml.safe_dump(settings))
        plan = make_plan(
            RunRequest(dataset="d", baseline=False),
            catalog=lambda: Catalog.of(self.configuration),
            configuration=self.configuration,
            pin=pin,
        )
        many = tuple(_copy(one, n) for n in range(workload.copies) for one in plan.candidates)
        joblib.dump(replace(plan, candidates=many), self._plan_file)

    def write_catalog(self, workload: Workload) -> None:
        models = {name: {**entry, "threads": 1} for name, entry in workload.candidates.items()}
        (self.folder / "config" / "models.yaml").write_text(
            yaml.safe_dump({"models": models}, sort_keys=False)
        )


def _copy(candidate: Candidate, number: int) -> Candidate:
    return replace(candidate, id=f"{candidate.id}-{number}") if number else candidate
