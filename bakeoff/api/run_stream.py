"""The progress of a run as server-sent events. They are read from the database, so no broker is needed. All
who follow the same run share one watcher, and the database is read for each of them only when something has
changed.

The id of each event is its position in the outbox. A client that reconnects sends the last id that it has
received, and gets the events after it. A stream ends with the run, or when this process stops. The last event
of a run tells its verdict, so it comes a moment after the end of the last job.
"""

import json
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, NamedTuple

from fastapi import Header
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from bakeoff.api.handler_services_and_rights import Service
from bakeoff.api.run_records import counts, progress
from bakeoff.api.schemas.run_response_schemas import STREAMED
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.event import EventType
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.events.event_stream import envelope
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import change_marks, outbox, run_progress_rows
from bakeoff.store.bakeoffs.outbox import Pending
from bakeoff.store.bakeoffs.results import verdict_rows
from bakeoff.store.bakeoffs.run_progress_rows import RunStatus

log = logging.getLogger(__name__)


class _Look(NamedTuple):
    status: RunStatus
    is_over: bool  #: whether the last event of the run is among those that there are
    events: Sequence[Pending]


MEDIA_TYPE = "text/event-stream"
_PING_S = 15.0
_MAX_EVENTS = 500
#: How long a run waits for somebody to judge it before its stream ends without the last event.
_PATIENCE = timedelta(seconds=10)

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
    look = await run_in_threadpool(_read, service.context, run_id, after)
    if after and look.is_over and not look.events:
        return Response(status_code=204)
    frames = _frames(service, look, after)
    return StreamingResponse(frames, media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})


async def _frames(service: Service, look: _Look, after: int) -> AsyncIterator[str]:
    """Sends progress before events, because the last event is the end of the run."""
    run_id, known, seen, sent_at = look.status.run.id, None, None, time.monotonic()
    marks = partial(change_marks.of_run, service.context.engine, run_id)
    async with service.watchers.watch(f"run/{run_id}", marks) as watcher:
        while True:
            if counts(look.status) != known:
                known, sent_at = counts(look.status), time.monotonic()
                yield _event("progress", progress(look.status))
            for pending in look.events:
                after = pending.position
                yield _event(pending.event.type, envelope(pending.event), id=after)
            has_more = len(look.events) == _MAX_EVENTS
            if service.is_stopping() or (look.is_over and not has_more):
                return
            if time.monotonic() - sent_at > _PING_S:
                sent_at = time.monotonic()
                yield ": still here\n\n"
            if not has_more:
                await watcher.wait()
            # While an ended run waits for its verdict, time alone can end the stream.
            if watcher.mark == seen and not has_more and not look.status.run.state.has_ended:
                look = look._replace(events=[])
                continue
            seen = watcher.mark
            look = await run_in_threadpool(_read_again, service.context, look, after)


def _read(context: Context, run_id: str, after: int) -> _Look:
    """Reads the run before the events: if it is over, the event that says so is then among them."""
    engine = context.engine
    status = run_progress_rows.of_run(engine, run_id)
    is_over = status.run.state.has_ended and _is_judged(context, run_id)
    return _Look(status, is_over, outbox.of_run(engine, run_id, after=after, limit=_MAX_EVENTS))


def _is_judged(context: Context, run_id: str) -> bool:
    """Also where nobody judges the run for long, as where no worker is left."""
    due_at = verdict_rows.pending_since(context.engine, run_id)
    return due_at is None or utc_now() > due_at + _PATIENCE


def _read_again(context: Context, before: _Look, after: int) -> _Look:
    """Returns the old status if the database cannot be reached for a moment, so the stream goes on."""
    try:
        return _read(context, before.status.run.id, after)
    except InfrastructureError as exc:
        log.warning("the stream of run %s has nothing new: %s", before.status.run.id, exc)
        return before._replace(events=[])


def _event(kind: str, data: Mapping[str, Any], *, id: int | None = None) -> str:  # noqa: A002 - the protocol's word
    place = "" if id is None else f"id: {id}\n"
    return f"event: {kind}\n{place}data: {json.dumps(data, ensure_ascii=False)}\n\n"
