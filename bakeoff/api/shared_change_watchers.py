"""Learns of changes in the database for all who wait for the same one, with one question for all of them.

Whoever follows a run over HTTP, and every open page, waits for a *mark* to change: a short text that says
how far something has come. All who watch the same topic share one watcher, which asks for the mark four
times a second. So a hundred of them ask the database no more than one. The watcher ends with the last of
them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool

from bakeoff.domain.errors import InfrastructureError

log = logging.getLogger(__name__)

POLL_S = 0.25


class SharedWatchers:
    """Of one process and its event loop."""

    def __init__(self) -> None:
        self._by_topic: dict[str, Watcher] = {}

    @asynccontextmanager
    async def watch(self, topic: str, look: Callable[[], str]) -> "AsyncIterator[Watcher]":
        """`look` reads the mark of the topic; it may block, and runs in a thread."""
        watcher = self._by_topic.get(topic)
        if watcher is None:
            watcher = self._by_topic[topic] = Watcher(look)
        watcher.users += 1
        try:
            yield watcher
        finally:
            watcher.users -= 1
            if not watcher.users:
                self._by_topic.pop(topic, None)
                watcher.stop()

    @property
    def topics(self) -> frozenset[str]:
        """What is being watched now."""
        return frozenset(self._by_topic)


class Watcher:
    def __init__(self, look: Callable[[], str]) -> None:
        self.users = 0
        self.mark: str | None = None  #: None until it was read for the first time
        self._look = look
        self._looked = asyncio.Event()
        self._task = asyncio.create_task(self._watch())

    async def wait(self, at_most_s: float = 2 * POLL_S) -> None:
        """Until the mark was read again, or so long: whoever waits must notice that the process stops."""
        looked = self._looked
        with suppress(TimeoutError):
            await asyncio.wait_for(looked.wait(), at_most_s)

    def stop(self) -> None:
        self._task.cancel()

    async def _watch(self) -> None:
        while True:
            try:
                self.mark = await run_in_threadpool(self._look)
            except InfrastructureError as exc:
                # The database is away for a moment. Those who wait stay, and learn when it is back.
                log.warning("whoever follows changes learns nothing new: %s", exc)
            self._looked.set()
            self._looked = asyncio.Event()
            await asyncio.sleep(POLL_S)
