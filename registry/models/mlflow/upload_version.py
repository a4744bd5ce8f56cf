"""Saves a version in MLflow, in an order in which no version is listed before it can be loaded:

1. its run, its logged model and its files, which no listing of ours shows;
2. its number, which is written to the ledger and never removed;
3. the model version with everything known of it, in one request: from then on it is listed.

A process that dies in between leaves files behind, and perhaps a number that is never used.
"""

import logging
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bakeoff.domain.errors import BakeoffError, ConflictError
from bakeoff.domain.model_version import FIRST_VERSION, VersionNumber
from registry.models.mlflow import ledger_of_versions_and_stages
from registry.models.mlflow.mlflow_calls import (
    AlreadyThereError,
    MLflowServer,
    NotThereError,
    to_key,
    to_mlflow,
)
from registry.models.mlflow.mlflow_client_types import MLflowClient, MLflowVersion
from registry.models.registry_interface import Description

log = logging.getLogger(__name__)

_VERSION = "version."
_LONGEST_PARAM, _LONGEST_DESCRIPTION = 6000, 5000
_BATCH = 100


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What MLflow keeps for a model version besides the version itself."""

    run_id: str
    logged_model_id: str
    location: str  #: where the folder is


def begin(server: MLflowServer, experiment_id: str, name: str, described: Description) -> Upload:
    """Creates a run that shows parameters and metrics, and a logged model that has no files yet."""
    run_name = f"{name}: {described.type}"
    run_id = server.call(lambda client: client.create_run(experiment_id, run_name=run_name)).info.run_id
    params = {to_key(key): str(value)[:_LONGEST_PARAM] for key, value in described.hyperparameters.items()}
    created = server.call(
        lambda client: client.create_logged_model(
            experiment_id,
            name=re.sub(r"[^\w -]", "-", name),
            source_run_id=run_id,
            params=params,
            model_type=described.type,
        )
    )
    _log_values(server, run_id, created.model_id, params, described.metrics)
    return Upload(run_id=run_id, logged_model_id=created.model_id, location=created.artifact_location)


def _log_values(
    server: MLflowServer,
    run_id: str,
    logged_model_id: str,
    params: Mapping[str, str],
    metrics: Mapping[str, float | None],
) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    logged_params = [Param(key, value) for key, value in params.items()]
    logged_metrics = [
        Metric(to_key(name), value, now, 0, model_id=logged_model_id)
        for name, value in metrics.items()
        if value is not None
    ]
    for batch in _batches(logged_params):
        server.call(partial(_log_batch, run_id=run_id, params=batch))
    for batch in _batches(logged_metrics):
        server.call(partial(_log_batch, run_id=run_id, metrics=batch))


def _log_batch(
    client: MLflowClient, *, run_id: str, metrics: Sequence[object] = (), params: Sequence[object] = ()
) -> object:
    return client.log_batch(run_id, metrics=metrics, params=params)


def _batches(entities: Sequence[object]) -> Iterator[Sequence[object]]:
    return (entities[start : start + _BATCH] for start in range(0, len(entities), _BATCH))


def send_files(server: MLflowServer, to: Upload, folder: Path) -> None:
    server.call(lambda client: client.log_model_artifacts(to.logged_model_id, str(folder)))
    server.call(lambda client: client.finalize_logged_model(to.logged_model_id, "READY"))
    server.call(lambda client: client.update_run(to.run_id, status="FINISHED"))


def discard(server: MLflowServer, upload: Upload) -> None:
    """Removes the files of a version that is not listed. What cannot be removed now stays, with a warning."""
    try:
        server.delete_files(upload.location)
        server.call(lambda client: client.delete_logged_model(upload.logged_model_id))
        server.call(lambda client: client.delete_run(upload.run_id))
    except BakeoffError as exc:
        log.warning("files of a deleted model are left behind: %s", exc)


def take_number(server: MLflowServer, ledger_id: str, name: str, wanted: str | None, save_id: str) -> str:
    """Takes the version number given, or the next one, for this save; no other save ever gets it.

    Writing the ledger is a compare-and-swap: when another save took the number meanwhile, the next one is
    tried.
    """
    while True:
        used = used_numbers(ledger_of_versions_and_stages.read(server, ledger_id))
        chosen = str(max(used).next if used else FIRST_VERSION) if wanted is None else wanted
        if ledger_of_versions_and_stages.write(server, ledger_id, f"{_VERSION}{chosen}", {"save": save_id}):
            return chosen
        refuse_used(name, wanted, {VersionNumber.parse(chosen)})


def used_numbers(entries: Mapping[str, Any]) -> set[VersionNumber]:
    """The numbers that the name ever had, those of deleted versions included."""
    return {VersionNumber.parse(key.removeprefix(_VERSION)) for key in entries if key.startswith(_VERSION)}


def refuse_used(name: str, wanted: str | None, used: set[VersionNumber]) -> None:
    if wanted is not None and VersionNumber.parse(wanted) in used:
        raise ConflictError(f"{name} has had a version {wanted}: give another, or none")


def create_version(
    server: MLflowServer, name: str, upload: Upload, tags: Mapping[str, str], description: str | None
) -> MLflowVersion:
    def create(client: MLflowClient) -> MLflowVersion:
        return client.create_model_version(
            to_mlflow(name),
            source=upload.location,
            run_id=upload.run_id,
            model_id=upload.logged_model_id,
            tags=dict(tags),
            description=None if description is None else description[:_LONGEST_DESCRIPTION],
            await_creation_for=None,
        )

    try:
        return server.call(create)
    except NotThereError:  # the first version of the name: MLflow wants the name registered before
        try:
            server.call(lambda client: client.create_registered_model(to_mlflow(name)))
        except AlreadyThereError:
            log.debug("another process registered the name meanwhile", extra={"model_name": name})
        return server.call(create)
