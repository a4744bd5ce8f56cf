"""The application that serves the pages: from a request to a handler, and from its answer to a response.

Handlers are plain functions from a `Visit` to a `Page`. Each runs in a thread of the pool that its route
names, as the handlers of the API do. What they raise becomes a page that says what is wrong; a bug of ours
gets an incident id there, and its traceback stands in the log alone.
"""

import asyncio
import logging
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import cast
from uuid import uuid4

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bakeoff.api import problem_details
from bakeoff.api.app import MountedPages
from bakeoff.api.handler_services_and_rights import Service
from bakeoff.api.problem_details import RequestRefused
from bakeoff.api.security.page_sessions import PageSessions
from bakeoff.api.security.request_guard import STATIC
from bakeoff.domain.errors import BakeoffError, NotFoundError
from bakeoff.operations.doctor.broker_check import BrokerStatus
from bakeoff.web import page_responses, static_files
from bakeoff.web.notify_open_pages_of_changes import LiveChanges
from bakeoff.web.page_request_and_answer import Handler, PageRoute, SeeOther, Visit, visit_of
from bakeoff.web.routes import (
    candidate_pages,
    compare_page,
    dataset_pages,
    ensemble_signal_pages,
    home_page,
    job_pages,
    login_pages,
    model_pages,
    queue_and_schedule_pages,
    run_actions,
    run_pages,
    run_pareto_pairs_setup_pages,
    settings_and_audit_pages,
    start_run_pages,
    suite_pages,
)
from bakeoff.web.table_downloads import FORMS

log = logging.getLogger(__name__)

_LEAST_GZIPPED = 1000


def make_pages(service: Service, sessions: PageSessions) -> MountedPages:
    return MountedPages(
        app=_PageApp(service, sessions), refusal=partial(page_responses.refusal, service, sessions)
    )


class _PageApp:
    def __init__(self, service: Service, sessions: PageSessions) -> None:
        self._service = service
        self._sessions = sessions
        self._changes = LiveChanges(service.context, service.watchers, is_stopping=service.is_stopping)
        self._app = Starlette(
            routes=[
                Route(STATIC + "{file:path}", _static),
                Route("/live/{topic:path}", self._live),
                *map(self._route, PAGES),
            ],
            middleware=[Middleware(GZipMiddleware, minimum_size=_LEAST_GZIPPED)],
            exception_handlers={HTTPException: self._without_route},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(_without_ending(scope), receive, send)

    def _route(self, page: PageRoute) -> Route:
        async def answer(request: Request) -> Response:
            return await self._answer(page, request)

        methods = [*(["GET"] if page.show else []), *(["POST"] if page.act else [])]
        return Route(page.path, answer, methods=methods)

    async def _answer(self, page: PageRoute, request: Request) -> Response:
        body = await request.body() if request.method == "POST" else b""
        visit = self._visit(request, body.decode("utf-8", "replace"))
        try:
            return await self._handle(page, visit, request.scope["table_ending"])
        except (BakeoffError, HTTPException) as exc:
            return page_responses.error_page(visit, exc, form=page.form)
        except Exception:  # any bug in a handler or a template: the visitor gets an id, the log the traceback
            incident = str(uuid4())
            log.exception("incident %s at %s", incident, visit.path)
            return page_responses.fault_page(visit, incident)

    async def _handle(self, page: PageRoute, visit: Visit, ending: str | None) -> Response:
        handler = page.act if visit.method == "POST" else page.show
        if handler is None:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)
        if visit.method == "POST":
            page_responses.check_form(visit)
        if page.broker_wait_s:
            visit = replace(visit, broker=await self._broker(page.broker_wait_s))
        work = partial(self._work, handler, visit, page.live, ending)
        if page.is_slow:
            return await self._service.start(work)
        if page.uses_registry:
            return await self._service.use_registry(work)
        return await run_in_threadpool(work)

    async def _broker(self, wait_s: float) -> BrokerStatus | None:
        """What is known of the broker by then. The probe goes on, and the next visit finds its result."""
        probing = asyncio.ensure_future(self._service.broker.read())
        await asyncio.wait([probing], timeout=wait_s)
        if not probing.done():
            probing.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            return None
        return None if probing.exception() else probing.result()

    def _work(self, handler: Handler, visit: Visit, live: str | None, ending: str | None) -> Response:
        """In a thread. The mark is taken before anything is read: a change meanwhile is then seen as new."""
        topic = live.format(**visit.parts) if live and ending is None else ""
        mark = self._changes.mark(topic) if topic else ""
        answer = handler(visit)
        if isinstance(answer, SeeOther) and ending is not None:
            path, mark_of_query, query = answer.to.partition("?")
            answer = SeeOther(to=f"{path}{ending}{mark_of_query}{query}")  # the same table there
        return page_responses.respond(visit, answer, ending=ending, live=(topic, mark))

    async def _live(self, request: Request) -> Response:
        try:
            return await self._changes.stream(request.path_params["topic"])
        except BakeoffError as exc:
            return PlainTextResponse(str(exc), HTTPStatus.NOT_FOUND)

    async def _without_route(self, request: Request, exc: Exception) -> Response:
        problem = cast("HTTPException", exc)
        if "text/html" not in request.headers.get("accept", ""):
            # A program that mistook a path of the API is told so in the format of the API.
            return problem_details.response(request.scope, _as_refusal(problem, request))
        missing = NotFoundError(f"there is no page {request.url.path!r}: the list above leads to all of them")
        is_missing = problem.status_code == HTTPStatus.NOT_FOUND
        return page_responses.error_page(self._visit(request), missing if is_missing else problem)

    def _visit(self, request: Request, body: str = "") -> Visit:
        return visit_of(request, self._service, self._sessions, body)


def _as_refusal(problem: HTTPException, request: Request) -> RequestRefused:
    detail = (
        f"this path does not answer to {request.method}"
        if problem.status_code != HTTPStatus.NOT_FOUND
        else ""
    )
    return RequestRefused(HTTPStatus(problem.status_code), detail or "there is nothing here", field="path")


async def _static(request: Request) -> Response:
    return static_files.serve(request.url.path)


def _without_ending(scope: Scope) -> Scope:
    """The path of the page, and apart from it the ending that asks for its table as a file.

    Only a plain ending counts. Addresses that we make write the dot of a name such as `sales.csv` as %2E.
    """
    raw = scope.get("raw_path", b"").partition(b"?")[0].decode("ascii", "replace")
    ending = next((ending for ending in FORMS if raw.endswith(ending)), None)
    if ending is None or scope["path"].startswith(STATIC):
        return {**scope, "table_ending": None}
    return {**scope, "table_ending": ending, "path": scope["path"].removesuffix(ending)}


PAGES: tuple[PageRoute, ...] = (
    *home_page.PAGES,
    *login_pages.PAGES,
    *run_pages.LIST,
    *start_run_pages.PAGES,
    *run_pages.PAGES,
    *run_actions.PAGES,
    *job_pages.PAGES,
    *run_pareto_pairs_setup_pages.PAGES,
    *suite_pages.PAGES,
    *compare_page.PAGES,
    *model_pages.PAGES,
    *dataset_pages.PAGES,
    *candidate_pages.PAGES,
    *queue_and_schedule_pages.PAGES,
    *ensemble_signal_pages.PAGES,
    *settings_and_audit_pages.PAGES,
)
