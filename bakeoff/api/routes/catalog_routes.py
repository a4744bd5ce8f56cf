"""The candidates of the catalog and the datasets of the configuration."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from bakeoff.api.handler_services_and_rights import AnAdmin, TheContext, TheService
from bakeoff.api.problem_details import documented
from bakeoff.api.schemas.catalog_schemas import CatalogOut, DatasetsOut, ModelOut
from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.ids_and_times import iso
from bakeoff.evaluation.planning.parse_request_bodies import PRINTABLE
from bakeoff.operations.conformance.conformance_report_store import catalog_record, known_reports
from bakeoff.operations.datasets.dataset_overview import known_findings
from bakeoff.store.bakeoffs import rejected_candidate_rows as loads

router = APIRouter(prefix="/api/ml", tags=["catalog"])

_ModelId = Annotated[str, Path(max_length=100, pattern=PRINTABLE)]


@router.get("/models", response_model=CatalogOut)
def list_models(context: TheContext) -> dict[str, Any]:
    """The candidates of the catalog: those that can take part, and those that cannot, with the reason."""
    return catalog_record(context.configuration, context.catalog().contents)


@router.post("/models/reload", response_model=CatalogOut)
async def reload_the_catalog(service: TheService, _: AnAdmin) -> dict[str, Any]:
    """Read the catalog file and the installed packages again, for this process. This takes some seconds.

    Needs the role admin.
    """
    await service.start(service.context.reload_catalog)
    return catalog_record(service.context.configuration, service.context.catalog().contents)


@router.get("/models/{id}", response_model=ModelOut, responses=documented(404))
def read_a_model(context: TheContext, id: _ModelId) -> dict[str, Any]:  # noqa: A002 - the name in the path
    """One candidate, and when and why it was rejected, also before the last restart."""
    contents = context.catalog().contents
    candidate = contents.candidates.get(id) or contents.disabled.get(id)
    rejections = loads.history(context.engine, id)
    if candidate is None and not rejections:
        raise NotFoundError(f"there is no model {id!r}: the list of all is under /api/ml/models")
    known = known_reports(context.configuration, [candidate]) if candidate else {}
    checks = {"checks": known[id].to_record()} if id in known else {}
    return {
        "candidate": candidate.to_record() | checks if candidate else None,
        "enabled": id in contents.candidates,
        "rejections": [
            {**load.rejection.to_record(), "rejectedAt": iso(load.rejected_at)} for load in rejections
        ],
    }


@router.get("/datasets", response_model=DatasetsOut)
def list_datasets(context: TheContext) -> dict[str, Any]:
    """The datasets of the configuration, with the findings on the data of their newest runs."""
    known = context.configuration.settings.datasets
    return {
        "items": [
            {**dataset.to_record(name), "findings": _findings(context, name)}
            for name, dataset in known.items()
        ]
    }


def _findings(context: TheContext, dataset: str) -> list[dict[str, Any]] | None:
    found = known_findings(context, dataset)
    return None if found is None else [finding.to_record() for finding in found]
