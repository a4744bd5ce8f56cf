"""The Redis of this deployment: its address, keeping the embedded one alive, and what is in its queues.

The library `redis` is imported when a server is first spoken to: that takes a tenth of a second, and a
notebook whose worker sends the messages never needs it.
"""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from bakeoff.broker import embedded_redis
from bakeoff.domain.errors import InfrastructureError
from bakeoff.settings.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

_Answer = TypeVar("_Answer")

_PATIENCE_S = 2  #: callers have other duties, and try again later


class Broker:
    """The Redis that the configuration names, or the embedded one of the data folder.

    Methods that only read return None or False when it cannot be reached; they raise nothing.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._given = configuration.settings.broker_url  #: None: the embedded one is used
        self._prefix = configuration.settings.broker_prefix
        self._data_dir = configuration.data_dir

    @property
    def url(self) -> str:
        """The URL in the form of Celery. The embedded Redis need not be running."""
        return self._given or embedded_redis.expected(self._data_dir).url

    @property
    def client(self) -> "redis.Redis":
        return _client(self._given or embedded_redis.expected(self._data_dir).client_url)

    def key(self, name: str) -> str:
        """A key of ours, with the prefix that separates it from those of other users of the same Redis."""
        return self._prefix + name

    def is_running(self) -> bool:
        """Whether it answers. Nothing is started."""
        if self._given is None:
            return embedded_redis.attach(self._data_dir) is not None
        return bool(self._asked(lambda client: client.ping()))

    def hold(self) -> embedded_redis.Hold | None:
        """Start the embedded Redis if it is needed, and keep it for as long as this process lives."""
        return None if self._given else _hold(self._data_dir)

    def release(self) -> None:
        """This process needs the embedded Redis no more, which ends when nobody holds it."""
        if not self._given:
            _hold(self._data_dir).release()
            _hold.cache_clear()

    def hold_or_fail(self) -> None:
        """Like `hold`, but raises an error if the broker is away or takes no messages.

        For commands whose user would otherwise wait for a run that cannot start.
        """
        self.hold()
        if (refusal := self.refusal()) is None:
            return
        if refusal:
            raise InfrastructureError(f"the broker {self.url} takes no messages: {refusal}")
        raise InfrastructureError(f"the broker {self.url} cannot be reached: start it, or correct brokerUrl")

    def refusal(self) -> str | None:
        """Why it takes no messages: "" if it cannot be reached, None if it does take them."""
        if self._given is None:
            return embedded_redis.refusal(self._data_dir)
        from redis.exceptions import AuthenticationError, RedisError, ResponseError

        try:
            self.client.ping()
        except AuthenticationError:  # for redis-py a kind of ConnectionError: but it does answer
            return "it wants another user or password than brokerUrl gives"
        except ResponseError as exc:
            return str(exc)
        except RedisError:
            return ""
        return None

    def ensure(self) -> None:
        """Start the embedded Redis again after both it and its keeper were killed."""
        if not self._given:
            embedded_redis.ensure(self._data_dir)

    def nobody_listens(self) -> bool:
        """Whether it is certain that no worker would receive a broadcast: no client subscribes to any."""
        return self._asked(lambda client: client.pubsub_numpat()) == 0

    def messages_waiting(self, queue: str) -> int | None:
        """Length of the queue; None when the broker cannot be reached."""
        return self._asked(lambda client: int(client.llen(self._key_of_queue(queue))))

    def latest_messages(self, queue: str, *, most: int) -> list[bytes] | None:
        """Messages that no worker has taken yet, undecoded; None when the broker cannot be reached."""
        key = self._key_of_queue(queue)
        return self._asked(lambda client: cast("list[bytes]", client.lrange(key, 0, most - 1)))

    def _asked(self, ask: "Callable[[redis.Redis], _Answer]") -> _Answer | None:
        """The answer of the server; None when it cannot be reached."""
        from redis.exceptions import RedisError

        try:
            return ask(self.client)
        except RedisError:
            return None

    def _key_of_queue(self, queue: str) -> str:
        """The Redis key of a queue. It has our prefix only in a Redis that others may use, too."""
        return self._prefix + queue if self._given else queue


@cache
def _hold(data_dir: Path) -> embedded_redis.Hold:
    """Holds the embedded Redis once per process. A second hold would only open one more file."""
    return embedded_redis.hold(data_dir)


#: What the parent holds, a forked child does not.
os.register_at_fork(after_in_child=_hold.cache_clear)


@cache
def _client(url: str) -> "redis.Redis":
    """A client that tries twice, since a connection may have died since its last use, and never for long."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S, retry=Retry(NoBackoff(), 1)
    )
