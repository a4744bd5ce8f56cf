"""Health: is the process alive, is it ready, and how are its parts?

Each part is checked in the background, so that no request waits for a check that hangs.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, Response

from bakeoff.api.cached_probe import CachedProbe, ProbeTimes
from bakeoff.api.handler_services_and_rights import TheService
from bakeoff.api.schemas.health_schemas import HealthOut, LiveOut, ReadyOut
from bakeoff.domain.candidate import Candidate, Rejection
from bakeoff.domain.errors import BakeoffError
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.wording import masked
from bakeoff.operations.context import Context
from bakeoff.operations.doctor.broker_check import BrokerStatus, check_broker
from bakeoff.operations.doctor.database_check import DatabaseStatus, check_database
from bakeoff.operations.doctor.diagnosis_levels import Diagnosis, DiagnosisLevel
from bakeoff.store.bakeoffs.job_queries import Backlog
from bakeoff.store.database import schema_version

router = APIRouter(prefix="/health", tags=["health"])

T = TypeVar("T")


def broker_probe(context: Context) -> CachedProbe[BrokerStatus]:
    """Each probe gives the workers a second to answer, so a result may be used for some seconds."""
    return CachedProbe(lambda: check_broker(context), ProbeTimes(fresh_s=2.0, stale_s=10.0, wait_s=2.0))


def database_probe(context: Context) -> CachedProbe[DatabaseStatus]:
    return CachedProbe(lambda: check_database(context), ProbeTimes(fresh_s=1.0, stale_s=1.0, wait_s=1.0))


@router.get("/live", response_model=LiveOut)
async def is_it_live() -> dict[str, Any]:
    """Whether the process answers. Needs no token."""
    return {"live": True}


@router.get("/ready", response_model=ReadyOut, responses={503: {"model": ReadyOut}})
async def is_it_ready(service: TheService, response: Response) -> dict[str, Any]:
    """Whether runs can be started and read: 503 if not. Needs no token.

    A broker that is down does not matter: jobs wait in the database.
    """
    ready = _is_ready(await _read(service.database))
    response.status_code = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return {"ready": ready}


@router.get("", response_model=HealthOut)
async def how_is_it(service: TheService) -> dict[str, Any]:
    """The state of candidates, broker, database, workers and queues, and what `bakeoff doctor` finds."""
    database, broker = await asyncio.gather(_read(service.database), _read(service.broker))
    queues = (broker.value.queues if broker.value else None) or []
    backlog = database.value.backlog if database.value else None
    contents = service.context.catalog().contents
    return {
        "live": True,
        "ready": _is_ready(database),
        "version": version("bakeoff"),
        "models": [_named(candidate) for candidate in contents.candidates.values()],
        "rejected": [
            {**_named(one), "cause": one.cause, "fix": one.fix} for one in contents.rejected.values()
        ],
        "broker": {"reachable": bool(broker.value and broker.value.queues), "problem": broker.problem},
        "database": {"reachable": database.value is not None, "problem": database.problem},
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
class _Probed(Generic[T]):
    value: T | None  #: None when the probe failed, or has not ended yet
    problem: str | None = None
    findings: Sequence[Diagnosis] = ()  #: those that ask for something to be done


async def _read(probe: CachedProbe[T]) -> _Probed[T]:
    try:
        value = await probe.read()
    except BakeoffError as exc:
        return _Probed(None, masked(str(exc)))
    if value is None:
        return _Probed(None, "it has not answered yet")
    findings: Sequence[Diagnosis] = getattr(value, "findings", ())
    return _Probed(value, None, [finding for finding in findings if finding.level is not DiagnosisLevel.OK])


def _is_ready(database: _Probed[DatabaseStatus]) -> bool:
    return database.value is not None and database.value.schema == schema_version.HEAD


def _backlog_record(backlog: Backlog) -> dict[str, Any]:
    return {"queued": backlog.queued, "running": backlog.running, "silent": backlog.silent}


def _age(since: datetime | None) -> float | None:
    return None if since is None else max(0.0, (utc_now() - since).total_seconds())


def _named(one: Candidate | Rejection) -> dict[str, Any]:
    return {"modelId": one.id, "modelVersion": one.version}
