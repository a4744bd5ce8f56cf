"""Moves a version to another stage: writes to the log of stages, and then updates what MLflow shows."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.ids_and_times import user_name, utc_now
from bakeoff.domain.model_version import ModelVersion, Promotion, Stage
from registry.models.mlflow import version_tags
from registry.models.mlflow.find_versions import SHOWN, Finder
from registry.models.mlflow.mlflow_calls import to_mlflow
from registry.models.mlflow.mlflow_client_types import MLflowClient
from registry.models.mlflow.stage_log import LogEntry, in_production, stages_of
from registry.models.registry_interface import NO_VERSION, overtaken

log = logging.getLogger(__name__)


def move(
    finder: Finder,
    version: ModelVersion,
    to: Stage,
    *,
    by: str | None,
    reason: str,
    evidence: Mapping[str, Any] | None,
    replacing: str | None,
) -> Promotion:
    """Compare-and-swap on the log: the entry is written only if the log has not grown since it was read.

    If another process has moved a version meanwhile, the log is read again and a new entry is made, with the
    version that it now replaces.
    """
    while True:
        entries = finder.log.entries(version.name)
        stages = stages_of(entries)
        line = Promotion(
            model_name=version.name,
            version=version.version,
            from_stage=stages.get(version.version, Stage.DEVELOPMENT),
            to_stage=to,
            at=utc_now(),
            by=by or user_name(),
            reason=reason,
            replaced=_replaced(finder, version, stages, replacing) if to is Stage.PRODUCTION else None,
            evidence=evidence or {},
        )
        if finder.log.append(LogEntry(promotion=line, moves=True), after=len(entries)):
            return line


def _replaced(
    finder: Finder, version: ModelVersion, stages: Mapping[str, Stage], replacing: str | None
) -> str | None:
    """The version that leaves Production; None when there is none, or when its version was deleted."""
    there = in_production(stages)
    if there is not None and _numbered(finder, version.name, there) is None:
        there = None
    if replacing is not None and replacing != (there or NO_VERSION):
        raise overtaken(version.name, expected=replacing, found=there or NO_VERSION)
    return None if there == version.version else there


def note(finder: Finder, line: Promotion) -> None:
    """Adds an entry that changes no stage, after any entries that others write at the same time."""
    while not finder.log.append(
        LogEntry(promotion=line, moves=False), after=len(finder.log.entries(line.model_name))
    ):
        log.debug("another entry came first", extra={"model_name": line.model_name})


def show(finder: Finder, moved: Promotion) -> None:
    """Sets the tags and the alias by which MLflow's own pages show the stages. Only the log is binding.

    This is repeated until the log has not grown meanwhile. So of two processes that move versions at once,
    the one that writes last shows the stages by the whole log.
    """
    name, versions = moved.model_name, [moved.version, *([moved.replaced] if moved.replaced else [])]
    try:
        shown = -1
        while shown != len(entries := finder.log.entries(name)):
            shown = len(entries)
            _show(finder, name, stages_of(entries), versions)
    except InfrastructureError as exc:
        log.warning("MLflow shows another stage than %s has: %s", name, exc)


def _show(finder: Finder, name: str, stages: Mapping[str, Stage], versions: Sequence[str]) -> None:
    for version in versions:
        number = _numbered(finder, name, version)
        if number is not None:
            stage = str(stages.get(version, Stage.DEVELOPMENT))
            finder.server.call(partial(_set_stage_tag, name=to_mlflow(name), number=number, stage=stage))
    there = in_production(stages)
    serving = None if there is None else _numbered(finder, name, there)
    if serving is None:
        finder.server.call(lambda client: client.delete_registered_model_alias(to_mlflow(name), SHOWN))
    else:
        finder.server.call(lambda client: client.set_registered_model_alias(to_mlflow(name), SHOWN, serving))


def _set_stage_tag(client: MLflowClient, *, name: str, number: str, stage: str) -> None:
    client.set_model_version_tag(name, number, version_tags.STAGE, stage)


def _numbered(finder: Finder, name: str, version: str) -> str | None:
    """MLflow's number of this version."""
    found = next(finder.search(name, {version_tags.VERSION: version}), None)
    return None if found is None else str(found.version)
