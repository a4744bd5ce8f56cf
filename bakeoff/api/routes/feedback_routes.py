"""Import results of other systems, which are scored at once; list them; and label them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from bakeoff.api.handler_services_and_rights import TheContext, ThePrincipal, TheService, json_only
from bakeoff.api.paging import Cursor, Limit, cursor_at, place_of
from bakeoff.api.problem_details import documented
from bakeoff.api.schemas.signal_and_feedback_schemas import (
    IntakeOut,
    ItemPageOut,
    LabelPageOut,
    ScoredIntakeOut,
)
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.model_version import LONGEST_NAME
from bakeoff.domain.scored_and_labelled_item import LONGEST_ID, Item, Label, StoredItem, StoredLabel
from bakeoff.evaluation.planning.parse_request_bodies import PRINTABLE
from bakeoff.operations import score_stored_feedback
from bakeoff.operations.context import Context
from bakeoff.store.feedback import feedback_items, feedback_labels

MOST = 1000  #: items in one request
_MOST_FEATURES = 1000

router = APIRouter(prefix="/api/ml", tags=["feedback"])

_Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
_Value = _Integer | float | bool | Annotated[str, Field(max_length=10_000)]
_Label = _Integer | float | bool | Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)]
_Id = Annotated[str, Field(min_length=1, max_length=LONGEST_ID, pattern=PRINTABLE)]
_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)]


class _StrictBody(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, allow_inf_nan=False, frozen=True
    )


class _Result(_StrictBody):
    id: _Id
    features: dict[_Name, _Value | None] = Field(min_length=1, max_length=_MOST_FEATURES)


class ResultsBody(_StrictBody):
    results: list[_Result] = Field(min_length=1, max_length=MOST)
    model: str | None = Field(
        None,
        max_length=LONGEST_NAME,
        pattern=PRINTABLE,
        description="what scores them: the id of a candidate, or a URI such as models:/NAME/Production; "
        "null: the baseline",
    )


class _LabelOfResult(_StrictBody):
    result_id: _Id
    label: _Label


class ResultLabelsBody(_StrictBody):
    labels: list[_LabelOfResult] = Field(min_length=1, max_length=MOST)


class FeedbackFilter(BaseModel):
    """Which results to list."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    score_version: Annotated[str, Field(max_length=300, pattern=PRINTABLE)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class LabelFilter(BaseModel):
    """Which labels to list."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    result_id: _Id | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


@router.post(
    "/results",
    response_model=ScoredIntakeOut,
    responses=documented(400, 413, 415),
    dependencies=[Depends(json_only)],
)
async def take_results_in(service: TheService, body: ResultsBody) -> dict[str, Any]:
    """Store and score results: all of the request, or none.

    An id that is stored already is the same result: if its features are the same, nothing changes; if they
    differ, it is scored again.
    """
    return await service.use_registry(_take_in, service.context, body)


@router.get("/results", response_model=ItemPageOut)
def list_results(context: TheContext, wanted: Annotated[FeedbackFilter, Query()]) -> dict[str, Any]:
    """The results with their scores, newest first."""
    before = None if wanted.cursor is None else place_of(wanted.cursor)
    found = feedback_items.page(
        context.engine, limit=wanted.limit + 1, before=before, version=wanted.score_version
    )
    return _page(found, wanted.limit)


@router.post(
    "/labels",
    response_model=IntakeOut,
    responses=documented(400, 413, 415),
    dependencies=[Depends(json_only)],
)
def label_results(context: TheContext, principal: ThePrincipal, body: ResultLabelsBody) -> dict[str, Any]:
    """Label results: all of the request, or none.

    The labels belong to the owner of the token. A later label of the same owner replaces the earlier one.
    """
    given = [Label(item_id=said.result_id, value=said.label, by=principal.name) for said in body.labels]
    with _in_the_body("labels"):
        return feedback_labels.add(context.engine, given).to_record()


@router.get("/labels", response_model=LabelPageOut)
def list_labels(context: TheContext, wanted: Annotated[LabelFilter, Query()]) -> dict[str, Any]:
    """The labels, newest first."""
    before = None if wanted.cursor is None else place_of(wanted.cursor)
    found = feedback_labels.page(
        context.engine, limit=wanted.limit + 1, before=before, item_id=wanted.result_id
    )
    return _page(found, wanted.limit)


def _take_in(context: Context, body: ResultsBody) -> dict[str, Any]:
    given = [Item(id=result.id, features=result.features) for result in body.results]
    with _in_the_body("model"):
        using = score_stored_feedback.scorer(context, body.model)
    with _in_the_body("results"):
        found = score_stored_feedback.take_in(context, given, using)
    return {**found.to_record(), "scoreVersion": using.version}


@contextmanager
def _in_the_body(field: str) -> Iterator[None]:
    """An error about something that the body names is reported as an error of that field of the body."""
    try:
        yield
    except InvalidInputError as exc:
        raise InvalidInputError(str(exc)).with_field(f"body.{field}") from exc


def _page(found: Sequence[StoredItem] | Sequence[StoredLabel], limit: int) -> dict[str, Any]:
    return {
        "items": [one.to_record() for one in found[:limit]],
        "nextCursor": cursor_at(found[limit - 1].position) if len(found) > limit else None,
    }
