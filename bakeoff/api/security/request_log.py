"""Logs one line for each request, and gives the request an id, which is in all log lines written for it.

Query strings and headers are not logged: a token may be in them.
"""

import logging
import re
import time
from collections.abc import Mapping
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bakeoff.settings import log_setup

log = logging.getLogger(__name__)

REQUEST_ID = "X-Request-ID"

_GIVEN = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_RUNS = "/api/ml/evaluations/"
_WATCHED = ("/health", "/metrics")  #: monitors request these every few seconds
_NO_ANSWER = 499  #: the client left before there was an answer


class RequestLog:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        request_id = given if _GIVEN.fullmatch(given) else str(uuid4())
        status, began = _NO_ANSWER, time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with log_setup.with_ids(requestId=request_id):
            try:
                await self._app(scope, receive, sending)
            finally:
                _log_request(scope, status, time.perf_counter() - began)


def _run_in(path: str, parameters: Mapping[str, str]) -> Mapping[str, str]:
    return {"runId": parameters["id"]} if path.startswith(_RUNS) and "id" in parameters else {}


def _log_request(scope: Scope, status: int, took_s: float) -> None:
    principal = scope.get("state", {}).get("principal")
    path = scope["raw_path"].decode("latin-1")  # still percent-encoded, so it cannot forge a log line
    fields = {
        "method": scope["method"],
        "path": path,
        "status": status,
        "durationMs": round(took_s * 1000, 1),
        **({"principal": principal.name} if principal else {}),
        **_run_in(path, scope.get("path_params", {})),
    }
    level = logging.DEBUG if path.startswith(_WATCHED) else logging.INFO
    with log_setup.with_ids(**fields):
        log.log(level, "%s %s: %d", fields["method"], path, status)
