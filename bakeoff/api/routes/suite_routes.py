"""Suites: start, list and read them."""

from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Query, Response

from bakeoff.api.handler_services_and_rights import TheContext, ThePrincipal, TheService, json_only
from bakeoff.api.idempotent_start import another_request, as_error_of_the_body
from bakeoff.api.paging import Cursor, Limit, cursor_after, id_in, unknown
from bakeoff.api.problem_details import documented
from bakeoff.api.routes.evaluation_routes import Key
from bakeoff.api.schemas.schema_base import Id
from bakeoff.api.schemas.suite_schemas import SuiteBody, SuiteOut, SuitePageOut
from bakeoff.domain.errors import ConflictError
from bakeoff.operations.context import Context
from bakeoff.operations.suites.start_suite import new_suite, start_suite
from bakeoff.operations.suites.suite_report import read_suite, read_suites
from bakeoff.store.bakeoffs import suite_rows

PATH = "/api/ml/suites"

router = APIRouter(prefix=PATH, tags=["suites"])

_KEYS = UUID("4e2f6c0a-5e0e-5a43-9c5f-6f2f0d8b7c9d")


@router.post(
    "",
    status_code=202,
    response_model=SuiteOut,
    responses=documented(400, 403, 413, 415),
    dependencies=[Depends(json_only)],
)
async def start_a_suite(
    body: SuiteBody,
    response: Response,
    service: TheService,
    principal: ThePrincipal,
    key: Key = None,
) -> dict[str, Any]:
    """Start the runs of a suite of the configuration. When the response is sent, their jobs are in the queue.

    The same key with the same request is the same suite.
    """
    record = await service.start(_start, service.context, body, principal.name, key)
    response.headers["Location"] = f"{PATH}/{record['suiteId']}"
    return record


def _start(context: Context, body: SuiteBody, who: str, key: str | None) -> dict[str, Any]:
    suite_id = None if key is None else str(uuid5(_KEYS, f"{who}\n{key}"))
    try:
        with as_error_of_the_body():
            suite = start_suite(context, new_suite(context, body.suite, suite_id=suite_id, fresh=body.fresh))
    except ConflictError as exc:
        raise another_request(key) from exc
    return read_suite(context, suite.id).to_record()


@router.get("", response_model=SuitePageOut)
def list_suites(
    context: TheContext,
    limit: Annotated[Limit, Query()] = 50,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> dict[str, Any]:
    """The suites that were started, newest first."""
    after = None if cursor is None else id_in(cursor)
    if after is not None and not suite_rows.exists(context.engine, after):
        raise unknown()
    found = read_suites(context, limit=limit + 1, after=after)
    page = found[:limit]
    return {
        "items": [report.to_record() for report in page],
        "nextCursor": cursor_after(page[-1].suite.id) if len(found) > len(page) else None,
    }


@router.get("/{id}", response_model=SuiteOut, responses=documented(404))
def read_a_suite(context: TheContext, id: Id) -> dict[str, Any]:  # noqa: A002 - the name in the path
    """The runs of a suite, and the verdict over its datasets once all of them are judged."""
    return read_suite(context, id).to_record()
