"""The Redis of this deployment: where it is, keeping the embedded one alive, and a look inside."""

from functools import cache
from pathlib import Path
from typing import cast

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from bakeoff.broker import embedded_redis
from bakeoff.domain.errors import InfrastructureError
from bakeoff.operations import process_context

EVALUATIONS = "evaluations"  #: doorbells of jobs
CONTROL = "control"  #: everything else, so that it never waits behind a fit

_PATIENCE_S = 2  #: whoever asks has other duties, and asks again


def url() -> str:
    """As Celery writes it. The embedded Redis may not be running."""
    given = process_context.configuration().settings.broker_url
    return given or embedded_redis.expected(process_context.configuration().data_dir).url


def key(name: str) -> str:
    """A key of ours among those of others."""
    return process_context.configuration().settings.broker_prefix + name


def is_running() -> bool:
    """Whether it answers; nothing is started."""
    if process_context.configuration().settings.broker_url is None:
        return embedded_redis.attach(process_context.configuration().data_dir) is not None
    try:
        return bool(client().ping())
    except RedisError:
        return False


def demand() -> None:
    """Hold it; an error when it is not there or takes nothing, for a person who would wait for nothing."""
    hold()
    try:
        client().ping()
    except ResponseError as exc:
        raise InfrastructureError(f"the broker {url()} takes no messages: {exc}") from exc
    except RedisError as exc:
        raise InfrastructureError(
            f"the broker {url()} cannot be reached: start it, or correct brokerUrl"
        ) from exc


def hold() -> embedded_redis.Hold | None:
    """Start the embedded Redis if it is needed, and keep it for as long as this process lives."""
    if process_context.configuration().settings.broker_url:
        return None
    return _hold(process_context.configuration().data_dir)


@cache
def _hold(data_dir: Path) -> embedded_redis.Hold:
    return embedded_redis.hold(data_dir)


def ensure() -> None:
    """Start the embedded Redis again after both it and its keeper were killed."""
    if not process_context.configuration().settings.broker_url:
        embedded_redis.ensure(process_context.configuration().data_dir)


def sockets() -> tuple[Path, ...]:
    """The folder in which the embedded Redis listens: whoever sees it commands the workers."""
    if process_context.configuration().settings.broker_url:
        return ()
    return (embedded_redis.expected(process_context.configuration().data_dir).socket.parent,)


def client() -> redis.Redis:
    given = process_context.configuration().settings.broker_url
    return _client(given or embedded_redis.expected(process_context.configuration().data_dir).client_url)


@cache
def _client(where: str) -> redis.Redis:
    """It tries twice, for a connection may have died since it was last used, and waits for nothing."""
    return redis.Redis.from_url(
        where, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S, retry=Retry(NoBackoff(), 1)
    )


def nobody_listens() -> bool:
    """Whether it is certain that no worker would hear a question: none listens to what is told to all."""
    try:
        return not client().pubsub_numpat()
    except RedisError:
        return False


def messages_waiting(queue: str) -> int | None:
    """Length of the queue; None when the broker cannot be reached."""
    try:
        return int(client().llen(_key_of(queue)))
    except RedisError:
        return None


def latest_messages(queue: str, *, most: int) -> list[bytes] | None:
    """Those that nobody has taken yet, as they are on the wire; None when the broker cannot be reached."""
    try:
        return cast("list[bytes]", client().lrange(_key_of(queue), 0, most - 1))
    except RedisError:
        return None


def _key_of(queue: str) -> str:
    settings = process_context.configuration().settings
    return settings.broker_prefix + queue if settings.broker_url else queue
