"""The FastAPI application: its routes and the middleware in front of them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from pydantic.alias_generators import to_camel
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bakeoff.api import problem_details
from bakeoff.api.handler_services_and_rights import READERS, Service
from bakeoff.api.routes import (
    catalog_routes,
    evaluation_routes,
    feedback_routes,
    health_routes,
    metrics_routes,
    registry_routes,
    schedule_routes,
    signal_routes,
    suite_routes,
)
from bakeoff.api.schemas.run_response_schemas import STREAMED
from bakeoff.api.security.audit_trail import AuditTrail
from bakeoff.api.security.page_sessions import PageSessions
from bakeoff.api.security.request_guard import PUBLIC, AccessRules, RequestGuard, SecurityHeaders, is_page
from bakeoff.api.security.request_log import REQUEST_ID, RequestLog
from bakeoff.api.security.tokens import Tokens
from bakeoff.domain.errors import BakeoffError
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import Configuration

if TYPE_CHECKING:
    from sqlalchemy import Engine

_ALWAYS_POSSIBLE = (401, 403, 422, 500, 503)
_DESCRIPTION = "Bake-offs for machine-learning models: many candidates, one dataset, one leaderboard."


@dataclass(frozen=True, kw_only=True)
class MountedPages:
    """What serves the pages, beside the API and behind the same access control."""

    app: ASGIApp
    refusal: Callable[[Scope, problem_details.RequestRefused | BakeoffError], Response]


class Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """With problem details for every error, the streamed events, and where a token is needed."""
        if self.openapi_schema is None:
            document = super().openapi()
            components = document["components"]
            components["schemas"] |= {"Problem": dict(problem_details.SCHEMA), **_streamed()}
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    operation["security"] = [] if path in PUBLIC else [{"token": []}]
        return super().openapi()


def _streamed() -> dict[str, Any]:
    _, found = models_json_schema(
        [(model, "serialization") for model in STREAMED], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def create_app(
    context: Context,
    tokens: Tokens,
    *,
    is_stopping: Callable[[], bool] = lambda: False,
    pages: Callable[[Service, PageSessions], MountedPages] | None = None,
) -> FastAPI:
    """`pages` makes the pages; None: the API is served alone."""
    configuration = context.configuration
    app = Api(
        title="Bakeoff",
        version=version("bakeoff"),
        description=_DESCRIPTION,
        docs_url=None,  # its page loads scripts from another site
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: to_camel(route.name),
        responses=problem_details.documented(*_ALWAYS_POSSIBLE),
        lifespan=_lifespan,
    )
    service = app.state.service = Service(
        context=context,
        broker=health_routes.broker_probe(context),
        database=health_routes.database_probe(context),
        counts=metrics_routes.counts_probe(context),
        is_stopping=is_stopping,
    )
    for part in (
        evaluation_routes,
        suite_routes,
        schedule_routes,
        catalog_routes,
        registry_routes,
        feedback_routes,
        signal_routes,
        health_routes,
        metrics_routes,
    ):
        app.include_router(part.router)
    app.add_exception_handler(BakeoffError, problem_details.of_bakeoff)
    app.add_exception_handler(HTTPException, problem_details.of_http)
    app.add_exception_handler(RequestValidationError, problem_details.of_validation)
    sessions = PageSessions(tokens, configuration.pages_secret_file) if pages else None
    mounted = pages(service, sessions) if pages and sessions else None
    _add_middleware(
        app, configuration, tokens, sessions=sessions, pages=mounted, engine=lambda: context.engine
    )
    return app


class _PagesOrApi:
    """Sends requests for pages to the pages, and all others on to the API."""

    def __init__(self, app: ASGIApp, *, pages: ASGIApp) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        goes_to = self._pages if scope["type"] == "http" and is_page(scope["path"]) else self._app
        await goes_to(scope, receive, send)


def _add_middleware(
    app: FastAPI,
    configuration: Configuration,
    tokens: Tokens,
    *,
    sessions: PageSessions | None,
    pages: MountedPages | None,
    engine: "Callable[[], Engine]",
) -> None:
    """The middleware that is added last runs first."""
    settings = configuration.settings
    origins = settings.api_origins or []
    refusal = pages.refusal if pages else problem_details.response
    if pages:
        app.add_middleware(_PagesOrApi, pages=pages.app)
    app.add_middleware(AuditTrail, engine=engine)
    app.add_middleware(
        RequestGuard,
        rules=AccessRules(
            tokens=tokens, host=settings.api_host, origins=origins, sessions=sessions, refusal=refusal
        ),
    )
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", REQUEST_ID],
            expose_headers=["Location", REQUEST_ID],
        )
    app.add_middleware(problem_details.InternalErrors)
    app.add_middleware(SecurityHeaders, pages=pages is not None)
    app.add_middleware(RequestLog)


@asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = READERS
    yield
