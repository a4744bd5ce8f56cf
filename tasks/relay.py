"""The relay moves what happened from the outbox to the stream: committed, in order, at least once."""

import logging
from math import inf
from time import monotonic

from redis.exceptions import LockError, RedisError

from domain.errors import InfrastructureError
from events import stream
from store import outbox
from tasks import broker, wiring

log = logging.getLogger(__name__)

_BATCH = 500
_TURN_S = 5  #: longest that one process may be alone at it; a second one would only publish twice


def relay(*, within_s: float = inf) -> int:
    """Publish what is pending, unless another process is at it. Returns how many events.

    Whoever is at it looks again after its turn, so that nothing is left to somebody who found the turn taken.
    Who has other duties says when to leave the rest for later.
    """
    published, deadline = 0, monotonic() + within_s
    try:
        while monotonic() < deadline and outbox.is_anything_pending(wiring.engine()):
            with broker.client().lock(broker.key("relay"), timeout=_TURN_S, blocking=False):
                published += _publish()
    except LockError:
        log.debug("another process is at it, or we were too slow and another one went on")
    except (RedisError, InfrastructureError) as exc:
        log.warning("events wait in the outbox: %s", exc)
    return published


def _publish() -> int:
    engine = wiring.engine()
    pending = outbox.pending(engine, limit=_BATCH)
    length = wiring.configuration().settings.stream_length
    if pending:
        stream.publish(broker.client(), [item.event for item in pending], max_length=length)
        outbox.mark_published(engine, [item.position for item in pending])
    return len(pending)
