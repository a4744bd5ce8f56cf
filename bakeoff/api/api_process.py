"""The process that serves the API, until somebody says stop."""

import logging
import signal
import socket
from collections.abc import Callable
from ipaddress import ip_address

import uvicorn

from bakeoff.api.app import create_app
from bakeoff.api.security.access_control import is_loopback
from bakeoff.api.security.tokens import Tokens
from bakeoff.domain.errors import InfrastructureError, InvalidInputError
from bakeoff.operations.context import Context
from bakeoff.store.database import schema_version

log = logging.getLogger(__name__)

_GRACE_S = 10
_BACKLOG = 2048


def serve(context: Context, *, say: Callable[[str], None]) -> None:
    """`say` is told once where it listens, and who may come in."""
    configuration = context.configuration
    settings = configuration.settings
    tokens = Tokens(configuration.tokens_file, from_environment=configuration.token_digest)
    open_to_all = not tokens.known()
    if open_to_all and not is_loopback(settings.api_host):
        raise InvalidInputError(
            f"apiHost {settings.api_host} is reached from elsewhere, and no token tells who may come in: "
            "make one with `bakeoff api token NAME --role admin`, or listen on 127.0.0.1"
        )
    with listen(settings.api_host, settings.api_port) as listener:
        schema_version.ensure(context.engine)
        context.catalog()
        context.broker.hold()
        say(f"serving on {url_of(listener)}{_who(open_to_all=open_to_all)}; Ctrl-C stops")
        _run(context, tokens, listener)


def _who(*, open_to_all: bool) -> str:
    return ", open to every user of this machine, as admin, since there is no token" if open_to_all else ""


def _run(context: Context, tokens: Tokens, listener: socket.socket) -> None:
    stopping: Callable[[], bool] = lambda: server.should_exit  # noqa: E731
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(context, tokens, is_stopping=stopping),
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises it again at its end, and all is done by then
    server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """The port is taken before anything slow is done.

    It names its protocol, for only then asyncio sends at once what is written (TCP_NODELAY).
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as exc:
        raise _cannot_listen(host, port, exc) from exc
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as exc:
        listener.close()
        raise _cannot_listen(host, port, exc) from exc
    return listener


def _cannot_listen(host: str, port: int, exc: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"the API cannot listen on {host}, port {port}: {exc.strerror or exc}; is another one running? "
        "choose with apiHost and apiPort"
    )


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ip_address(host).version == 6 else host  # noqa: PLR2004 - of the protocol
    return f"http://{shown}:{port}"
