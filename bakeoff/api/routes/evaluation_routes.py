"""Runs: start, list, read, follow, cancel and retry them."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from bakeoff.api import idempotent_start
from bakeoff.api.handler_services_and_rights import TheContext, ThePrincipal, TheService, json_only
from bakeoff.api.paging import Cursor, Limit, cursor_after, id_in, unknown
from bakeoff.api.problem_details import documented
from bakeoff.api.run_records import run_in_list, run_record, started
from bakeoff.api.run_stream import RUN_EVENTS, LastEventId, stream
from bakeoff.api.schemas.run_response_schemas import LabelsOut, RunPageOut, RunStatusOut, StartedOut
from bakeoff.api.schemas.run_result_schemas import (
    CurvesOut,
    ImportanceOut,
    PairsOut,
    ResultsOut,
    VerdictOut,
    WrongRowsOut,
)
from bakeoff.api.schemas.schema_base import Id
from bakeoff.domain.errors import ConflictError, NotFoundError, in_field
from bakeoff.domain.runs.run import LONGEST_LABEL, RunState
from bakeoff.domain.runs.verdict import RunVerdict
from bakeoff.domain.wording import quoted
from bakeoff.evaluation.planning.declared_run_options import RunSpec
from bakeoff.evaluation.planning.parse_request_bodies import PRINTABLE
from bakeoff.operations.comparing.find_named_results import find_results
from bakeoff.operations.comparing.wrong_rows import wrong_rows
from bakeoff.operations.context import Context
from bakeoff.operations.runs.run_report import (
    curve_records,
    failure_record,
    folds_of_failed,
    importance_of,
    importance_record,
    read_report,
    require_result,
    standing_record,
)
from bakeoff.store.bakeoffs import cancellation, run_label_rows, run_progress_rows, run_rows
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.bakeoffs.run_progress_rows import RunStatus

PATH = "/api/ml/evaluations"

router = APIRouter(prefix=PATH, tags=["evaluations"])

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="the same key with the same request is the same run, whenever it comes again",
    ),
]


OneModel = Annotated[
    str | None, Query(max_length=100, description="id of a candidate; null: the one to take")
]

#: For the OpenAPI document: the operations on a run that was just started.
LINKS: dict[int | str, dict[str, Any]] = {
    202: {
        "links": {
            operation: {"operationId": operation, "parameters": {"id": "$response.body#/runId"}}
            for operation in (
                "readAnEvaluation",
                "readResults",
                "followAnEvaluation",
                "cancelAnEvaluation",
                "retryAnEvaluation",
            )
        }
    }
}


_Label = Annotated[str, Field(min_length=1, max_length=LONGEST_LABEL, pattern=PRINTABLE)]


class RunLabelsBody(BaseModel):
    """Labels that a run gets beside those that it has: all of them, or none."""

    model_config = ConfigDict(extra="forbid")

    labels: list[_Label] = Field(min_length=1, max_length=run_label_rows.MOST)


class RunFilter(BaseModel):
    """Which runs to list."""

    model_config = ConfigDict(extra="forbid")

    state: RunState | None = None
    dataset: Annotated[str, Field(max_length=200, pattern=PRINTABLE)] | None = None
    name: Annotated[str, Field(max_length=200, pattern=PRINTABLE)] | None = None
    label: _Label | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


@router.post(
    "",
    status_code=202,
    response_model=StartedOut,
    responses={**LINKS, **documented(400, 413, 415)},
    dependencies=[Depends(json_only)],
)
async def start_an_evaluation(
    body: RunSpec,
    response: Response,
    service: TheService,
    principal: ThePrincipal,
    key: Key = None,
) -> dict[str, Any]:
    """Start a run. When the response is sent, its data are pinned and its jobs are in the queue.

    `dataset` is a name in the configuration. `models`: ids of the catalog; null means all that are enabled.
    """
    status = await service.start_on(
        body.dataset, idempotent_start.start, service.context, body, key=key, principal=principal
    )
    return _accepted(status, response)


@router.get("", response_model=RunPageOut)
def list_evaluations(context: TheContext, wanted: Annotated[RunFilter, Query()]) -> dict[str, Any]:
    """The runs, newest first."""
    engine = context.engine
    after = None if wanted.cursor is None else id_in(wanted.cursor)
    if after is not None and not run_rows.exists(engine, after):
        raise unknown()
    found = run_rows.page(
        engine,
        limit=wanted.limit + 1,
        after=after,
        state=wanted.state,
        dataset=wanted.dataset,
        name=wanted.name,
        label=wanted.label,
    )
    page = found[: wanted.limit]
    return {
        "items": [run_in_list(summary) for summary in page],
        "nextCursor": cursor_after(page[-1].run.id) if len(found) > len(page) else None,
    }


@router.get("/{id}", response_model=RunStatusOut, responses=documented(404))
def read_an_evaluation(context: TheContext, id: Id) -> dict[str, Any]:  # noqa: A002 - the name in the path
    """The state of a run, its jobs, and its progress."""
    return run_record(run_progress_rows.of_run(context.engine, id))


@router.get("/{id}/results", response_model=ResultsOut, responses=documented(404))
def read_results(
    context: TheContext,
    id: Id,  # noqa: A002 - the name in the path
    details: Annotated[bool, Query(description="with what stands behind the metrics")] = False,  # noqa: FBT002 - a query
) -> dict[str, Any]:
    """The results of completed evaluations, best first; and the evaluations that failed, and why."""
    report = read_report(context.engine, id)
    return {
        "runId": report.run.id,
        "status": report.run.state,
        "verdict": report.verdict.to_record() if report.verdict else None,
        "results": [
            {
                **standing_record(
                    standing, report.verdict, family=report.families.get(standing.result.model_id)
                ),
                "details": dict(standing.result.details) if details else None,
            }
            for standing in report.standings
        ],
        "stopped": [one.to_record(report.verdict) for one in report.stopped],
        "failed": [failure_record(job, folds_of_failed(report, job)) for job in report.unsuccessful],
        "saving": report.saving.to_record() if report.saving else None,
        "tracking": report.tracking.to_record() if report.tracking else None,
    }


@router.get("/{id}/verdict", response_model=VerdictOut, responses=documented(404))
def read_the_verdict(context: TheContext, id: Id) -> dict[str, Any]:  # noqa: A002 - the name in the path
    """The verdict of a run: what can be said about its candidates, and how surely.

    404 until the run has ended and is judged.
    """
    return _verdict_of(context, id).to_record()


@router.get("/{id}/pairs", response_model=PairsOut, responses=documented(404))
def read_the_pairs(context: TheContext, id: Id) -> dict[str, Any]:  # noqa: A002 - the name in the path
    """The differences between all pairs of candidates, by the metric that ranks."""
    verdict = _verdict_of(context, id)
    pairs = [pair.to_record() for pair in verdict.pairs]
    return {"runId": id, "metric": verdict.metric, "pairs": pairs}


@router.get("/{id}/curves", response_model=CurvesOut, responses=documented(404))
def read_the_curves(
    context: TheContext,
    id: Id,  # noqa: A002 - the name in the path
    model: Annotated[
        list[str] | None,
        Query(max_length=20, description="ids of candidates; without any, the first five of the leaderboard"),
    ] = None,
) -> dict[str, Any]:
    """What charts of results are drawn from: ROC, precision and recall, calibration, residuals."""
    return {"runId": id, "curves": curve_records(context.engine, id, models=model)}


def _verdict_of(context: Context, run_id: str) -> RunVerdict:
    run = run_rows.get(context.engine, run_id)
    verdict = verdict_rows.of_run(context.engine, run_id)
    if verdict is None:
        why = "it is being judged" if run.state.has_ended else f"it is {run.state}, and judged at its end"
        raise NotFoundError(f"run {run_id} has no verdict: {why}")
    return verdict


@router.get("/{id}/importance", response_model=ImportanceOut, responses=documented(404))
def read_the_importance(
    context: TheContext,
    id: Id,  # noqa: A002 - the name in the path
    model: OneModel = None,
) -> dict[str, Any]:
    """How much one candidate relies on each column. 404 unless the run was started with `importance`."""
    report = read_report(context.engine, id)
    with in_field("path.id" if model is None else "query.model"):
        require_result(report, model)
    return importance_record(*importance_of(report, model))


@router.get("/{id}/rows", response_model=WrongRowsOut, responses=documented(404))
def read_wrong_rows(
    context: TheContext,
    id: Id,  # noqa: A002 - the name in the path
    model: OneModel = None,
    offset: Annotated[int, Query(ge=0, le=10**9, description="so many of them are left out")] = 0,
    limit: Limit = 50,
) -> dict[str, Any]:
    """The test rows in which one candidate was wrong, a page of them. 404 if its predictions are gone."""
    report = read_report(context.engine, id)
    with in_field("path.id" if model is None else "query.model"):
        model_id = require_result(report, model).model_id
    [result] = find_results(context, [model_id], run=id)
    return wrong_rows(context, result, offset=offset, limit=limit).to_record()


@router.delete("/{id}", status_code=202, response_model=RunStatusOut, responses=documented(404, 409))
def cancel_an_evaluation(context: TheContext, id: Id) -> dict[str, Any]:  # noqa: A002 - the name in the path
    """Cancel a run. Results of completed jobs stay; the workers stop running jobs within seconds."""
    engine = context.engine
    before = run_rows.get(engine, id)
    if not cancellation.cancel_run(engine, id) and before.state is not RunState.CANCELLED:
        ended = run_rows.get(engine, id).state
        raise ConflictError(f"run {id} had ended already: {ended}")
    return run_record(run_progress_rows.of_run(engine, id))


@router.post(
    "/{id}/retry",
    status_code=202,
    response_model=StartedOut,
    responses={**LINKS, **documented(403, 404, 409)},
)
async def retry_an_evaluation(
    id: Id,  # noqa: A002 - the name in the path
    response: Response,
    service: TheService,
    principal: ThePrincipal,
    key: Key = None,
) -> dict[str, Any]:
    """Start a new run of the same candidates on the same snapshot. It takes over the results that exist."""
    return _accepted(
        await service.start(idempotent_start.retry, service.context, id, key=key, principal=principal),
        response,
    )


@router.get("/{id}/labels", response_model=LabelsOut, responses=documented(404))
def read_the_labels(context: TheContext, id: Id) -> dict[str, Any]:  # noqa: A002 - the name in the path
    """The words that people gave the run, to find it again: `GET /api/ml/evaluations?label=`."""
    return _labels_of(context, run_rows.get(context.engine, id).id)


@router.post(
    "/{id}/labels",
    response_model=LabelsOut,
    responses=documented(400, 404, 413, 415),
    dependencies=[Depends(json_only)],
)
def label_an_evaluation(
    context: TheContext,
    principal: ThePrincipal,
    id: Id,  # noqa: A002 - the name in the path
    body: RunLabelsBody,
) -> dict[str, Any]:
    """Add labels. Those that it has already are no error."""
    run = run_rows.get(context.engine, id)
    with in_field("body.labels"):
        run_label_rows.add(context.engine, run.id, *body.labels, by=principal.name)
    return _labels_of(context, run.id)


@router.delete("/{id}/labels/{label:path}", response_model=LabelsOut, responses=documented(404))
def remove_a_label(
    context: TheContext,
    id: Id,  # noqa: A002 - the name in the path
    label: Annotated[str, Path(max_length=LONGEST_LABEL, pattern=PRINTABLE)],
) -> dict[str, Any]:
    """Take one label away. Nothing else depends on it."""
    run = run_rows.get(context.engine, id)
    if not run_label_rows.remove(context.engine, run.id, label):
        raise NotFoundError(f"run {run.id[:8]} has no label {quoted(label)}")
    return _labels_of(context, run.id)


def _labels_of(context: Context, run_id: str) -> dict[str, Any]:
    return {"runId": run_id, "labels": run_label_rows.of_runs(context.engine, [run_id]).get(run_id, [])}


@router.get("/{id}/events", response_class=Response, responses={**RUN_EVENTS, **documented(404)})
async def follow_an_evaluation(
    id: Id,  # noqa: A002 - the name in the path
    service: TheService,
    last_event_id: LastEventId = None,
) -> Response:
    """Follow a run by server-sent events.

    `progress` is sent on each change of the progress. Besides, each event of the run is sent as on the stream
    `ml:run-events`; the last one is `run.completed`.
    """
    return await stream(service, id, after=last_event_id or 0)


def _accepted(status: RunStatus, response: Response) -> dict[str, Any]:
    response.headers["Location"] = f"{PATH}/{status.run.id}"
    return started(status)
