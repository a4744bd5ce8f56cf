"""A version goes to another stage: a line of the log, and then what MLflow shows of it."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.identity import user_name, utc_now
from bakeoff.domain.model_version import ModelVersion, Promotion, Stage
from registry.models.mlflow import version_tags
from registry.models.mlflow.find_versions import SHOWN, Finder
from registry.models.mlflow.mlflow_names import to_mlflow
from registry.models.mlflow.stage_log import Line, in_production, stages_of
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
    """What is found before is what is there when the line is written: else it is looked for again."""
    while True:
        lines = finder.log.lines(version.name)
        stages = stages_of(lines)
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
        if finder.log.append(Line(promotion=line, moves=True), after=len(lines)):
            return line


def _replaced(
    finder: Finder, version: ModelVersion, stages: Mapping[str, Stage], replacing: str | None
) -> str | None:
    """The version that leaves Production."""
    there = in_production(stages)
    if there is not None and _numbered(finder, version.name, there) is None:
        there = None
    if replacing is not None and replacing != (there or NO_VERSION):
        raise overtaken(version.name, expected=replacing, found=there or NO_VERSION)
    return None if there == version.version else there


def note(finder: Finder, line: Promotion) -> None:
    while not finder.log.append(
        Line(promotion=line, moves=False), after=len(finder.log.lines(line.model_name))
    ):
        log.debug("another line came first", extra={"model_name": line.model_name})


def show(finder: Finder, moved: Promotion) -> None:
    """To those who look with MLflow. Whoever moved a version meanwhile shows the same, in the end."""
    name, versions = moved.model_name, [moved.version, *([moved.replaced] if moved.replaced else [])]
    try:
        shown = -1
        while shown != len(lines := finder.log.lines(name)):
            shown = len(lines)
            _show(finder, name, stages_of(lines), versions)
    except InfrastructureError as exc:
        log.warning("MLflow shows another stage than %s has: %s", name, exc)


def _show(finder: Finder, name: str, stages: Mapping[str, Stage], versions: Sequence[str]) -> None:
    for version in versions:
        number = _numbered(finder, name, version)
        if number is not None:
            stage = str(stages.get(version, Stage.DEVELOPMENT))
            finder.server.ask("set_model_version_tag", to_mlflow(name), number, version_tags.STAGE, stage)
    there = in_production(stages)
    number = None if there is None else _numbered(finder, name, there)
    if number is None:
        finder.server.ask("delete_registered_model_alias", to_mlflow(name), SHOWN)
    else:
        finder.server.ask("set_registered_model_alias", to_mlflow(name), SHOWN, number)


def _numbered(finder: Finder, name: str, version: str) -> str | None:
    found = next(finder.search(name, {version_tags.VERSION: version}), None)
    return None if found is None else str(found.version)
