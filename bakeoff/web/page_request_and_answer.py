"""What a page is made of: the visit that asks for it, and what its handler answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers
from starlette.requests import Request

from bakeoff.api.handler_services_and_rights import Service
from bakeoff.api.problem_details import RequestRefused
from bakeoff.api.security.page_sessions import PageSessions
from bakeoff.api.security.tokens import LOCAL, Principal, Role
from bakeoff.domain.errors import InvalidInputError
from bakeoff.operations.context import Context
from bakeoff.operations.doctor.broker_check import BrokerStatus
from bakeoff.web.table_downloads import ShownTable

if TYPE_CHECKING:
    from sqlalchemy import Engine

_LONGEST = 2000  #: characters of one value in an address


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request for a page, or one form that was sent."""

    service: Service
    sessions: PageSessions
    principal: Principal | None  #: None on the page of the login alone
    method: str
    path: str  #: without the ending that asks for a table as a file
    query: Mapping[str, Sequence[str]]
    form: Mapping[str, Sequence[str]]  #: of a POST
    parts: Mapping[str, str]  #: named parts of the path
    headers: Headers
    client: str  #: its address
    is_secure: bool  #: over HTTPS
    broker: BrokerStatus | None = None  #: None where the page did not ask for it, or it has not answered yet

    @property
    def context(self) -> Context:
        return self.service.context

    @property
    def engine(self) -> "Engine":
        return self.context.engine

    @property
    def who(self) -> Principal:
        return self.principal or LOCAL

    @property
    def is_admin(self) -> bool:
        return self.who.role is Role.ADMIN

    def require_admin(self) -> None:
        if not self.is_admin:
            raise RequestRefused(
                HTTPStatus.FORBIDDEN,
                f"this needs the role admin, and {self.who.name} has the role {self.who.role}",
                field="header.Cookie",
            )

    def asked(self, name: str, default: str = "") -> str:
        """A value of the address; the last one, if there are several."""
        return _short(self.query.get(name, [default])[-1], name)

    def asked_all(self, name: str) -> list[str]:
        return [_short(value, name) for value in self.query.get(name, [])]

    def given(self, name: str, default: str = "") -> str:
        """A value of the form."""
        return _short(self.form.get(name, [default])[-1], name)

    def given_all(self, name: str) -> list[str]:
        return [_short(value, name) for value in self.form.get(name, [])]

    @cached_property
    def form_token(self) -> str:
        return self.sessions.form_token(self.headers)

    def address(self, **changed: str | None) -> str:
        """This page with other values in its address; None takes one away."""
        kept = {name: values for name, values in self.query.items() if name not in changed}
        new = {name: [value] for name, value in changed.items() if value}
        query = urlencode({**kept, **new}, doseq=True)
        return f"{self.path}?{query}" if query else self.path


def visit_of(request: Request, service: Service, sessions: PageSessions, body: str = "") -> Visit:
    return Visit(
        service=service,
        sessions=sessions,
        principal=getattr(request.state, "principal", None),
        method=request.method,
        path=request.scope["path"],
        query=values_of(request.url.query),
        form=values_of(body),
        parts={name: str(value) for name, value in request.path_params.items()},
        headers=request.headers,
        client=request.client.host if request.client else "",
        is_secure=request.url.scheme == "https",
    )


def _short(value: str, name: str) -> str:
    if len(value) > _LONGEST:
        raise InvalidInputError(f"{name} has {len(value):,} characters, and {_LONGEST:,} are allowed")
    return value


@dataclass(frozen=True, kw_only=True)
class Page:
    template: str
    title: str
    section: str = ""  #: the entry of the navigation that it belongs to
    data: Mapping[str, Any] = field(default_factory=dict)
    tables: Sequence[
        ShownTable
    ] = ()  #: what `.csv`, `.json` and `.md` offer; the first unless another is named
    status: int = 200


def confirmation(
    *,
    title: str,
    section: str,
    text: str,
    stays: Sequence[str],
    action: str,
    button: str,
    back: str,
    fields: Sequence[tuple[str, str]] = (),
    is_dangerous: bool = False,
    asks_reason: bool = False,
) -> Page:
    """What asks before something is done: `text` says what will happen, `stays` what is kept.

    The form is sent to `action` with these hidden `fields`; `asks_reason`: and with a reason, for the log.
    """
    data = {
        "text": text,
        "stays": stays,
        "action": action,
        "button": button,
        "back": back,
        "fields": fields,
        "is_dangerous": is_dangerous,
        "asks_reason": asks_reason,
    }
    return Page(template="confirm.html", title=title, section=section, data=data)


@dataclass(frozen=True, kw_only=True)
class SeeOther:
    """After a form: the browser goes on to this page, so that a reload sends nothing again."""

    to: str
    cookies: Sequence["SetCookie"] = ()


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file that the browser saves, and does not show as a page of ours."""

    name: str
    text: str
    media_type: str


@dataclass(frozen=True, kw_only=True)
class SetCookie:
    name: str
    value: str  #: empty: the cookie is deleted
    max_age_s: int
    is_secure: bool = False
    is_for_server_alone: bool = True


Answer = Page | SeeOther | Download
Handler = Callable[[Visit], Answer]


@dataclass(frozen=True, kw_only=True)
class PageRoute:
    path: str  #: as Starlette writes it
    show: Handler | None = None  #: answers GET
    act: Handler | None = None  #: answers POST, whose form token was checked
    is_slow: bool = False  #: reads data or uses the broker: it takes no thread from the readers
    uses_registry: bool = False
    broker_wait_s: float = 0.0  #: how long it may wait to learn who reads the queues; 0: it does not ask
    live: str | None = None  #: what is watched for changes: `all`, or `run/{id}` with the part of the path
    form: str | None = None  #: the page on which what was given here is changed, if it was wrong


def values_of(text: str) -> dict[str, list[str]]:
    """Of a query or a form. Names without a value count as absent, as in a form that was left empty."""
    return parse_qs(text, keep_blank_values=False, max_num_fields=2000)


def local_path(text: str) -> str:
    """The path, if it leads to a page of ours; else the first page. It may have been put there by anybody."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_ours and "\\" not in text else "/"
