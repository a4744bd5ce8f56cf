"""Errors as clients see them: problem details (RFC 9457) with the invalid fields, and never a traceback.

The status of each kind of error:

malformed JSON                    400      conflicts with its state  409
no token, or an unknown one       401      too large                 413
not allowed                       403      not JSON                  415
no such thing or route            404      something is invalid      422
no such method                    405      broker, database or disk  503
a bug in Bakeoff                  500, with an id under which the log has the traceback
"""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bakeoff.api.schemas.schema_base import UUID_PATTERN
from bakeoff.domain.errors import (
    BakeoffError,
    ConflictError,
    ForbiddenError,
    InfrastructureError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from bakeoff.domain.wording import counted, cut, masked, quoted
from bakeoff.evaluation.planning.errors_in_request_words import in_request_words
from bakeoff.evaluation.planning.parse_request_bodies import Body, no_key

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_AGAIN_S = "5"
_MALFORMED = "json_invalid"
_ALL_KEYS = "/openapi.json lists all keys"
_ID_CURE = "an id is 32 hexadecimal digits, written 8-4-4-4-12: give it in full, as lists have it"

#: Characters of each text of a response, whatever it quotes; and of one key in the name of a field.
_MOST_TEXT, _MOST_OF_A_KEY = 2000, 120
_MOST_ERRORS = 20

#: The title of each status, and the last part of its type.
_KINDS: Mapping[int, str] = {
    400: "malformed",
    401: "not identified",
    403: "not allowed",
    404: "not found",
    405: "no such method",
    409: "conflict",
    413: "too large",
    415: "not JSON",
    422: "invalid",
    500: "fault",
    503: "unavailable",
}

#: The first class that matches decides.
_STATUSES: Mapping[type[BakeoffError], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    RefusedError: HTTPStatus.CONFLICT,
    InfrastructureError: HTTPStatus.SERVICE_UNAVAILABLE,
}

SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "Problem details, RFC 9457.",
    "required": ["type", "title", "status", "detail", "instance", "errors"],
    "properties": {
        "type": {"type": "string", "description": "identifies the kind of problem"},
        "title": {"type": "string", "description": "the kind of problem, in words"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong here, and what would be right"},
        "instance": {"type": "string", "description": "the path of the request"},
        "errors": {
            "type": "array",
            "description": "the fields that are invalid",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string", "examples": ["body.models.0", "query.limit"]},
                    "message": {"type": "string"},
                },
                "additionalProperties": False,
            },
        },
        "incident": {
            "type": "string",
            "format": "uuid",
            "description": "with 500: the id under which the log has the details",
        },
    },
    "additionalProperties": False,
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI document of the responses with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _KINDS[status], "content": content} for status in sorted(statuses)}


def status_of(exc: BakeoffError) -> HTTPStatus:
    found = next((code for kind, code in _STATUSES.items() if isinstance(exc, kind)), None)
    if found is None:
        raise exc
    return found


def of_bakeoff(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, BakeoffError):
        raise exc
    status = status_of(exc)
    field = getattr(exc, "field", None) or _named_in_path(request, exc) or _place_of_input(request, exc)
    detail = masked(in_request_words(str(exc)))
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        log.warning("%s", detail)
    errors = [{"field": field, "message": detail}] if field else []
    return _problem(request.scope, status, detail, errors=errors)


def of_http(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, HTTPException):
        raise exc
    status = HTTPStatus(exc.status_code)
    field, detail = {
        HTTPStatus.BAD_REQUEST: ("body", "it cannot be read as JSON: send UTF-8, and do not nest it deeply"),
        HTTPStatus.NOT_FOUND: ("path", "there is nothing at this path: /openapi.json lists all paths"),
        HTTPStatus.METHOD_NOT_ALLOWED: ("method", f"this path does not answer to {request.method}"),
    }.get(status, (getattr(exc, "field", None), exc.detail))
    errors = [{"field": field, "message": detail}] if field else []
    allowed = {"Allow": _allowed(request)} if status is HTTPStatus.METHOD_NOT_ALLOWED else {}
    return _problem(request.scope, status, detail, errors=errors, headers={**(exc.headers or {}), **allowed})


def _allowed(request: Request) -> str:
    """All methods of the path. Each is a route of its own, and Starlette lists only the first one."""
    routes = list(iter_route_contexts(request.app.routes))
    path = next(route.path for route in routes if route.path_regex.match(request.scope["path"]))
    methods = {method for route in routes if route.path == path for method in route.methods or ()}
    return ", ".join(sorted(methods))


def of_validation(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, RequestValidationError):
        raise exc
    malformed = any(error["type"] == _MALFORMED for error in exc.errors())
    body = _kind_of_body(request)
    errors = _fields_and_messages(exc, body)
    status = HTTPStatus.BAD_REQUEST if malformed else HTTPStatus.UNPROCESSABLE_ENTITY
    left = len(errors) - _MOST_ERRORS
    told = [f"{error['field']}: {error['message']}" for error in errors[:_MOST_ERRORS]]
    detail = "; ".join([*told, *([f"and {counted(left, 'error')} more"] if left > 0 else [])])
    return _problem(request.scope, status, detail, errors=errors[:_MOST_ERRORS])


