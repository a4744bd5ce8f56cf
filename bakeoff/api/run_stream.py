"""The progress of a run as server-sent events, from the database: also while the broker is away.

Each event of the run has its place in the outbox as its id, by which a client that comes back goes on.
A stream ends with the run, or when this process is asked to stop.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import Header
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from bakeoff.api.run_records import counts, progress
from bakeoff.api.schemas.run_schemas import STREAMED
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.event import EventType
from bakeoff.events.event_stream import envelope
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import outbox, run_status
from bakeoff.store.bakeoffs.outbox import Pending
from bakeoff.store.bakeoffs.run_status import RunStatus

log = logging.getLogger(__name__)

Look = tuple[RunStatus, Sequence[Pending]]

MEDIA_TYPE = "text/event-stream"
_LOOK_S = 0.5
_PING_S = 15.0
_MOST = 500

LastEventId = Annotated[
    int | None, Header(alias="Last-Event-ID", ge=0, lt=2**63, description="the last one that was seen")
]

_ITEM = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["progress", *EventType]},
        "id": {"type": "string", "description": "give the last one as `Last-Event-ID` to go on behind it"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {
                "anyOf": [{"$ref": f"#/components/schemas/{model.__name__}"} for model in STREAMED]
            },
        },
    },
}

#: For the OpenAPI document.
RUN_EVENTS: Mapping[int | str, dict[str, Any]] = {
    200: {
        "description": "the events, until the run has ended",
        "content": {MEDIA_TYPE: {"itemSchema": _ITEM}},
    },
    204: {"description": "the run has ended, and its last event was seen: do not come back"},
}


async def stream(context: Context, run_id: str, *, after: int, is_stopping: Callable[[], bool]) -> Response:
    status, events = await run_in_threadpool(_look, context, run_id, after)
    if after and status.run.state.has_ended and not events:
        return Response(status_code=204)
    told = _tell(context, status, events, after, is_stopping)
    return StreamingResponse(told, media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})


async def _tell(
    context: Context,
    status: RunStatus,
    events: Sequence[Pending],
    after: int,
    is_stopping: Callable[[], bool],
) -> AsyncIterator[str]:
    """Progress first: the last event is the end of the run."""
    known, told_at = None, time.monotonic()
    while True:
        if counts(status) != known:
            known, told_at = counts(status), time.monotonic()
            yield _event("progress", progress(status))
        for pending in events:
            after = pending.position
            yield _event(pending.event.type, envelope(pending.event), id=after)
        if is_stopping() or (status.run.state.has_ended and len(events) < _MOST):
            return
        if time.monotonic() - told_at > _PING_S:
            told_at = time.monotonic()
            yield ": still here\n\n"
        await asyncio.sleep(_LOOK_S)
        status, events = await run_in_threadpool(_look_again, context, status, after)


def _look(context: Context, run_id: str, after: int) -> Look:
    """The run first: if it has ended, the event that says so is there."""
    engine = context.engine
    status = run_status.of_run(engine, run_id)
    return status, outbox.of_run(engine, run_id, after=after, limit=_MOST)


def _look_again(context: Context, before: RunStatus, after: int) -> Look:
    """A database that is away for a moment ends no stream."""
    try:
        return _look(context, before.run.id, after)
    except InfrastructureError as exc:
        log.warning("the stream of run %s tells nothing new: %s", before.run.id, exc)
        return before, []


def _event(kind: str, data: Mapping[str, Any], *, id: int | None = None) -> str:  # noqa: A002 - the protocol's word
    place = "" if id is None else f"id: {id}\n"
    return f"event: {kind}\n{place}data: {json.dumps(data, ensure_ascii=False)}\n\n"
