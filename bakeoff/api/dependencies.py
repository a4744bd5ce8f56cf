"""Checks of a request before its body is read, and the objects that all handlers share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from functools import partial
from http import HTTPStatus
from typing import Annotated, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Depends
from starlette.requests import Request

from bakeoff.api.cached_probe import CachedProbe
from bakeoff.api.problem_details import RequestRefused
from bakeoff.api.security.tokens import Principal, Role
from bakeoff.api.shared_change_watchers import SharedWatchers
from bakeoff.operations.context import Context
from bakeoff.operations.doctor.broker_check import BrokerStatus
from bakeoff.operations.doctor.database_check import DatabaseStatus
from bakeoff.store.monitoring.metric_counts import MetricCounts


def json_only(request: Request) -> None:
    """Refuses a body that is not JSON.

    This also stops forms of web pages: a browser sends JSON only after a CORS preflight.
    """
    given = request.headers.get("content-type", "")
    header = Message()
    header["content-type"] = given
    if header.get_content_type() != "application/json":
        raise RequestRefused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"the body is {given!r}: send JSON, as application/json",
            field="header.Content-Type",
        )


P = ParamSpec("P")
T = TypeVar("T")

#: How many runs are started at once. Other requests to start one wait, without taking a thread.
_STARTERS = 4

#: How many requests use the registry of trained models at once.
_REGISTRY_USERS = 4

#: Threads of all other handlers. Readers and starters together need no more connections to the database than
#: the engine keeps.
READERS = 10


@dataclass(frozen=True, kw_only=True)
class Service:
    context: Context
    broker: CachedProbe[BrokerStatus]
    database: CachedProbe[DatabaseStatus]
    counts: CachedProbe[MetricCounts]
    is_stopping: Callable[[], bool]
    watchers: SharedWatchers = field(default_factory=SharedWatchers)
    starters: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_STARTERS))
    registry_users: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_REGISTRY_USERS))

    async def start(self, work: Callable[P, T], *args: P.args, **given: P.kwargs) -> T:
        """Runs slow work, which reads data or uses the broker. It takes no thread from the readers."""
        return await to_thread.run_sync(partial(work, *args, **given), limiter=self.starters)

    async def use_registry(self, work: Callable[P, T], *args: P.args, **given: P.kwargs) -> T:
        """Runs work on the registry, which may be a remote server, in threads of its own."""
        return await to_thread.run_sync(partial(work, *args, **given), limiter=self.registry_users)


def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


async def _context(request: Request) -> Context:
    found: Context = request.app.state.service.context
    return found


def _principal(request: Request) -> Principal:
    """The sender, as `RequestGuard` has identified it. Handlers of public paths do not use this."""
    found: Principal = request.state.principal
    return found


def _admin(principal: Annotated[Principal, Depends(_principal)]) -> Principal:
    if principal.role is not Role.ADMIN:
        raise RequestRefused(
            HTTPStatus.FORBIDDEN,
            f"this needs the role admin, and {principal.name} has the role {principal.role}",
            field="header.Authorization",
        )
    return principal


TheService = Annotated[Service, Depends(_service)]
TheContext = Annotated[Context, Depends(_context)]
ThePrincipal = Annotated[Principal, Depends(_principal)]
AnAdmin = Annotated[Principal, Depends(_admin)]
