"""Responses: a page, a table as a file, the way to another page, and what went wrong as a page of its own."""

from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any
from urllib.parse import quote, urlencode

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from bakeoff.api import problem_details
from bakeoff.api.handler_services_and_rights import Service
from bakeoff.api.problem_details import RequestRefused
from bakeoff.api.security.page_sessions import PageSessions, cookies_in
from bakeoff.api.security.request_guard import LOGIN, is_page
from bakeoff.domain.errors import BakeoffError, InvalidInputError, NotFoundError
from bakeoff.domain.wording import masked
from bakeoff.evaluation.planning.errors_in_request_words import IN_FORM, in_request_words
from bakeoff.web.page_request_and_answer import Answer, Download, Page, SeeOther, Visit, visit_of
from bakeoff.web.page_templates import render
from bakeoff.web.table_downloads import FORMS, ShownTable

#: The field of each form that proves that the form is one of ours.
FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field

THEME = "bakeoff_theme"
THEMES = ("light", "dark")

_TITLES = {
    401: "Please log in",
    403: "Not allowed",
    404: "Not found",
    409: "Not possible now",
    413: "Too large",
    422: "That does not work",
    503: "Not available",
}


#: What a page watches, and how far it had come when the page was made.
Live = tuple[str, str]
_NOT_LIVE: Live = ("", "")


def respond(visit: Visit, answer: Answer, *, ending: str | None, live: Live = _NOT_LIVE) -> Response:
    """`ending`: of the path, that asks for a table as a file."""
    if isinstance(answer, SeeOther):
        return _redirect(answer)
    if isinstance(answer, Download):
        headers = {"Content-Disposition": f'attachment; filename="{answer.name}"'}
        return Response(answer.text, media_type=answer.media_type, headers=headers)
    return _page(visit, answer, live) if ending is None else _file(visit, answer, ending)


def _page(visit: Visit, page: Page, live: Live = _NOT_LIVE) -> Response:
    return HTMLResponse(render(page.template, {**_frame(visit, page, live), **page.data}), page.status)


def _frame(visit: Visit, page: Page, live: Live) -> dict[str, Any]:
    """What every template may use."""
    theme = cookies_in(visit.headers).get(THEME)
    return {
        "visit": visit,
        "live_topic": live[0],
        "live_mark": live[1],
        "page": page,
        "files": [_file_links(visit, table, place) for place, table in enumerate(page.tables)],
        "theme": theme if theme in THEMES else "",
        "version": version("bakeoff"),
        "token_field": FORM_TOKEN,
    }


def _file_links(visit: Visit, table: ShownTable, place: int) -> dict[str, str]:
    """The addresses of a table as a file, by ending. The first table of a page needs no name."""
    query = {name: values for name, values in visit.query.items() if name != "table"}
    named = urlencode({**query, **({"table": table.name} if place else {})}, doseq=True)
    path = quote(visit.path, safe="/")
    return {ending: f"{path}{ending}{'?' + named if named else ''}" for ending in FORMS}


def _file(visit: Visit, page: Page, ending: str) -> Response:
    name = visit.asked("table")
    table = next((table for table in page.tables if name in {"", table.name}), None)
    if table is None:
        names = ", ".join(table.name for table in page.tables) or "none"
        raise NotFoundError(f"this page has no table {name!r}: there are {names}")
    disposition = f'inline; filename="{table.name}{ending}"'
    return Response(
        table.write(ending), media_type=FORMS[ending], headers={"Content-Disposition": disposition}
    )


def _redirect(answer: SeeOther) -> Response:
    response = RedirectResponse(answer.to, HTTPStatus.SEE_OTHER)
    for cookie in answer.cookies:
        response.set_cookie(
            cookie.name,
            cookie.value,
            max_age=cookie.max_age_s,
            secure=cookie.is_secure,
            httponly=cookie.is_for_server_alone,
            samesite="strict",
        )
    return response


def check_form(visit: Visit) -> None:
    if not visit.sessions.accepts_form(visit.headers, visit.given(FORM_TOKEN)):
        raise RequestRefused(
            HTTPStatus.FORBIDDEN,
            "this form is too old, or not one of ours: open its page again, and send it from there",
            field=f"body.{FORM_TOKEN}",
        )


def error_page(visit: Visit, exc: BakeoffError | HTTPException, *, form: str | None = None) -> Response:
    """What is wrong and what helps, in the words of the error. `form`: the page where it can be mended."""
    if isinstance(exc, HTTPException):
        return _wrong(visit, exc.status_code, exc.detail)
    detail = masked(in_request_words(str(exc), design=IN_FORM))
    back = f"{form}?{_given_again(visit)}" if form and isinstance(exc, InvalidInputError) else None
    return _wrong(visit, problem_details.status_of(exc), detail, back=back)


def _given_again(visit: Visit) -> str:
    """What was given, by the address or by a form, as the query of the page that asks for it."""
    given = visit.form or visit.query
    ours = {FORM_TOKEN, "key"}
    return urlencode({name: values for name, values in given.items() if name not in ours}, doseq=True)


def fault_page(visit: Visit, incident: str) -> Response:
    detail = (
        f"This is a bug in Bakeoff, and not in what you did. The log has the details: incident {incident}."
    )
    return _wrong(visit, HTTPStatus.INTERNAL_SERVER_ERROR, detail)


def _wrong(visit: Visit, status: int, detail: str, *, back: str | None = None) -> Response:
    data = {"sentences": _sentences(detail), "back": back}
    title = _TITLES.get(status, "Something went wrong")
    return _page(visit, Page(template="error.html", title=title, data=data, status=status))


def _sentences(detail: str) -> Sequence[str]:
    """What is wrong, and after the first colon what helps; together where before it is a single word."""
    text = detail[:1].upper() + detail[1:]
    wrong, colon, cure = text.partition(": ")
    return [wrong, cure] if colon and " " in wrong else [text]


def refusal(
    service: Service, sessions: PageSessions, scope: Scope, exc: RequestRefused | BakeoffError
) -> Response:
    """The answer to a request that did not get past the access control."""
    wants_page = "text/html" in Headers(scope=scope).get("accept", "")
    if not is_page(scope["path"]) or not wants_page:
        return problem_details.response(scope, exc)
    request = Request(scope)
    if isinstance(exc, RequestRefused) and exc.status_code == HTTPStatus.UNAUTHORIZED:
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{LOGIN}?{urlencode({'next': back})}", HTTPStatus.SEE_OTHER)
    return error_page(visit_of(request, service, sessions), exc)
