"""The stream of run events, on a real Redis."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest
import redis

from bakeoff.broker import embedded_redis
from bakeoff.domain.event import Event, EventType
from bakeoff.events import event_stream

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded_redis.EmbeddedRedis]:
    data_dir = tmp_path_factory.mktemp("stream")
    with embedded_redis.hold(data_dir) as found:
        yield found
        pid = int((data_dir / "redis" / "redis.pid").read_text())
        psutil.Process(pid).parent().send_signal(signal.SIGTERM)


@pytest.fixture
def client(server: embedded_redis.EmbeddedRedis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.client_url) as client:
        client.flushall()
        yield client


def an_event(number: int = 1, **changes: Any) -> Event:
    given = {
        "id": f"event-{number}",
        "type": EventType.EVALUATION_COMPLETED,
        "run_id": "run-1",
        "occurred_at": MOMENT,
        "payload": {"modelId": "forest", "metrics": {"f1": 0.5, "auc": None}, "note": "grün"},
    }
    return Event(**{**given, **changes})


def ids(entries: list[event_stream.Entry]) -> list[str]:
    return [entry.event.id for entry in entries]


def test_an_entry_is_the_flat_envelope(client: redis.Redis) -> None:
    event_stream.publish(client, [an_event()], max_length=100)

    ((_, fields),) = client.xrange("ml:run-events")
    assert {name: value for name, value in fields.items() if name != b"payload"} == {
        b"eventId": b"event-1",
        b"eventType": b"evaluation.completed",
        b"eventVersion": b"1",
        b"occurredAt": b"2026-03-01T12:30:15.250Z",
        b"runId": b"run-1",
    }
    assert json.loads(fields[b"payload"]) == {
        "modelId": "forest",
        "metrics": {"f1": 0.5, "auc": None},
        "note": "grün",
    }


def test_the_envelope_is_camel_case_json() -> None:
    assert json.loads(json.dumps(event_stream.envelope(an_event(payload={"modelId": "forest"})))) == {
        "eventId": "event-1",
        "eventType": "evaluation.completed",
        "eventVersion": 1,
        "occurredAt": "2026-03-01T12:30:15.250Z",
        "runId": "run-1",
        "payload": {"modelId": "forest"},
    }


@pytest.mark.parametrize("options", [{}, {"decode_responses": True}, {"protocol": 3}])
def test_what_is_read_is_what_was_published(
    client: redis.Redis, server: embedded_redis.EmbeddedRedis, options: dict[str, Any]
) -> None:
    event_stream.publish(client, [an_event(1), an_event(2)], max_length=100)
    with redis.Redis.from_url(server.client_url, **options) as reader:
        assert [entry.event for entry in event_stream.read(reader)] == [an_event(1), an_event(2)]


def test_a_reader_goes_on_from_its_position(client: redis.Redis) -> None:
    event_stream.publish(client, [an_event(1), an_event(2)], max_length=100)
    (first,) = event_stream.read(client, limit=1)
    event_stream.publish(client, [an_event(3)], max_length=100)

    assert ids([first]) == ["event-1"]
    assert ids(event_stream.read(client, first.position)) == ["event-2", "event-3"]


def test_events_stay_in_order_over_many_batches(client: redis.Redis) -> None:
    for start in range(0, 50, 10):
        event_stream.publish(client, [an_event(start + step) for step in range(10)], max_length=100)
    assert ids(event_stream.read(client)) == [f"event-{number}" for number in range(50)]


def test_a_stream_without_entries_reads_as_none_at_once(client: redis.Redis) -> None:
    assert event_stream.read(client) == []


def test_a_waiting_reader_gives_up_after_its_time(client: redis.Redis) -> None:
    assert event_stream.read(client, block_ms=20) == []


def test_a_waiting_reader_is_woken_by_the_next_event(
    client: redis.Redis, server: embedded_redis.EmbeddedRedis
) -> None:
    with redis.Redis.from_url(server.client_url, socket_timeout=30) as reader, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(event_stream.read, reader, block_ms=20_000)
        while client.info("clients")["blocked_clients"] == 0:
            assert not waiting.done()
        event_stream.publish(client, [an_event()], max_length=100)
        assert ids(waiting.result(timeout=10)) == ["event-1"]


def test_publishing_nothing_writes_nothing(client: redis.Redis) -> None:
    event_stream.publish(client, [], max_length=100)
    assert client.exists("ml:run-events") == 0


def test_the_stream_is_cut_to_about_its_length(client: redis.Redis) -> None:
    event_stream.publish(client, [an_event(number) for number in range(1000)], max_length=200)

    assert 200 <= client.xlen("ml:run-events") <= 300
    assert ids(event_stream.read(client, limit=1000))[-1] == "event-999"


def test_a_batch_is_written_whole_or_not_at_all(client: redis.Redis) -> None:
    client.config_resetstat()
    event_stream.publish(client, [an_event(1), an_event(2)], max_length=100)
    assert client.info("commandstats")["cmdstat_exec"]["calls"] == 1


def test_a_full_redis_is_an_error_and_nothing_is_written(client: redis.Redis) -> None:
    client.config_set("maxmemory", "1")
    try:
        with pytest.raises(redis.RedisError):
            event_stream.publish(client, [an_event(1), an_event(2)], max_length=100)
    finally:
        client.config_set("maxmemory", "0")
    assert event_stream.read(client) == []


def test_another_stream_has_its_own_entries(client: redis.Redis) -> None:
    event_stream.publish(client, [an_event()], stream="elsewhere", max_length=100)
    assert event_stream.read(client) == []
    assert ids(event_stream.read(client, stream="elsewhere")) == ["event-1"]
