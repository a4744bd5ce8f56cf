"""The Redis stream that other services read. An entry is the envelope of an event; every field is a text:

    eventId       UUID, stable
    eventType     evaluation.started, evaluation.completed, ...
    eventVersion  1
    occurredAt    ISO 8601, UTC, with milliseconds and Z
    runId         UUID; the events of one run are in the order in which they happened
    payload       JSON object, camelCase; run-events.schema.json says what is in it

An event may be in the stream more than once, with the same eventId: a reader drops the ids it has seen.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import redis

from bakeoff.domain.event import Event, EventType
from bakeoff.domain.ids_and_times import iso

STREAM = "ml:run-events"
SCHEMA = Path(__file__).with_name("run-events.schema.json")
BEGINNING = "0"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    position: str  #: what `read` goes on from
    event: Event


def publish(client: redis.Redis, events: Sequence[Event], *, max_length: int, stream: str = STREAM) -> None:
    """All of them or none, so that a second try keeps the order. About `max_length` entries stay."""
    with client.pipeline(transaction=True) as pipeline:
        for event in events:
            pipeline.xadd(stream, cast("Any", _fields(event)), maxlen=max_length, approximate=True)
        pipeline.execute()


def read(
    client: redis.Redis,
    after: str = BEGINNING,
    *,
    limit: int = 500,
    block_ms: int | None = None,
    stream: str = STREAM,
) -> list[Entry]:
    """The entries after that position, oldest first.

    When there is none it waits for `block_ms`, or not at all; the client's socket_timeout must be longer.
    """
    found = client.xrange(stream, min=f"({after}", count=limit)
    if not found and block_ms is not None:
        client.xread({stream: after}, count=1, block=block_ms)
        found = client.xrange(stream, min=f"({after}", count=limit)
    return [_entry(position, fields) for position, fields in cast("list[tuple[Any, Any]]", found)]


def envelope(event: Event) -> dict[str, Any]:
    """The event as JSON, for readers that do not use the stream: over HTTP, or on a terminal."""
    return {
        "eventId": event.id,
        "eventType": event.type.value,
        "eventVersion": VERSION,
        "occurredAt": iso(event.occurred_at),
        "runId": event.run_id,
        "payload": dict(event.payload),
    }


def _fields(event: Event) -> dict[str, str | int]:
    return {**envelope(event), "payload": json.dumps(event.payload, ensure_ascii=False)}


def _entry(position: bytes | str, fields: dict[bytes | str, bytes | str]) -> Entry:
    given = {_text(name): _text(value) for name, value in fields.items()}
    return Entry(
        position=_text(position),
        event=Event(
            id=given["eventId"],
            type=EventType(given["eventType"]),
            run_id=given["runId"],
            occurred_at=datetime.fromisoformat(given["occurredAt"]),
            payload=json.loads(given["payload"]),
        ),
    )


def _text(value: bytes | str) -> str:
    """Clients return bytes or text, by their setting `decode_responses`."""
    return value.decode() if isinstance(value, bytes) else value
