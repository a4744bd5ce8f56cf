"""Access control in front of all routes: the token, the origin and the size of each request.

While there are no tokens, every user of this machine may use the API, which then listens on loopback only.
The browser of such a user would also send it requests of web pages. Therefore two headers are checked: `Host`
reveals a foreign name that points to this machine (DNS rebinding), `Origin` a page of another site.
"""

from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bakeoff.api import problem_details
from bakeoff.api.problem_details import RequestRefused
from bakeoff.api.security.tokens import LOCAL, Principal, Tokens
from bakeoff.domain.errors import BakeoffError, InfrastructureError

MOST_BYTES = 256 * 1024  #: of a request's body
PUBLIC = frozenset({"/health/live", "/health/ready", "/openapi.json"})

_BEARER = "bearer "
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

#: No response may be embedded in a page, cached, or have its type guessed.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, kw_only=True)
class AccessRules:
    tokens: Tokens
    host: str  #: the address that the API listens on
    origins: Collection[str] = ()  #: of web pages on other sites that may use the API


class RequestGuard:
    def __init__(self, app: ASGIApp, rules: AccessRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            principal = _admit(scope, Headers(scope=scope), self._rules)
        except RequestRefused as exc:
            await problem_details.response(scope, exc)(scope, receive, send)
            return
        except BakeoffError as exc:
            # The tokens file is broken. No client can repair it, so this is no error in the request.
            ours = InfrastructureError(str(exc))
            await problem_details.response(scope, ours)(scope, receive, send)
            return
        scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, _counted(receive), send)


def _counted(receive: Receive) -> Receive:
    """Counts the bytes of a body as it arrives: it may come without a Content-Length."""
    received = 0

    async def receiving() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        _refuse_large(received)
        return message

    return receiving


def _admit(scope: Scope, headers: Headers, rules: AccessRules) -> Principal | None:
    """The sender of the request; None at a public path, which needs no token."""
    length = headers.get("content-length", "0")
    _refuse_large(int(length) if length.isdecimal() else 0)
    is_open = is_loopback(rules.host) and not rules.tokens.known()
    if is_open:
        _refuse_foreign_host(headers, rules)
    if scope["method"] not in _SAFE_METHODS:
        _refuse_foreign_origin(headers, rules)
    if is_open:
        return LOCAL
    return None if scope["path"] in PUBLIC else _identify(headers, rules.tokens)


def _refuse_large(size: int) -> None:
    if size > MOST_BYTES:
        raise RequestRefused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body has {size:,} bytes or more, and {MOST_BYTES:,} are allowed",
            field="body",
        )


def _refuse_foreign_host(headers: Headers, rules: AccessRules) -> None:
    host = _split("//" + headers.get("host", "")).hostname or ""
    if host not in {"localhost", rules.host} and not _is_loopback_address(host):
        raise RequestRefused(
            HTTPStatus.FORBIDDEN,
            f"without tokens this API answers only to its own name, not to {host!r}: use localhost, "
            "or make a token with `bakeoff api token NAME`",
            field="header.Host",
        )


def _refuse_foreign_origin(headers: Headers, rules: AccessRules) -> None:
    origin = headers.get("origin")
    if origin is None or origin in rules.origins or _split(origin).netloc == headers.get("host"):
        return
    raise RequestRefused(
        HTTPStatus.FORBIDDEN,
        f"web pages from {origin!r} may not use this API: name them in apiOrigins",
        field="header.Origin",
    )


def _identify(headers: Headers, tokens: Tokens) -> Principal:
    given = headers.get("authorization", "")
    if not given.lower().startswith(_BEARER):
        raise _unauthorized("a token is needed: send the header `Authorization: Bearer TOKEN`")
    principal = tokens.owner(given[len(_BEARER) :].strip())
    if principal is None:
        raise _unauthorized("the token is not known: `bakeoff api token NAME` makes one")
    return principal


def _unauthorized(detail: str) -> RequestRefused:
    return RequestRefused(
        HTTPStatus.UNAUTHORIZED,
        detail,
        field="header.Authorization",
        headers={"WWW-Authenticate": 'Bearer realm="bakeoff"'},
    )


def _split(address: str) -> SplitResult:
    """The parts of the address. One that cannot be parsed gets no host, and is refused therefore."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def is_loopback(host: str) -> bool:
    return host == "localhost" or _is_loopback_address(host)


def _is_loopback_address(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class SecurityHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, sending)
