"""The relay moves what happened from the outbox to the stream: in order, at least once, never before it was committed."""

import logging

from redis.exceptions import LockError, RedisError

from events import stream
from store import outbox
from tasks import broker, wiring

log = logging.getLogger(__name__)

_BATCH = 500
_TURN_S = 30  #: longest that one process may be alone at it; a second one would only publish twice


def relay() -> int:
    """Publish what is pending, unless another process is at it. Returns how many events."""
    try:
        with broker.client().lock("bakeoff:relay", timeout=_TURN_S, blocking=False):
            return _publish_all()
    except LockError:
        return 0  # somebody else is at it, or we were too slow and somebody went on
    except RedisError as exc:
        log.warning("the stream cannot be reached, its events wait in the outbox: %s", exc)
        return 0


def _publish_all() -> int:
    engine = wiring.engine()
    length = wiring.configuration().settings.stream_length
    published = 0
    while pending := outbox.pending(engine, limit=_BATCH):
        stream.publish(broker.client(), [item.event for item in pending], max_length=length)
        outbox.mark_published(engine, [item.position for item in pending])
        published += len(pending)
    return published

