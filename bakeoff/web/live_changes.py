"""Tells open pages that something has changed. What it is they read themselves, from their own address.

All pages that watch the same run share one watcher, which asks the database one cheap question four times a
second. So a hundred open pages ask no more than one. The watcher ends with its last page.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from bakeoff.domain.errors import BakeoffError, InfrastructureError, NotFoundError
from bakeoff.domain.identity import parse_id
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import change_marks

log = logging.getLogger(__name__)

#: The topic of lists: any change of any run.
ALL = "all"
_RUN = "run/"

_POLL_S = 0.25
_PING_S = 15.0


class LiveChanges:
    def __init__(self, context: Context, *, is_stopping: Callable[[], bool]) -> None:
        self._context = context
        self._is_stopping = is_stopping
        self._watchers: dict[str, _Watcher] = {}

    def mark(self, topic: str) -> str:
        """How far the topic has come; empty for what cannot be watched, such as a name instead of an id."""
        try:
            return _look_at(self._context, topic)()
        except BakeoffError:
            return ""

    async def stream(self, topic: str) -> Response:
        """Server-sent events: `changed` whenever something has; NotFoundError for an unknown topic."""
        look = _look_at(self._context, topic)
        return StreamingResponse(
            self._frames(topic, look), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _frames(self, topic: str, look: Callable[[], str]) -> AsyncIterator[str]:
        watcher = self._watchers.get(topic)
        if watcher is None:
            watcher = self._watchers[topic] = _Watcher(look)
        watcher.pages += 1
        try:
            async for frame in self._until_left(watcher):
                yield frame
        finally:
            watcher.pages -= 1
            if not watcher.pages:
                self._watchers.pop(topic, None)
                watcher.stop()

    async def _until_left(self, watcher: "_Watcher") -> AsyncIterator[str]:
        # The first frame tells the page where it stands: it compares it with the mark it was rendered with.
        known, sent_at = None, time.monotonic()
        while not self._is_stopping():
            mark = await watcher.mark()
            if mark is not None and mark != known:
                known, sent_at = mark, time.monotonic()
                yield f"event: changed\ndata: {mark}\n\n"
            elif time.monotonic() - sent_at > _PING_S:
                sent_at = time.monotonic()
                yield ": still here\n\n"
            await watcher.wait(_POLL_S)


class _Watcher:
    def __init__(self, look: Callable[[], str]) -> None:
        self.pages = 0
        self._look = look
        self._mark: str | None = None
        self._looked = asyncio.Event()
        self._task = asyncio.create_task(self._watch())

    async def mark(self) -> str | None:
        return self._mark

    async def wait(self, at_most_s: float) -> None:
        """Until the database was looked at again."""
        looked = self._looked
        with suppress(TimeoutError):
            await asyncio.wait_for(looked.wait(), at_most_s)

    def stop(self) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            try:
                self._mark = await run_in_threadpool(self._look)
            except InfrastructureError as exc:
                # The database is away for a moment. The pages stay open, and are told when it is back.
                log.warning("open pages learn nothing new: %s", exc)
            self._looked.set()
            self._looked = asyncio.Event()
            await asyncio.sleep(_POLL_S)


def _look_at(context: Context, topic: str) -> Callable[[], str]:
    if topic == ALL:
        return lambda: change_marks.of_all(context.engine)
    try:
        run_id = parse_id(topic.removeprefix(_RUN))
    except BakeoffError as exc:
        raise NotFoundError(f"there is nothing to watch at {topic!r}: expected {ALL}, or {_RUN}ID") from exc
    return lambda: change_marks.of_run(context.engine, run_id)
