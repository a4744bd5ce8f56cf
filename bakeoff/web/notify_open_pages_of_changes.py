"""Tells open pages that something has changed. They read what it is themselves, from their own address."""

import time
from collections.abc import AsyncIterator, Callable

from starlette.responses import Response, StreamingResponse

from bakeoff.api.shared_change_watchers import SharedWatchers
from bakeoff.domain.errors import BakeoffError, NotFoundError
from bakeoff.domain.ids_and_times import parse_id
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import change_marks

#: The topic of lists: any change of any run.
ALL = "all"
_RUN = "run/"

_PING_S = 15.0


class LiveChanges:
    def __init__(
        self, context: Context, watchers: SharedWatchers, *, is_stopping: Callable[[], bool]
    ) -> None:
        self._context = context
        self._watchers = watchers
        self._is_stopping = is_stopping

    def mark(self, topic: str) -> str:
        """How far the topic has come; empty for what cannot be watched, such as a name instead of an id."""
        try:
            return look_at(self._context, topic)()
        except BakeoffError:
            return ""

    async def stream(self, topic: str) -> Response:
        """Server-sent events: `changed` whenever something has; NotFoundError for an unknown topic."""
        look = look_at(self._context, topic)
        return StreamingResponse(
            self._frames(topic, look), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _frames(self, topic: str, look: Callable[[], str]) -> AsyncIterator[str]:
        # The first frame says how far it has come: the page compares that with the mark it was made with.
        known, sent_at = None, time.monotonic()
        async with self._watchers.watch(topic, look) as watcher:
            while not self._is_stopping():
                if watcher.mark is not None and watcher.mark != known:
                    known, sent_at = watcher.mark, time.monotonic()
                    yield f"event: changed\ndata: {known}\n\n"
                elif time.monotonic() - sent_at > _PING_S:
                    sent_at = time.monotonic()
                    yield ": still here\n\n"
                await watcher.wait()


def look_at(context: Context, topic: str) -> Callable[[], str]:
    if topic == ALL:
        return lambda: change_marks.of_all(context.engine)
    try:
        run_id = parse_id(topic.removeprefix(_RUN))
    except BakeoffError as exc:
        raise NotFoundError(f"there is nothing to watch at {topic!r}: expected {ALL}, or {_RUN}ID") from exc
    return lambda: change_marks.of_run(context.engine, run_id)
