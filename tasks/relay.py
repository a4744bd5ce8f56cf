"""The relay moves what happened from the outbox to the stream: committed, in order, at least once.

What a process has published it marks before it publishes more: a database that cannot be written must not
fill the stream with the same events again and again.
"""

import logging
from math import inf
from time import monotonic

from redis.exceptions import LockError, RedisError

from domain.errors import InfrastructureError
from events import stream
from store import outbox
from tasks import broker, wiring
from tasks.complaint import Complaint

log = logging.getLogger(__name__)

_BATCH = 500
_TURN_S = 5  #: longest that one process may be alone at it; a second one would only publish twice

_trouble = Complaint(log)
_unmarked: list[int] = []  #: positions of what was published by this process and is not marked as such


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
        _trouble.withdraw()
    except LockError:
        log.debug("another process is at it, or we were too slow and another one went on")
    except (RedisError, InfrastructureError) as exc:
        _trouble.make(f"events wait in the outbox: {exc}")
    return published


def _publish() -> int:
    _mark()
    pending = outbox.pending(wiring.engine(), limit=_BATCH)
    length = wiring.configuration().settings.stream_length
    if pending:
        stream.publish(broker.client(), [item.event for item in pending], max_length=length)
        _unmarked.extend(item.position for item in pending)
        _mark()
    return len(pending)


def _mark() -> None:
    outbox.mark_published(wiring.engine(), _unmarked)
    _unmarked.clear()
