"""Runs in MLflow's tracking: one for a bake-off, and one below it for each candidate.

MLflow has neither transactions nor unique keys. So each of its runs is created with the ids of what it shows
among its tags, and whoever logs a bake-off looks for these first: what a process that died has left is
completed, and nothing is there twice. If two processes created the same run at once, which takes one that
stood still longer than its lease, the next one that logs the bake-off keeps one of the two.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.runs.experiment_tracking import TrackedAddress, TrackedEntry, TrackedRun
from bakeoff.domain.wording import masked
from registry.models.mlflow.ledger_of_versions_and_stages import artifact_location
from registry.models.mlflow.mlflow_calls import AlreadyThereError, MLflowServer, to_key
from registry.models.mlflow.mlflow_client_types import MLflowClient, MLflowPage, MLflowRun

RUN, EVALUATION = "bakeoff.run_id", "bakeoff.evaluation_id"
_PARENT, _NOTE, _NAME = "mlflow.parentRunId", "mlflow.note.content", "mlflow.runName"
_LONGEST_PARAM, _LONGEST_TAG, _LONGEST_DIGEST = 6000, 5000, 36
_MOST_METRICS, _MOST_PARAMS, _MOST_TAGS = 1000, 100, 100  #: that MLflow takes in one request


@dataclass(frozen=True)
class RunTracking:
    """An experiment of MLflow that bake-offs are logged to."""

    server: MLflowServer
    experiment: str

    def log(self, tracked: TrackedRun) -> TrackedAddress:
        """Logs the bake-off, or completes what is there of it. InfrastructureError if that fails."""
        there = self._find(tracked.run.id)
        parent = there.get(tracked.run.id) or self._create(tracked.run, {RUN: tracked.run.id})
        for entry in tracked.candidates:
            tags = {RUN: tracked.run.id, EVALUATION: entry.id, _PARENT: parent.info.run_id}
            run = there.get(entry.id) or self._create(entry, tags)
            self._write(run, entry, tracked, tags)
        # Last: a parent that has ended in MLflow has all its candidates.
        self._write(parent, tracked.run, tracked, {RUN: tracked.run.id})
        return TrackedAddress(
            uri=masked(self.server.tracking_uri),
            experiment=self.experiment,
            experiment_id=self._experiment_id,
            run_id=parent.info.run_id,
        )

    @cached_property
    def _experiment_id(self) -> str:
        found = self.server.call(lambda client: client.get_experiment_by_name(self.experiment))
        if found is None:
            return self._create_experiment()
        if found.lifecycle_stage != "active":
            raise InfrastructureError(
                f"the experiment {self.experiment!r} was deleted in MLflow: restore it there, or name "
                "another one in tracking.experiment"
            )
        return found.experiment_id

    def _create_experiment(self) -> str:
        location = artifact_location(self.server.tracking_uri, f"runs of {self.experiment}")
        try:
            return self.server.call(
                lambda client: client.create_experiment(self.experiment, artifact_location=location)
            )
        except AlreadyThereError:  # another process created it meanwhile
            found = self.server.call(lambda client: client.get_experiment_by_name(self.experiment))
            assert found is not None  # noqa: S101 - MLflow has just said that it is there
            return found.experiment_id

    def _find(self, run_id: str) -> dict[str, MLflowRun]:
        """What is there of this bake-off, by the ids of run and evaluations."""
        experiments, wanted = [self._experiment_id], f"tags.`{RUN}` = '{run_id}'"

        def search(client: MLflowClient, size: int, token: str | None) -> MLflowPage[MLflowRun]:
            return client.search_runs(experiments, wanted, max_results=size, page_token=token)

        found: dict[str, MLflowRun] = {}
        for run in sorted(self.server.pages(search), key=lambda run: run.info.run_id):
            kept = found.setdefault(run.data.tags.get(EVALUATION, run_id), run)
            if kept is not run:
                self.server.call(partial(_delete, run_id=run.info.run_id))
        return found

    def _create(self, entry: TrackedEntry, tags: Mapping[str, str]) -> MLflowRun:
        return self.server.call(
            lambda client: client.create_run(
                self._experiment_id,
                start_time=_milliseconds(entry.started_at.timestamp()),
                tags=dict(tags),
                run_name=entry.name,
            )
        )

    def _write(
        self, run: MLflowRun, entry: TrackedEntry, tracked: TrackedRun, own_tags: Mapping[str, str]
    ) -> None:
        call, run_id = self.server.call, run.info.run_id
        for batch in _batches(run, entry, own_tags):
            call(partial(_log_batch, run_id=run_id, batch=batch))
        call(partial(_log_dataset, run_id=run_id, tracked=tracked))
        if entry.files:
            self._send_files(run_id, entry.files)
        ended = _milliseconds(entry.ended_at.timestamp())
        call(lambda client: client.set_terminated(run_id, status=entry.status, end_time=ended))

    def _send_files(self, run_id: str, files: Mapping[str, str]) -> None:
        with TemporaryDirectory(prefix="bakeoff-tracking-") as folder:
            for name, text in files.items():
                Path(folder, name).write_text(text, encoding="utf-8")
            try:
                self.server.call(lambda client: client.log_artifacts(run_id, folder))
            except InfrastructureError as exc:
                raise InfrastructureError(
                    f"{exc}; so its files were not taken: mend that, or log without them, "
                    "`tracking.artefacts: false`"
                ) from exc


def open_tracking(uri: str, experiment: str) -> RunTracking:
    return RunTracking(MLflowServer(uri, None), experiment)


def _batches(
    run: MLflowRun, entry: TrackedEntry, own_tags: Mapping[str, str]
) -> Iterator[dict[str, Sequence[object]]]:
    """What is not there yet, in portions. MLflow refuses to change a parameter: the first value stays."""
    from mlflow.entities import Metric, Param, RunTag

    at = _milliseconds(entry.ended_at.timestamp())  # the same at each attempt: MLflow keeps it once then
    tags = {**entry.tags, **own_tags, _NAME: entry.name, _NOTE: entry.note}
    params: list[object] = [
        Param(to_key(name), value[:_LONGEST_PARAM])
        for name, value in entry.params.items()
        if to_key(name) not in run.data.params
    ]
    metrics: list[object] = [
        Metric(to_key(one.metric), one.value, at, one.step)
        for one in entry.metrics
        if run.data.metrics.get(to_key(one.metric)) != one.value
    ]
    named: list[object] = [RunTag(to_key(name), value[:_LONGEST_TAG]) for name, value in tags.items()]
    for kind, items, most in (
        ("params", params, _MOST_PARAMS),
        ("metrics", metrics, _MOST_METRICS),
        ("tags", named, _MOST_TAGS),
    ):
        for first in range(0, len(items), most):
            yield {kind: items[first : first + most]}


def _log_batch(client: MLflowClient, *, run_id: str, batch: Mapping[str, Any]) -> object:
    return client.log_batch(run_id, **batch)


def _log_dataset(client: MLflowClient, *, run_id: str, tracked: TrackedRun) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"dataset": tracked.dataset_id, "split": tracked.split_id})
    dataset = Dataset(
        name=tracked.dataset,
        digest=tracked.dataset_id[:_LONGEST_DIGEST],
        source_type="bakeoff",
        source=source,
    )
    client.log_inputs(
        run_id, datasets=[DatasetInput(dataset, [InputTag("mlflow.data.context", "evaluation")])]
    )


def _delete(client: MLflowClient, *, run_id: str) -> None:
    client.delete_run(run_id)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
