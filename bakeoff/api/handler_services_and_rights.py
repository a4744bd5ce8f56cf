"""Checks of a request before its body is read, and the objects that all handlers share.

What handlers depend on are coroutines, though they wait for nothing: FastAPI would run each plain function in
a thread of its own, and a request would wait there for its turn, once for each.
"""

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


async def json_only(request: Request) -> None:
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

#: How many starts that read data may be under way at once. Others wait, without taking a thread.
_STARTERS = 3

#: How many starts on data that this process remembers. They compute for some milliseconds each: side by side
#: they would only take the interpreter from each other, and from readers.
_QUICK_STARTERS = 1

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
    quick_starters: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_QUICK_STARTERS))
    registry_users: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_REGISTRY_USERS))

    async def start(self, work: Callable[P, T], *args: P.args, **given: P.kwargs) -> T:
        """Runs slow work, which reads data or uses the broker. It takes no thread from the readers."""
        return await to_thread.run_sync(partial(work, *args, **given), limiter=self.starters)

    async def start_on(self, dataset: str, work: Callable[P, T], *args: P.args, **given: P.kwargs) -> T:
        """Runs the start of a run on this dataset. One that reads no data does not wait for those that do."""
        quick = self.context.pin_cache.is_likely_to_know(dataset)
        limiter = self.quick_starters if quick else self.starters
        return await to_thread.run_sync(partial(work, *args, **given), limiter=limiter)

    async def use_registry(self, work: Callable[P, T], *args: P.args, **given: P.kwargs) -> T:
        """Runs work on the registry, which may be a remote server, in threads of its own."""
        return await to_thread.run_sync(partial(work, *args, **given), limiter=self.registry_users)


async def _service(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


async def _context(request: Request) -> Context:
    found: Context = request.app.state.service.context
    return found


async def _principal(request: Request) -> Principal:
    """The sender, as `RequestGuard` has identified it. Handlers of public paths do not use this."""
    found: Principal = request.state.principal
    return found


async def _admin(principal: Annotated[Principal, Depends(_principal)]) -> Principal:
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
