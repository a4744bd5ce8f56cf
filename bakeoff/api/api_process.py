"""The process that serves the API until it is stopped."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from email.utils import formatdate
from types import FrameType

import uvicorn
from uvicorn.server import ServerState

from bakeoff.api import served_address
from bakeoff.api.app import MountedPages, create_app
from bakeoff.api.handler_services_and_rights import Service
from bakeoff.api.listening_socket import listen, url_of
from bakeoff.api.security.page_sessions import PageSessions
from bakeoff.api.security.request_guard import is_loopback
from bakeoff.api.security.tokens import Tokens
from bakeoff.domain.errors import InvalidInputError
from bakeoff.operations.context import Context
from bakeoff.store.database import schema_version

log = logging.getLogger(__name__)

_GRACE_S = 10

#: Makes the pages that are served beside the API. The pages know the API, and not the other way round.
MakePages = Callable[[Service, PageSessions], MountedPages]


def serve(context: Context, *, say: Callable[[str], None], pages: MakePages | None = None) -> None:
    """`say` is called once, with where the API listens and who may use it."""
    configuration = context.configuration
    settings = configuration.settings
    tokens = Tokens(configuration.tokens_file, from_environment=configuration.token_digest)
    open_to_all = not tokens.known()
    if open_to_all and not is_loopback(settings.api_host):
        raise InvalidInputError(
            f"apiHost {settings.api_host} can be reached from other machines, and there is no token yet: "
            "make one with `bakeoff api token NAME --role admin`, or listen on 127.0.0.1"
        )
    with listen(settings.api_host, settings.api_port) as listener:
        schema_version.ensure(context.engine)
        context.catalog()
        context.broker.hold()
        served_address.note(configuration, url_of(listener))
        say(f"serving on {url_of(listener)}{_open_access_note(open_to_all=open_to_all)}; Ctrl-C stops")
        _run(context, tokens, listener, pages)


def _open_access_note(*, open_to_all: bool) -> str:
    return ", open to every user of this machine, as admin, since there is no token" if open_to_all else ""


def _run(context: Context, tokens: Tokens, listener: socket.socket, pages: MakePages | None) -> None:
    stopping: Callable[[], bool] = lambda: server.should_exit  # noqa: E731
    server = CalmServer(
        uvicorn.Config(
            create_app(context, tokens, is_stopping=stopping, pages=pages),
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again when it has ended. Nothing is left to do then.
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listener])


class _DatedAnswers(ServerState):
    """Has the header `Date` of the moment at which it is asked for its headers, as each request does."""

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"date", formatdate(usegmt=True).encode()), *self._others]

    @default_headers.setter
    def default_headers(self, others: list[tuple[bytes, bytes]]) -> None:
        self._others = others


class CalmServer(uvicorn.Server):
    """Wakes when there is a request, and when it has to stop; not ten times a second to write the date."""

    def __init__(self, config: uvicorn.Config) -> None:
        config.date_header = False  # ours is made without a clock that ticks
        super().__init__(config)
        self.server_state = _DatedAnswers()
        self._stop = asyncio.Event()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # at 0 it takes up the other headers
            await self._stop.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        asyncio.get_running_loop().call_soon_threadsafe(self._stop.set)
