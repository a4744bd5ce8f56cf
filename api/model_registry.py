"""The registry of trained models: what is in it, and which version is the best."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from api.paging import Cursor, Limit, cursor_at, place_of
from api.problems import documented
from api.schemas import HistoryOut, ModelVersionOut, ModelVersionPageOut
from api.service import TheService
from domain.errors import ConflictError, InvalidInputError, NotFoundError, about
from domain.model_version import LONGEST_NAME, Stage
from evaluation.plan import PRINTABLE
from registry import opening
from registry.backend import BaseModelRegistry
from registry.rivals import snapshot_of_the_newest
from tasks import wiring

T = TypeVar("T")

router = APIRouter(prefix="/api/ml/registry", tags=["registry"])

_Text = Annotated[str, Field(max_length=LONGEST_NAME, pattern=PRINTABLE)]
_Name = Annotated[str, Path(max_length=LONGEST_NAME, pattern=PRINTABLE)]
_Version = Annotated[
    str, Path(max_length=100, pattern=PRINTABLE, description="such as 1.2.0, 3, Production, or latest")
]


class _Asked(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")


class Wanted(_Asked):
    """Which versions, newest first."""

    name: _Text | None = None
    type: _Text | None = None
    stage: Stage | None = None
    min_f1: float | None = Field(None, allow_inf_nan=False)
    dataset_id: _Text | None = None
    run_id: _Text | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class Rivals(_Asked):
    """Which versions are compared, and by what."""

    metric: _Text = "f1"
    name: _Text | None = None
    type: _Text | None = None
    dataset_id: Annotated[_Text | None, Field(description="snapshot; null: that of the newest")] = None
    any_dataset: Annotated[bool, Field(description="compare what was measured on different data")] = False


@router.get("", response_model=ModelVersionPageOut, responses=documented(409))
async def list_model_versions(service: TheService, wanted: Annotated[Wanted, Query()]) -> dict[str, Any]:
    """Newest first."""
    offset = 0 if wanted.cursor is None else place_of(wanted.cursor)

    def look(registry: BaseModelRegistry) -> list[dict[str, Any]]:
        found = registry.versions(
            wanted.name,
            wanted.type,
            stage=wanted.stage,
            min_metrics=None if wanted.min_f1 is None else {"f1": wanted.min_f1},
            dataset_id=wanted.dataset_id,
            run_id=wanted.run_id,
            limit=wanted.limit + 1,
            offset=offset,
        )
        return [version.to_record() for version in found]

    found = await service.ask(_look, look, [])
    more = len(found) > wanted.limit
    return {
        "items": found[: wanted.limit],
        "nextCursor": cursor_at(offset + wanted.limit) if more else None,
    }


@router.get("/best", response_model=ModelVersionOut, responses=documented(404, 409))
async def find_the_best_model(service: TheService, rivals: Annotated[Rivals, Query()]) -> dict[str, Any]:
    """By a metric, among those that were measured on the same snapshot."""

    def look(registry: BaseModelRegistry) -> dict[str, Any]:
        dataset_id = rivals.dataset_id
        if dataset_id is None and not rivals.any_dataset:
            cure = "give datasetId, or compare whatever there is with anyDataset=true"
            with about("query.datasetId"):
                dataset_id = snapshot_of_the_newest(
                    registry, rivals.metric, rivals.name, rivals.type, cure=cure
                )
        found = registry.best(
            rivals.metric, model_type=rivals.type, model_name=rivals.name, dataset_id=dataset_id
        )
        if found is None:
            raise _none(f"no such model has a value of {rivals.metric}")
        return found.to_record()

    return await service.ask(_look, look)


@router.get("/{name}/versions/{version}", response_model=ModelVersionOut, responses=documented(404, 409))
async def read_a_model_version(service: TheService, name: _Name, version: _Version) -> dict[str, Any]:
    """By number, by stage, by place, or `latest`; `@alias` by alias."""
    uri = f"models:/{name}{version}" if version.startswith("@") else f"models:/{name}/{version}"

    def look(registry: BaseModelRegistry) -> dict[str, Any]:
        with about("path.version"):
            return registry.get(uri).to_record()

    return await service.ask(_look, look)


@router.get("/{name}/history", response_model=HistoryOut, responses=documented(409))
async def read_the_history(service: TheService, name: _Name, limit: Limit = 50) -> dict[str, Any]:
    """What was promoted, when, by whom and why, newest first."""
    found = await service.ask(_look, lambda registry: registry.history(name, limit=limit), [])
    return {"items": [line.to_record() for line in found]}


def _look(look: Callable[[BaseModelRegistry], T], nothing: T | None = None) -> T:
    """`nothing` is the answer while nothing was ever saved; looking makes no registry."""
    configuration = wiring.configuration()
    if opening.has_registry(configuration):
        return look(_open())
    if nothing is None:
        raise _none("no model was ever saved here")
    return nothing


def _open() -> BaseModelRegistry:
    try:
        return opening.open_registry(wiring.configuration())
    except InvalidInputError as exc:
        raise ConflictError(str(exc)) from exc


def _none(what: str) -> NotFoundError:
    return NotFoundError(f"{what}: the list of all is under /api/ml/registry").blaming("query")
