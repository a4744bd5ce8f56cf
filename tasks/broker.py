"""The Redis of this deployment: where it is, keeping the embedded one alive, and a look inside."""

from functools import cache

import redis
from redis.exceptions import RedisError

from tasks import embedded, wiring

EVALUATIONS = "evaluations"  #: doorbells of jobs
CONTROL = "control"  #: everything else, so that it never waits behind a fit


def url() -> str:
    """As Celery writes it. The embedded Redis may not be running."""
    given = wiring.configuration().settings.broker_url
    return given or embedded.expected(wiring.configuration().data_dir).url


def is_running() -> bool:
    """Whether it answers; nothing is started."""
    if wiring.configuration().settings.broker_url is None:
        return embedded.attach(wiring.configuration().data_dir) is not None
    try:
        return bool(client().ping())
    except RedisError:
        return False


@cache
def hold() -> embedded.Hold | None:
    """Start the embedded Redis if it is needed, and keep it for as long as this process lives."""
    if wiring.configuration().settings.broker_url:
        return None
    return embedded.hold(wiring.configuration().data_dir)


@cache
def client() -> redis.Redis:
    given = wiring.configuration().settings.broker_url
    where = given or embedded.expected(wiring.configuration().data_dir).client_url
    return redis.Redis.from_url(where, socket_timeout=5, socket_connect_timeout=5)


def messages_waiting(queue: str) -> int | None:
    """Length of the queue; None when the broker cannot be reached."""
    settings = wiring.configuration().settings
    prefix = settings.broker_prefix if settings.broker_url else ""
    try:
        return int(client().llen(prefix + queue))
    except RedisError:
        return None