def response(scope: Scope, exc: HTTPException | BakeoffError) -> JSONResponse:
    """The response to an error in a middleware, where FastAPI calls no exception handler."""
    return (of_http if isinstance(exc, HTTPException) else of_bakeoff)(Request(scope), exc)


class RequestRefused(HTTPException):
    """A request is refused by a middleware, or before its body is read."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, field: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, headers)
        self.field = field


class InternalErrors:
    """Answers unexpected exceptions: the client gets an incident id, the log has it with the traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:  # any bug in a handler: without this the client gets no answer, the log no id
            incident = str(uuid4())
            log.exception("incident %s at %s", incident, scope.get("path"))
            if begun or scope["type"] != "http":
                raise
            await _fault(scope, incident)(scope, receive, send)


def _fault(scope: Scope, incident: str) -> JSONResponse:
    detail = "this is a bug in Bakeoff, and not an error in the request: the log has the details"
    return _problem(scope, HTTPStatus.INTERNAL_SERVER_ERROR, detail, incident=incident)


def _problem(
    scope: Scope,
    status: HTTPStatus,
    detail: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    incident: str | None = None,
) -> JSONResponse:
    kind = _KINDS.get(status, status.phrase)
    again = {"Retry-After": _AGAIN_S} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
    body = {
        "type": f"urn:bakeoff:problem:{kind.lower().replace(' ', '-')}",
        "title": kind,
        "status": status,
        "detail": cut(detail, _MOST_TEXT),
        "instance": cut(scope["path"], _MOST_TEXT),
        "errors": [{key: cut(text, _MOST_TEXT) for key, text in error.items()} for error in errors],
        **({"incident": incident} if incident else {}),
    }
    return JSONResponse(body, status, headers={**(headers or {}), **again}, media_type=MEDIA_TYPE)


def _named_in_path(request: Request, exc: BakeoffError) -> str | None:
    """The last parameter of the path: it names what was not found or is in the wrong state."""
    names = list(request.scope.get("path_params") or {})
    about_it = isinstance(exc, NotFoundError | ConflictError | RefusedError)
    return f"path.{names[-1]}" if names and about_it else None


def _place_of_input(request: Request, exc: BakeoffError) -> str | None:
    """For an error in the input whose field is not known: the part of the request in which it is."""
    if not isinstance(exc, InvalidInputError):
        return None
    return "body" if request.method == "POST" else "query"


def _fields_and_messages(exc: RequestValidationError, body: type[Body] | None) -> list[dict[str, str]]:
    """One for each value: what may be of several types has an error for each."""
    at_place: dict[str, list[str]] = {}
    for error in exc.errors():
        at_place.setdefault(_path(error, exc.body), []).append(_message_of(error, body))
    return [{"field": field, "message": _either(messages)} for field, messages in at_place.items()]


def _either(messages: Sequence[str]) -> str:
    """`it is 1: input should be a or input should be b`"""
    begun, colon, _ = messages[0].partition(": ")
    return " or ".join([messages[0], *(one.removeprefix(f"{begun}{colon}") for one in messages[1:])])


def _path(error: Any, sent: Any) -> str:
    """The parts of the place are cut: an unknown key is as long as the client made it.

    `sent`: the body. The name of a type, which a place ends with where there are several, is no part of it.
    """
    if error["type"] == _MALFORMED:
        return "body"
    place = [cut(str(error["loc"][0]), _MOST_OF_A_KEY)]
    for part in error["loc"][1:]:
        is_there = (
            part in sent if isinstance(sent, dict) else isinstance(sent, list) and isinstance(part, int)
        )
        if place[0] == "body" and not is_there and error["type"] != "missing":
            break
        place.append(cut(str(part), _MOST_OF_A_KEY))
        sent = sent[part] if is_there else None
    return ".".join(place)


def _kind_of_body(request: Request) -> type[Body] | None:
    """The body that the route takes; None: another class, or none."""
    field = getattr(request.scope.get("route"), "body_field", None)
    kind = field.field_info.annotation if field is not None else None
    return kind if isinstance(kind, type) and issubclass(kind, Body) else None


def _message_of(error: Any, body: type[Body] | None) -> str:
    if error["type"] == _MALFORMED:
        return f"it is not valid JSON at character {error['loc'][-1]}: {error['ctx']['error']}"
    if error["type"] == "extra_forbidden" and body is not None and error["loc"][0] == "body":
        return f"it {no_key(error['loc'][1:], body, all_keys=_ALL_KEYS)}"
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == UUID_PATTERN:
        return f"it is {quoted(error['input'])}, and {_ID_CURE}"
    if error["type"] == "extra_forbidden":
        return f"there is no such {'key' if error['loc'][0] == 'body' else 'parameter'}: {_ALL_KEYS}"
    message = str(error["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return message if error["type"] == "missing" else f"it is {quoted(error['input'])}: {message}"
