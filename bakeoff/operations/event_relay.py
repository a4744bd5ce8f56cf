"""The relay moves events from the outbox to the Redis stream: committed, in order, at least once.

What a process has published it marks in the database before it publishes more. Otherwise a database that
cannot be written would make it publish the same events again and again.
"""

import logging
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from redis.exceptions import LockError, RedisError

from bakeoff.domain.errors import InfrastructureError
from bakeoff.events import event_stream
from bakeoff.settings.log_setup import RepeatedWarning
from bakeoff.store.bakeoffs import outbox

if TYPE_CHECKING:
    from bakeoff.operations.context import Context

log = logging.getLogger(__name__)

_BATCH = 500
_LOCK_S = 5  #: longest that one process may hold the lock


class EventRelay:
    """One per process: it remembers what it has published and could not mark yet."""

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._unmarked: list[int] = []  #: positions in the outbox
        self._trouble = RepeatedWarning(log)

    def publish_pending(self, *, within_s: float = inf) -> int:
        """Publish what is pending, unless another process is publishing. Returns how many events.

        `within_s`: when to leave the rest for later, for callers with other duties.
        """
        published, deadline = 0, monotonic() + within_s
        broker = self._context.broker
        try:
            # The holder of the lock looks again after each turn. So events that come in while another process
            # finds the lock taken are published by the holder.
            while monotonic() < deadline and outbox.is_anything_pending(self._context.engine):
                # A lock, since two processes that publish at once would publish everything twice.
                with broker.client.lock(broker.key("relay"), timeout=_LOCK_S, blocking=False):
                    published += self._publish_batch()
            self._trouble.resolve()
        except LockError:
            log.debug("another process publishes, or the lock ran out and another process took it")
        except (RedisError, InfrastructureError) as exc:
            self._trouble.warn(f"events wait in the outbox: {exc}")
        return published

    def _publish_batch(self) -> int:
        self._mark_published()
        pending = outbox.pending(self._context.engine, limit=_BATCH)
        if pending:
            event_stream.publish(
                self._context.broker.client,
                [item.event for item in pending],
                max_length=self._context.configuration.settings.stream_length,
            )
            self._unmarked.extend(item.position for item in pending)
            self._mark_published()
        return len(pending)

    def _mark_published(self) -> None:
        outbox.mark_published(self._context.engine, self._unmarked)
        self._unmarked.clear()
