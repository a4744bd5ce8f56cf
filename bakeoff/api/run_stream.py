"""The progress of a run as server-sent events. They are read from the database, so no broker is needed. All
who follow the same run share one watcher, and the database is read for each of them only when something has
changed.

The id of each event is its position in the outbox. A client that reconnects sends the last id that it has
received, and gets the events after it. A stream ends with the run, or when this process stops.
"""

import json
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import Header
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from bakeoff.api.handler_services_and_rights import Service
from bakeoff.api.run_records import counts, progress
from bakeoff.api.schemas.run_response_schemas import STREAMED
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.event import EventType
from bakeoff.events.event_stream import envelope
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import change_marks, outbox, run_progress_rows
from bakeoff.store.bakeoffs.outbox import Pending
from bakeoff.store.bakeoffs.run_progress_rows import RunStatus

log = logging.getLogger(__name__)

StatusAndEvents = tuple[RunStatus, Sequence[Pending]]

MEDIA_TYPE = "text/event-stream"
_PING_S = 15.0
_MAX_EVENTS = 500

LastEventId = Annotated[
    int | None, Header(alias="Last-Event-ID", ge=0, lt=2**63, description="the id of the last event received")
]

_ITEM = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["progress", *EventType]},
        "id": {"type": "string", "description": "send the last one as `Last-Event-ID` to go on after it"},
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
    204: {"description": "the run has ended and its last event was received: do not reconnect"},
}


async def stream(service: Service, run_id: str, *, after: int) -> Response:
    status, events = await run_in_threadpool(_read, service.context, run_id, after)
    if after and status.run.state.has_ended and not events:
        return Response(status_code=204)
    frames = _frames(service, status, events, after)
    return StreamingResponse(frames, media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})


async def _frames(
    service: Service,
    status: RunStatus,
    events: Sequence[Pending],
    after: int,
) -> AsyncIterator[str]:
    """Sends progress before events, because the last event is the end of the run."""
    run_id, known, seen, sent_at = status.run.id, None, None, time.monotonic()
    look = partial(change_marks.of_run, service.context.engine, run_id)
    async with service.watchers.watch(f"run/{run_id}", look) as watcher:
        while True:
            if counts(status) != known:
                known, sent_at = counts(status), time.monotonic()
                yield _event("progress", progress(status))
            for pending in events:
                after = pending.position
                yield _event(pending.event.type, envelope(pending.event), id=after)
            if service.is_stopping() or (status.run.state.has_ended and len(events) < _MAX_EVENTS):
                return
            if time.monotonic() - sent_at > _PING_S:
                sent_at = time.monotonic()
                yield ": still here\n\n"
            if len(events) < _MAX_EVENTS:  # else there are more at once
                await watcher.wait()
            if watcher.mark == seen and len(events) < _MAX_EVENTS:
                events = []
                continue
            seen = watcher.mark
            status, events = await run_in_threadpool(_read_again, service.context, status, after)


def _read(context: Context, run_id: str, after: int) -> StatusAndEvents:
    """Reads the run before the events: if it has ended, the event that says so is then among them."""
    engine = context.engine
    status = run_progress_rows.of_run(engine, run_id)
    return status, outbox.of_run(engine, run_id, after=after, limit=_MAX_EVENTS)


def _read_again(context: Context, before: RunStatus, after: int) -> StatusAndEvents:
    """Returns the old status if the database cannot be reached for a moment, so the stream goes on."""
    try:
        return _read(context, before.run.id, after)
    except InfrastructureError as exc:
        log.warning("the stream of run %s has nothing new: %s", before.run.id, exc)
        return before, []


def _event(kind: str, data: Mapping[str, Any], *, id: int | None = None) -> str:  # noqa: A002 - the protocol's word
    place = "" if id is None else f"id: {id}\n"
    return f"event: {kind}\n{place}data: {json.dumps(data, ensure_ascii=False)}\n\n"
