"""How a version comes to be in MLflow, in an order that leaves nothing listed that does not load:

1. its run, its logged model and the files, which nobody looks for here;
2. its number, written in the ledger for good;
3. the model version with all that is known of it, in one request: from then on it is listed.

Whoever dies in between leaves files, and perhaps a number that is not used again.
"""

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakeoff.domain.errors import BakeoffError, ConflictError
from bakeoff.domain.model_version import FIRST_VERSION, VersionNumber
from registry.models.mlflow import ledger
from registry.models.mlflow.mlflow_names import to_key, to_mlflow
from registry.models.mlflow.mlflow_server import AlreadyThereError, MLflowServer, NotThereError
from registry.models.registry_interface import Description

log = logging.getLogger(__name__)

_VERSION = "version."
_LONGEST_PARAM, _LONGEST_DESCRIPTION = 6000, 5000
_BATCH = 100


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What MLflow keeps for a version beside the version."""

    run_id: str
    logged_model_id: str
    location: str  #: where the folder is


def begin(server: MLflowServer, experiment_id: str, name: str, said: Description) -> Upload:
    """A run that shows parameters and metrics, and a logged model without files yet."""
    run_id = server.ask("create_run", experiment_id, run_name=f"{name}: {said.type}").info.run_id
    params = {to_key(key): str(value)[:_LONGEST_PARAM] for key, value in said.hyperparameters.items()}
    made = server.ask(
        "create_logged_model",
        experiment_id,
        name=re.sub(r"[^\w -]", "-", name),
        source_run_id=run_id,
        params=params,
        model_type=said.type,
    )
    _log(server, run_id, made.model_id, params, said.metrics)
    return Upload(run_id=run_id, logged_model_id=made.model_id, location=made.artifact_location)


def _log(
    server: MLflowServer,
    run_id: str,
    logged_model_id: str,
    params: Mapping[str, str],
    metrics: Mapping[str, float | None],
) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    entities: list[Any] = [Param(key, value) for key, value in params.items()]
    entities += [
        Metric(to_key(name), value, now, 0, model_id=logged_model_id)
        for name, value in metrics.items()
        if value is not None
    ]
    for start in range(0, len(entities), _BATCH):
        batch = entities[start : start + _BATCH]
        server.ask(
            "log_batch",
            run_id,
            metrics=[entity for entity in batch if isinstance(entity, Metric)],
            params=[entity for entity in batch if isinstance(entity, Param)],
        )


def upload(server: MLflowServer, to: Upload, folder: Path) -> None:
    server.ask("log_model_artifacts", to.logged_model_id, str(folder))
    server.ask("finalize_logged_model", to.logged_model_id, "READY")
    server.ask("update_run", to.run_id, status="FINISHED")


def drop(server: MLflowServer, gone: Upload) -> None:
    """The version is listed no more: what cannot be removed now is in nobody's way."""
    try:
        server.delete_files(gone.location)
        server.ask("delete_logged_model", gone.logged_model_id)
        server.ask("delete_run", gone.run_id)
    except BakeoffError as exc:
        log.warning("files of a deleted model are left behind: %s", exc)


def claim(server: MLflowServer, ledger_id: str, name: str, asked: str | None, save_id: str) -> str:
    """The version that is this saver's from now on, and nobody else's ever."""
    while True:
        used = used_versions(ledger.read(server, ledger_id))
        chosen = str(max(used).next if used else FIRST_VERSION) if asked is None else asked
        if ledger.write(server, ledger_id, f"{_VERSION}{chosen}", {"save": save_id}):
            return chosen
        refuse_used(name, asked, {VersionNumber.parse(chosen)})


def used_versions(entries: Mapping[str, Any]) -> set[VersionNumber]:
    """Deleted ones, too."""
    return {VersionNumber.parse(key.removeprefix(_VERSION)) for key in entries if key.startswith(_VERSION)}


def refuse_used(name: str, asked: str | None, used: set[VersionNumber]) -> None:
    if asked is not None and VersionNumber.parse(asked) in used:
        raise ConflictError(f"{name} has had a version {asked}: give another, or none")


def register(
    server: MLflowServer, name: str, to: Upload, tags: Mapping[str, str], description: str | None
) -> Any:
    """MLflow's model version."""
    given = {
        "source": to.location,
        "run_id": to.run_id,
        "model_id": to.logged_model_id,
        "tags": dict(tags),
        "description": None if description is None else description[:_LONGEST_DESCRIPTION],
        "await_creation_for": None,
    }
    try:
        return server.ask("create_model_version", to_mlflow(name), **given)
    except NotThereError:
        _ensure_registered(server, name)
        return server.ask("create_model_version", to_mlflow(name), **given)


def _ensure_registered(server: MLflowServer, name: str) -> None:
    try:
        server.ask("create_registered_model", to_mlflow(name))
    except AlreadyThereError:
        log.debug("somebody else registered the name meanwhile", extra={"model_name": name})
