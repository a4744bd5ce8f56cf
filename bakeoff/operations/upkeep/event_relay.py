"""The relay moves events from the outbox to the Redis stream: committed, in order, at least once.

A process marks in the database what it has published before it publishes more. Otherwise, while the database
cannot be written, it would publish the same events again and again.
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
    """The relay of one process. It remembers which events it has published but could not mark yet."""

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._unmarked: list[int] = []  #: positions in the outbox
        self._trouble = RepeatedWarning(log)

    def publish_pending(self, *, within_s: float = inf) -> int:
        """Publish what is pending, unless another process is publishing. Returns how many events.

        `within_s`: after this time the rest is left for later, for callers that have other things to do.
        """
        published, deadline = 0, monotonic() + within_s
        broker = self._context.broker
        try:
            # Whoever held the lock looks for events again before it returns. So when another process finds
            # the lock taken and gives up, its events are published all the same.
            while monotonic() < deadline and outbox.is_anything_pending(self._context.engine):
                # Without the lock, two processes at once would publish all events twice.
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
