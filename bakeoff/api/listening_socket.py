"""The socket that the API listens on. `bakeoff up` binds it, too, and loads nothing of the API for that."""

import socket
from ipaddress import ip_address

from bakeoff.domain.errors import InfrastructureError

_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Binds the port before anything slow is done, so that a port in use is an error at once.

    The socket is made with its protocol (TCP), or asyncio would not set TCP_NODELAY on its connections, and
    small writes would be delayed.
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
