"""The relay moves what happened from the outbox to the stream: committed, in order, at least once.

What a process has published it marks before it publishes more: a database that cannot be written must not
fill the stream with the same events again and again.
"""

import logging
from math import inf
from time import monotonic

from redis.exceptions import LockError, RedisError

from bakeoff.broker import broker_access
from bakeoff.domain.errors import InfrastructureError
from bakeoff.events import event_stream
from bakeoff.operations import process_context
from bakeoff.settings.log_setup import RepeatedWarning
from bakeoff.store.bakeoffs import outbox

log = logging.getLogger(__name__)

_BATCH = 500
_TURN_S = 5  #: longest that one process may be alone at it; a second one would only publish twice

_trouble = RepeatedWarning(log)
_unmarked: list[int] = []  #: positions of what was published by this process and is not marked as such


def relay(*, within_s: float = inf) -> int:
    """Publish what is pending, unless another process is at it. Returns how many events.

    Whoever is at it looks again after its turn, so that nothing is left to somebody who found the turn taken.
    Who has other duties says when to leave the rest for later.
    """
    published, deadline = 0, monotonic() + within_s
    try:
        while monotonic() < deadline and outbox.is_anything_pending(process_context.engine()):
            with broker_access.client().lock(broker_access.key("relay"), timeout=_TURN_S, blocking=False):
                published += _publish()
        _trouble.withdraw()
    except LockError:
        log.debug("another process is at it, or we were too slow and another one went on")
    except (RedisError, InfrastructureError) as exc:
        _trouble.make(f"events wait in the outbox: {exc}")
    return published


def _publish() -> int:
    _mark()
    pending = outbox.pending(process_context.engine(), limit=_BATCH)
    length = process_context.configuration().settings.stream_length
    if pending:
        event_stream.publish(broker_access.client(), [item.event for item in pending], max_length=length)
        _unmarked.extend(item.position for item in pending)
        _mark()
    return len(pending)


def _mark() -> None:
    outbox.mark_published(process_context.engine(), _unmarked)
    _unmarked.clear()
