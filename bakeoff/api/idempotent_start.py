"""Starting runs for clients that may repeat a request: requests with the same key start one run.

The id of the run follows from the key. So requests that come at the same time, to any process, start one run.
The run keeps a digest of its request: another request with the same key is an error.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid5

from bakeoff.api.problem_details import RequestRefused
from bakeoff.api.security.tokens import Principal, Role
from bakeoff.domain.errors import ConflictError, ForbiddenError, InvalidInputError
from bakeoff.evaluation.planning.declared_run_options import RunRequest, RunSpec
from bakeoff.evaluation.signals.signal_run_plan import SignalBody, SignalRequest
from bakeoff.operations.context import Context
from bakeoff.operations.runs import start_run
from bakeoff.operations.runs.client_rights_check import check_run_request
from bakeoff.operations.signals.start_signals import start_signals
from bakeoff.settings.setting_definitions import ClientRight
from bakeoff.store.bakeoffs import run_progress_rows, run_rows
from bakeoff.store.bakeoffs.run_progress_rows import RunStatus

#: Only an admin says what is saved, because a saved model may be promoted to Production.
_RIGHTS: Mapping[Role, frozenset[ClientRight]] = {
    Role.USER: frozenset({ClientRight.PRIORITY}),
    Role.ADMIN: frozenset(ClientRight),
}

_KEYS = UUID("6f4d3a5e-9a53-5d0c-8c0f-1d0b8e0a7c11")


def start(context: Context, body: RunSpec, *, key: str | None, principal: Principal) -> RunStatus:
    with_key = {"start": body.model_dump(mode="json", by_alias=True)}
    return _once(
        context,
        with_key,
        key,
        principal,
        lambda run_id, digest: _start(context, body, run_id, digest, principal),
    )


def generate(context: Context, body: SignalBody, *, key: str | None, principal: Principal) -> RunStatus:
    return _once(
        context,
        {"generate": body.model_dump(mode="json", by_alias=True)},
        key,
        principal,
        lambda run_id, digest: _generate(context, body, run_id, digest),
    )


def retry(
    context: Context,
    run_id: str,
    *,
    key: str | None,
    principal: Principal,
    models: Collection[str] | None = None,
) -> RunStatus:
    """`models`: of the candidates without a result, only these; None: all."""
    if principal.role is not Role.ADMIN:
        _refuse_signals(context, run_id)
    return _once(
        context,
        {"retry": run_id} if models is None else {"retry": run_id, "models": sorted(models)},
        key,
        principal,
        lambda as_id, digest: start_run.retry(context, run_id, as_id=as_id, digest=digest, models=models),
    )


def _once(
    context: Context,
    request: Mapping[str, Any],
    key: str | None,
    principal: Principal,
    begin: Callable[[str | None, str], str],
) -> RunStatus:
    run_id = None if key is None else str(uuid5(_KEYS, f"{principal.name}\n{key}"))
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    found = run_progress_rows.of_run(context.engine, begin(run_id, digest))
    if found.run.request_digest != digest:
        raise another_request(key)
    return found


def another_request(key: str | None) -> InvalidInputError:
    said = f"the key {key!r} came with another request before: take a new key for a new request"
    return InvalidInputError(said).with_field("header.Idempotency-Key")


def _start(context: Context, body: RunSpec, run_id: str | None, digest: str, principal: Principal) -> str:
    request = RunRequest.of(body, run_id=run_id)
    with as_error_of_the_body():
        check_run_request(body, context.configuration.settings, _RIGHTS[principal.role])
        return start_run.start_run(context, request, digest=digest)


def _generate(context: Context, body: SignalBody, run_id: str | None, digest: str) -> str:
    request = SignalRequest(run_id=run_id, **{name: getattr(body, name) for name in SignalBody.model_fields})
    with as_error_of_the_body():
        return start_signals(context, request, digest=digest)


@contextmanager
def as_error_of_the_body() -> Iterator[None]:
    """Reports an unknown name in the body as an error of the body, and not of the path."""
    try:
        yield
    except ConflictError:  # with an earlier request: the body may be right
        raise
    except InvalidInputError as exc:
        kind = ForbiddenError if isinstance(exc, ForbiddenError) else InvalidInputError
        raise kind(str(exc)).with_field(f"body.{exc.field}" if exc.field else "body") from exc


def _refuse_signals(context: Context, run_id: str) -> None:
    """Retrying a run of signals replaces the ensemble of its date, which takes the role admin."""
    if run_rows.get(context.engine, run_id).signals is not None:
        raise RequestRefused(
            HTTPStatus.FORBIDDEN,
            "it is a run of signals, and generating them takes the role admin",
            field="path.id",
        )
