"""Writes down who changed what over HTTP: from pages and from programs alike.

Left out is what brings data and changes nothing that exists (results and labels of other systems), and what
concerns the visitor alone (logging in and out, colours).
"""

import logging
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bakeoff.api import problem_details
from bakeoff.domain.errors import BakeoffError, InfrastructureError
from bakeoff.store.monitoring import audit_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from bakeoff.api.security.tokens import Principal

log = logging.getLogger(__name__)

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_KEPT = frozenset({"/api/ml/results", "/api/ml/labels", "/login", "/logout", "/theme"})


class AuditTrail:
    def __init__(self, app: ASGIApp, *, engine: "Callable[[], Engine]") -> None:
        self._app = app
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal: Principal | None = scope.get("state", {}).get("principal")
        is_kept = scope["type"] == "http" and scope["method"] not in _SAFE and scope["path"] not in _NOT_KEPT
        if principal is None or not is_kept:
            await self._app(scope, receive, send)
            return
        try:
            position = await run_in_threadpool(self._begin, scope, principal)
        except BakeoffError as exc:
            # What cannot be written down is not done.
            await problem_details.response(scope, exc)(scope, receive, send)
            return
        await self._app(scope, receive, self._noting(position, send))

    def _begin(self, scope: Scope, principal: "Principal") -> int:
        return audit_rows.begin(
            self._engine(),
            name=principal.name,
            role=principal.role,
            method=scope["method"],
            path=scope["path"],
        )

    def _noting(self, position: int, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                led_to = Headers(raw=message.get("headers", [])).get("location")
                await run_in_threadpool(self._end, position, message["status"], led_to)
            await send(message)

        return sending

    def _end(self, position: int, status: int, led_to: str | None) -> None:
        try:
            audit_rows.end(self._engine(), position, status=status, led_to=led_to)
        except InfrastructureError as exc:
            # It is done already, and the client is told so. Its entry stays without an outcome.
            log.warning("the outcome of request %s is not in the audit log: %s", position, exc)
