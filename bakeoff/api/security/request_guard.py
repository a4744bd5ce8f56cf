"""Access control in front of all routes: the token, the origin and the size of each request.

While there are no tokens, every user of this machine may use the API, which then listens on loopback only.
The browser of such a user would also send it requests of web pages. Therefore two headers are checked: `Host`
reveals a foreign name that points to this machine (DNS rebinding), `Origin` a page of another site.

A browser that looks at our pages sends the cookie of its session instead of a token. It also sends it along
with what pages on other ports of this host ask for, so a request that changes something needs proof that it
comes from one of our own pages.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bakeoff.api import problem_details
from bakeoff.api.problem_details import RequestRefused
from bakeoff.api.security.page_sessions import PageSessions
from bakeoff.api.security.tokens import LOCAL, Principal, Tokens
from bakeoff.domain.errors import BakeoffError, InfrastructureError

MOST_BYTES = 256 * 1024  #: of a request's body
PUBLIC = frozenset({"/health/live", "/health/ready", "/openapi.json"})

#: What the pages need no session for.
LOGIN, STATIC = "/login", "/static/"

_API_PLACES = ("/api", "/health", "/metrics", "/openapi.json")
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

#: Of pages: their own files and nothing else, and no text becomes markup in a script except through one
#: policy. With `no-referrer`, Chromium sends `Origin: null` along with our own forms.
_PAGE_HEADERS = {
    **_HEADERS,
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types bakeoff"
    ),
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, kw_only=True)
class AccessRules:
    tokens: Tokens
    host: str  #: the address that the API listens on
    origins: Collection[str] = ()  #: of web pages on other sites that may use the API
    sessions: PageSessions | None = None  #: None: no pages are served, and only tokens are accepted
    #: Answers requests that are refused.
    refusal: Callable[[Scope, RequestRefused | BakeoffError], Response] = problem_details.response


def is_page(path: str) -> bool:
    """Whether the path is one of the pages, and not of the API, where both are served."""
    return not any(path == place or path.startswith(f"{place}/") for place in _API_PLACES)


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
            await self._rules.refusal(scope, exc)(scope, receive, send)
            return
        except BakeoffError as exc:
            # The tokens file is broken. No client can repair it, so this is no error in the request.
            ours = InfrastructureError(str(exc))
            await self._rules.refusal(scope, ours)(scope, receive, send)
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
    path, changes = scope["path"], scope["method"] not in _SAFE_METHODS
    if changes:
        _refuse_foreign_origin(headers, rules)
    if rules.sessions and changes and is_page(path):
        _refuse_foreign_forms(headers)
    if is_open:
        return LOCAL
    if path in PUBLIC or (rules.sessions and (path == LOGIN or path.startswith(STATIC))):
        return None
    with_cookie = rules.sessions.owner(headers) if rules.sessions else None
    if with_cookie is None or "authorization" in headers:
        return _identify(headers, rules.tokens)
    if changes:
        _refuse_foreign_forms(headers)
    return with_cookie


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


def _refuse_foreign_forms(headers: Headers) -> None:
    """Refuses what was not sent by one of our own pages.

    Ports do not tell cookies apart, and to SameSite the other ports of a host are the same site: without
    this, any page on another port of this machine could act with the cookie of our user.
    """
    site = headers.get("sec-fetch-site")
    if site == "same-origin":
        return
    origin = headers.get("origin")
    if site is None and origin is not None and _split(origin).netloc == headers.get("host"):
        return
    raise RequestRefused(
        HTTPStatus.FORBIDDEN,
        "this request does not come from a page of Bakeoff: open the page, and send its form; programs use a "
        "token, and the paths under /api",
        field="header.Sec-Fetch-Site",
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
    def __init__(self, app: ASGIApp, *, pages: bool = False) -> None:
        """`pages`: whether pages are served, too, which need headers of their own."""
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        headers = _PAGE_HEADERS if self._pages and is_page(path) else _HEADERS

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                kept = given.get("cache-control") if path.startswith(STATIC) else None
                given.update(headers)
                if kept:
                    given["cache-control"] = kept
            await send(message)

        await self._app(scope, receive, sending)
