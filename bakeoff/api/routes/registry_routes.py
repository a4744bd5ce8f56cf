"""The registry of trained models: list and read versions, find the best, promote and roll back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from bakeoff.api.handler_services_and_rights import AnAdmin, TheService, json_only
from bakeoff.api.paging import Cursor, Limit, cursor_at, place_of
from bakeoff.api.problem_details import documented
from bakeoff.api.schemas.registry_schemas import (
    HistoryOut,
    ModelVersionOut,
    ModelVersionPageOut,
    PromotionOut,
)
from bakeoff.domain.errors import ConflictError, InvalidInputError, NotFoundError, in_field
from bakeoff.domain.model_version import LONGEST_NAME, Promotion, Stage, VersionFilter
from bakeoff.evaluation.planning.parse_request_bodies import PRINTABLE
from bakeoff.operations.context import Context
from bakeoff.operations.production.promotion_evidence import evidence_in
from registry.models import promotion, registry_opening
from registry.models.promotion_gates import snapshot_of_the_newest
from registry.models.registry_interface import BaseModelRegistry

T = TypeVar("T")

router = APIRouter(prefix="/api/ml/registry", tags=["registry"])

_Text = Annotated[str, Field(max_length=LONGEST_NAME, pattern=PRINTABLE)]
_Name = Annotated[str, Path(max_length=LONGEST_NAME, pattern=PRINTABLE)]
_Version = Annotated[
    str, Path(max_length=100, pattern=PRINTABLE, description="such as 1.2.0, 3, Production, or latest")
]


_Reason = Annotated[str, Field(max_length=1000, pattern=PRINTABLE)]


class _StrictModel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class VersionQuery(_StrictModel):
    """Which versions to list."""

    name: _Text | None = None
    type: _Text | None = None
    stage: Stage | None = None
    min_f1: float | None = Field(None, allow_inf_nan=False)
    dataset_id: _Text | None = None
    run_id: _Text | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class BestVersionQuery(_StrictModel):
    """Among which versions to find the best, and by which metric."""

    metric: _Text = "f1"
    name: _Text | None = None
    type: _Text | None = None
    dataset_id: Annotated[
        _Text | None, Field(description="id of the snapshot; null: that of the newest version")
    ] = None
    any_dataset: Annotated[bool, Field(description="compare versions measured on different data")] = False


class PromotionBody(_StrictModel):
    stage: Stage = Stage.PRODUCTION
    reason: _Reason = ""
    force: bool = Field(False, description="promote even if a gate fails; the log records it")


class RollbackBody(_StrictModel):
    reason: _Reason = ""


@router.get("", response_model=ModelVersionPageOut, responses=documented(409))
async def list_model_versions(
    service: TheService, wanted: Annotated[VersionQuery, Query()]
) -> dict[str, Any]:
    """The versions of trained models, newest first."""
    offset = 0 if wanted.cursor is None else place_of(wanted.cursor)
    versions = VersionFilter(
        name=wanted.name,
        type=wanted.type,
        stage=wanted.stage,
        min_metrics={} if wanted.min_f1 is None else {"f1": wanted.min_f1},
        dataset_id=wanted.dataset_id,
        run_id=wanted.run_id,
    )

    def look(registry: BaseModelRegistry) -> list[dict[str, Any]]:
        found = registry.versions(versions, limit=wanted.limit + 1, offset=offset)
        return [version.to_record() for version in found]

    found = await service.use_registry(_with_registry, service.context, look, [])
    more = len(found) > wanted.limit
    return {
        "items": found[: wanted.limit],
        "nextCursor": cursor_at(offset + wanted.limit) if more else None,
    }


@router.get("/best", response_model=ModelVersionOut, responses=documented(404, 409))
async def find_the_best_model(
    service: TheService, wanted: Annotated[BestVersionQuery, Query()]
) -> dict[str, Any]:
    """The best version by a metric, among those measured on the same snapshot."""

    def look(registry: BaseModelRegistry) -> dict[str, Any]:
        compared = VersionFilter(name=wanted.name, type=wanted.type, dataset_id=wanted.dataset_id)
        if wanted.dataset_id is None and not wanted.any_dataset:
            cure = "give datasetId, or compare whatever there is with anyDataset=true"
            with in_field("query.datasetId"):
                snapshot = snapshot_of_the_newest(registry, wanted.metric, compared, cure=cure)
                compared = replace(compared, dataset_id=snapshot)
        found = registry.best(wanted.metric, compared)
        if found is None:
            raise _not_found(f"no such model has a value of {wanted.metric}")
        return found.to_record()

    return await service.use_registry(_with_registry, service.context, look)


@router.get("/{name:path}/versions/{version}", response_model=ModelVersionOut, responses=documented(404, 409))
async def read_a_model_version(service: TheService, name: _Name, version: _Version) -> dict[str, Any]:
    """One version, by number, stage, serial or `latest`, or by alias as `@alias`."""

    def look(registry: BaseModelRegistry) -> dict[str, Any]:
        with in_field("path.version"):
            return registry.get(_uri(name, version)).to_record()

    return await service.use_registry(_with_registry, service.context, look)


@router.get("/{name:path}/history", response_model=HistoryOut, responses=documented(409))
async def read_the_history(service: TheService, name: _Name, limit: Limit = 50) -> dict[str, Any]:
    """The log of promotions: what, when, by whom and why, newest first."""
    found = await service.use_registry(
        _with_registry, service.context, lambda registry: registry.history(name, limit=limit), []
    )
    return {"items": [line.to_record() for line in found]}


@router.post(
    "/{name:path}/versions/{version}/promote",
    response_model=PromotionOut,
    responses=documented(400, 404, 409, 413, 415),
    dependencies=[Depends(json_only)],
)
async def promote_a_model_version(
    service: TheService, admin: AnAdmin, name: _Name, version: _Version, body: PromotionBody
) -> dict[str, Any]:
    """Move a version to a stage if it passes the gates, and call the hooks.

    A version that it replaces in Production is archived. Needs the role admin.
    """

    def move(registry: BaseModelRegistry) -> Promotion:
        return promotion.promote(
            registry,
            _uri(name, version),
            **_policy(service.context),
            stage=body.stage,
            by=admin.name,
            reason=body.reason,
            force=body.force,
            evidence_of=evidence_in(service.context),
            strict=service.context.configuration.settings.strict,
        )

    return (await service.use_registry(_with_registry, service.context, move)).to_record()


@router.post(
    "/{name:path}/rollback",
    response_model=PromotionOut,
    responses=documented(400, 404, 409, 413, 415),
    dependencies=[Depends(json_only)],
)
async def roll_back_a_model(
    service: TheService, admin: AnAdmin, name: _Name, body: RollbackBody
) -> dict[str, Any]:
    """Put the version that was in Production before back into Production.

    A second rollback puts the one before that back. Needs the role admin.
    """

    def go_back(registry: BaseModelRegistry) -> Promotion:
        return promotion.rollback(
            registry, name, **_policy(service.context), by=admin.name, reason=body.reason
        )

    return (await service.use_registry(_with_registry, service.context, go_back)).to_record()


def _policy(context: Context) -> dict[str, Any]:
    configuration = context.configuration
    return {"policy": configuration.settings.model_registry.promotion, "root": configuration.root}


def _uri(name: str, version: str) -> str:
    return f"models:/{name}{version}" if version.startswith("@") else f"models:/{name}/{version}"


def _with_registry(context: Context, look: Callable[[BaseModelRegistry], T], nothing: T | None = None) -> T:
    """`nothing` is returned if no model was ever saved; reading does not create the registry."""
    configuration = context.configuration
    if registry_opening.has_registry(configuration):
        return look(_open(context))
    if nothing is None:
        raise _not_found("no model was ever saved here")
    return nothing


def _open(context: Context) -> BaseModelRegistry:
    try:
        return registry_opening.open_registry(context.configuration)
    except InvalidInputError as exc:
        raise ConflictError(str(exc)) from exc


def _not_found(what: str) -> NotFoundError:
    return NotFoundError(f"{what}: the list of all is under /api/ml/registry").with_field("query")
