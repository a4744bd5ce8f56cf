"""Is it well? Each part is looked at in the background, so that no question waits for one that hangs."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, Response

from bakeoff.api.cached_probe import Pulse, Rhythm
from bakeoff.api.dependencies import TheService
from bakeoff.api.schemas.health_schemas import HealthOut, LiveOut, ReadyOut
from bakeoff.domain.candidate import Candidate, Rejection
from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.identity import utc_now
from bakeoff.operations.context import Context
from bakeoff.operations.doctor.broker_check import BrokerStatus, check_broker
from bakeoff.operations.doctor.database_check import DatabaseStatus, check_database
from bakeoff.operations.doctor.diagnosis import Diagnosis, Level
from bakeoff.settings.secret_masking import masked
from bakeoff.store.bakeoffs.job_rows import Backlog
from bakeoff.store.database import schema_version

router = APIRouter(prefix="/health", tags=["health"])

T = TypeVar("T")


def broker_pulse(context: Context) -> Pulse[BrokerStatus]:
    """Workers have a second to answer, each time: somewhat old news are good enough."""
    return Pulse(lambda: check_broker(context), Rhythm(fresh_s=2.0, stale_s=10.0, patience_s=2.0))


def database_pulse(context: Context) -> Pulse[DatabaseStatus]:
    return Pulse(lambda: check_database(context), Rhythm(fresh_s=1.0, stale_s=1.0, patience_s=1.0))


@router.get("/live", response_model=LiveOut)
async def is_it_live() -> dict[str, Any]:
    """Whether the process answers. Needs no token."""
    return {"live": True}


@router.get("/ready", response_model=ReadyOut, responses={503: {"model": ReadyOut}})
async def is_it_ready(service: TheService, response: Response) -> dict[str, Any]:
    """Whether runs can be started and read: 503 if not. Needs no token.

    A broker that is down does not matter: jobs wait in the database.
    """
    ready = _is_ready(await _feel(service.database))
    response.status_code = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return {"ready": ready}


@router.get("", response_model=HealthOut)
async def how_is_it(service: TheService) -> dict[str, Any]:
    """The state of candidates, broker, database, workers and queues, and what `bakeoff doctor` finds."""
    database, broker = await asyncio.gather(_feel(service.database), _feel(service.broker))
    queues = (broker.look.queues if broker.look else None) or []
    backlog = database.look.backlog if database.look else None
    contents = service.context.catalog().contents
    return {
        "live": True,
        "ready": _is_ready(database),
        "version": version("bakeoff"),
        "models": [_named(candidate) for candidate in contents.candidates.values()],
        "rejected": [
            {**_named(one), "cause": one.cause, "fix": one.fix} for one in contents.rejected.values()
        ],
        "broker": {"reachable": bool(broker.look and broker.look.queues), "problem": broker.problem},
        "database": {"reachable": database.look is not None, "problem": database.problem},
        "workers": sorted({name for queue in queues for name in queue.readers}),
        "queues": [
            {"name": queue.name, "waiting": queue.waiting, "readers": list(queue.readers)} for queue in queues
        ],
        "unreadQueues": [queue.name for queue in queues if not queue.readers],
        "jobs": _backlog_record(backlog) if backlog else None,
        "oldestQueuedSeconds": _age(backlog.oldest_queued_at) if backlog else None,
        "findings": [asdict(finding) for part in (database, broker) for finding in part.findings],
    }


@dataclass(frozen=True)
class _Felt(Generic[T]):
    look: T | None  #: None when it failed, or has not ended yet
    problem: str | None = None
    findings: Sequence[Diagnosis] = ()  #: those that ask for something to be done


async def _feel(pulse: Pulse[T]) -> _Felt[T]:
    try:
        look = await pulse.feel()
    except BakeoffError as exc:
        return _Felt(None, masked(str(exc)))
    if look is None:
        return _Felt(None, "it has not answered yet")
    findings: Sequence[Diagnosis] = getattr(look, "findings", ())
    return _Felt(look, None, [finding for finding in findings if finding.level is not Level.OK])


def _is_ready(database: _Felt[DatabaseStatus]) -> bool:
    return database.look is not None and database.look.schema == schema_version.HEAD


def _backlog_record(backlog: Backlog) -> dict[str, Any]:
    return {"queued": backlog.queued, "running": backlog.running, "silent": backlog.silent}


def _age(since: datetime | None) -> float | None:
    return None if since is None else max(0.0, (utc_now() - since).total_seconds())


def _named(one: Candidate | Rejection) -> dict[str, Any]:
    return {"modelId": one.id, "modelVersion": one.version}
