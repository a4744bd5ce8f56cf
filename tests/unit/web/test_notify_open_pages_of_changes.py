"""One watcher for all pages that watch the same thing, and none when nobody looks."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fixtures.servers.databases import create_tables
from fixtures.values.stored import a_stored_run, claim

from bakeoff.api.shared_change_watchers import POLL_S, SharedWatchers
from bakeoff.domain.errors import NotFoundError
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import change_marks
from bakeoff.web import notify_open_pages_of_changes
from bakeoff.web.notify_open_pages_of_changes import LiveChanges


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bakeoff.yaml").write_text("evalWorkers: 2\n")
    made = Context(load(tmp_path / "config" / "bakeoff.yaml", environment={}))
    create_tables(made.engine)
    return made


async def next_change(frames: AsyncIterator[str]) -> str:
    async for frame in frames:
        if frame.startswith("event: changed"):
            return frame.rpartition("data: ")[2].strip()
    raise AssertionError("the stream ended")


def test_a_hundred_pages_ask_the_database_as_often_as_one(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, (job, _) = a_stored_run(context.engine, 2)
    asked: list[str] = []
    real = change_marks.of_run

    def counted(engine: object, run_id: str) -> str:
        asked.append(run_id)
        return real(context.engine, run_id)

    monkeypatch.setattr(notify_open_pages_of_changes.change_marks, "of_run", counted)

    async def watch() -> tuple[set[str], set[str], int]:
        watchers = SharedWatchers()
        changes = LiveChanges(context, watchers, is_stopping=lambda: False)
        responses = [await changes.stream(f"run/{run.id}") for _ in range(100)]
        streams = [aiter(response.body_iterator) for response in responses]  # type: ignore[attr-defined]
        first = set(await asyncio.gather(*(next_change(stream) for stream in streams)))
        claim(context.engine, job)
        second = set(await asyncio.gather(*(next_change(stream) for stream in streams)))
        number = len(asked)
        for stream in streams:
            await stream.aclose()
        await asyncio.sleep(3 * POLL_S)
        assert watchers.topics == frozenset()
        assert len(asked) <= number + 1
        return first, second, number

    first, second, number = asyncio.run(watch())
    assert len(first) == len(second) == 1
    assert first != second
    assert number < 20


@pytest.mark.parametrize("topic", ["", "runs", "run/x", "run/../all"])
def test_what_cannot_be_watched_is_refused(context: Context, topic: str) -> None:
    changes = LiveChanges(context, SharedWatchers(), is_stopping=lambda: False)
    with pytest.raises(NotFoundError, match="nothing to watch"):
        asyncio.run(changes.stream(topic))
    assert changes.mark(topic) == ""


def test_a_stream_ends_when_the_server_stops(context: Context) -> None:
    async def watch() -> list[str]:
        changes = LiveChanges(context, SharedWatchers(), is_stopping=lambda: True)
        response = await changes.stream("all")
        return [frame async for frame in response.body_iterator]  # type: ignore[attr-defined]

    assert asyncio.run(watch()) == []
