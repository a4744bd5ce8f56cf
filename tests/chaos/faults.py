"""The faults: each strikes what it finds, and says whom it struck and when."""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from chaos import audit
from chaos.candidates import SLOW
from chaos.schedule import Kind, Stroke
from chaos.site import LEASE_S, Service, Site, as_told, command_of
from fixtures.projects.kitchen import below, children, is_alive
from fixtures.projects.project import celery_app
from fixtures.servers.postgresql import FAST, IMMEDIATE
from kombu import Connection
from kombu.exceptions import KombuError
from redis.exceptions import RedisError
from sqlalchemy import text

from bakeoff.broker import redis_keeper
from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.ids_and_times import new_id
from bakeoff.events.event_stream import STREAM
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.database.engine_and_transactions import writing

T = TypeVar("T")

_VICTIM_S = 10.0  #: how long to wait for a victim of the wanted kind
_REDIS_S = 30.0
_PRODUCER_S = 60.0
_GHOST_S = 30.0
_LOOK_S = 0.1
_FROZEN_S = 40.0  #: longest that nobody may take the work of a frozen worker, which then goes on


@dataclass(frozen=True, kw_only=True)
class Fault:
    kind: Kind
    at: float  #: seconds since the epoch
    jobs: tuple[str, ...] = ()  #: what the victim was at: to be taken again
    run: str | None = None  #: of a producer that was killed


class NoVictimError(Exception):
    """Nothing of the kind was there to be struck."""


def strike(site: Site, stroke: Stroke) -> Fault | None:
    """None when there was no victim."""
    try:
        return _STRIKES[stroke.kind](site, stroke)
    except NoVictimError:
        return None


def _chosen(victims: Sequence[T], pick: float) -> T:
    return victims[int(pick * len(victims))]


def _victim(site: Site, stroke: Stroke, find: Callable[[Service], Sequence[int]]) -> tuple[Service, int]:
    found: list[tuple[Service, int]] = []

    def look() -> bool:
        found[:] = [(service, pid) for service in site.services for pid in find(service)]
        return bool(found)

    if not site.tend_until(look, _VICTIM_S):
        raise NoVictimError
    return _chosen(found, stroke.pick)


def _evaluators(service: Service) -> list[int]:
    return service.nodes("evaluations")


def _controllers(service: Service) -> list[int]:
    return service.nodes("control")


def _pool(service: Service) -> list[int]:
    return [
        child for main in _evaluators(service) for child in children(main) if "celery" in command_of(child)
    ]


def _ovens(service: Service) -> list[int]:
    return [
        child
        for main in _evaluators(service)
        for child in children(main)
        if "bakeoff.cell.oven.oven_process" in command_of(child)
    ]


def _warm_parents(service: Service) -> list[int]:
    return [parent for oven in _ovens(service) for parent in children(oven)]


def _cells(service: Service) -> list[int]:
    return [cell for parent in _warm_parents(service) for cell in children(parent)]


def _fitting(site: Site, service: Service) -> list[int]:
    """Cells that said that they had begun, and not just any that may still wait for work."""
    cells = [_cell_of(site, held.job_id) for held in site.leases(service)]
    return [cell for cell in cells if cell is not None and is_alive(cell)]


def _held_by(site: Site, service: Service) -> tuple[str, ...]:
    return tuple(held.job_id for held in site.leases(service))


def _signal(find: Callable[[Service], Sequence[int]], number: int, site: Site, stroke: Stroke) -> Fault:
    service, pid = _victim(site, stroke, find)
    held = _held_by(site, service)
    at = time.time()
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    return Fault(kind=stroke.kind, at=at, jobs=held)


def _beat(site: Site, stroke: Stroke) -> Fault:
    if not site.tend_until(lambda: site.beat.process is not None, _VICTIM_S):
        raise NoVictimError
    at = time.time()
    if site.beat.process is not None:
        site.beat.process.kill()
    return Fault(kind=stroke.kind, at=at)


def _cell(site: Site, stroke: Stroke) -> Fault:
    find = _cells if stroke.length < 1 / 2 else partial(_fitting, site)
    return _signal(find, signal.SIGKILL, site, stroke)


def _wait_for_redis(site: Site) -> None:
    if not site.tend_until(site.answers, _REDIS_S):
        raise NoVictimError


def _kill_server(site: Site) -> None:
    with suppress(RedisError, ProcessLookupError):
        os.kill(int(site.redis.info("server")["process_id"]), signal.SIGKILL)


def _redis(site: Site, stroke: Stroke) -> Fault:
    _wait_for_redis(site)
    at = time.time()
    _kill_server(site)
    return Fault(kind=stroke.kind, at=at)


def _redis_wiped(site: Site, stroke: Stroke) -> Fault:
    """What was in the stream is read in the same transaction, as a reader would have that kept up."""
    _wait_for_redis(site)
    at = time.time()
    with suppress(RedisError), site.redis.pipeline(transaction=True) as pipeline:
        pipeline.xrange(STREAM)
        pipeline.flushall()
        entries, _ = pipeline.execute()
        site.told += as_told(entries)
    _kill_server(site)
    return Fault(kind=stroke.kind, at=at)


def _keeper(site: Site, stroke: Stroke) -> Fault:
    _wait_for_redis(site)
    at = time.time()
    for process in site.project.processes():
        if redis_keeper.__file__ in command_of(process.pid):
            process.kill()
    _kill_server(site)
    return Fault(kind=stroke.kind, at=at)


def _connections(site: Site, stroke: Stroke) -> Fault:
    _wait_for_redis(site)
    at = time.time()
    with suppress(RedisError):
        for kind in ("normal", "pubsub"):
            site.redis.client_kill_filter(_type=kind, skipme=True)
    return Fault(kind=stroke.kind, at=at)


def _locked(site: Site, stroke: Stroke) -> Fault:
    """For some seconds, with and without a lease that runs out meanwhile."""
    length_s = 1 + 3 * stroke.length
    at = time.time()

    def hold() -> None:
        with suppress(InfrastructureError), writing(site.project.engine) as connection:
            if site.cluster is not None:
                connection.execute(text("LOCK TABLE evaluation_jobs, evaluation_runs, outbox"))
            time.sleep(length_s)

    site.begin(hold)
    return Fault(kind=stroke.kind, at=at)


def _disconnected(site: Site, stroke: Stroke) -> Fault:
    assert site.cluster is not None
    at = time.time()
    site.cluster.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    return Fault(kind=stroke.kind, at=at)


def _away(how: signal.Signals, site: Site, stroke: Stroke) -> Fault:
    """For some time, which may be longer than a lease."""
    assert site.cluster is not None
    at = time.time()
    site.cluster.stop(how)
    site.tend_for(2 * LEASE_S * stroke.length)
    site.cluster.start()
    return Fault(kind=stroke.kind, at=at)


def _frozen(site: Site, stroke: Stroke) -> Fault:
    """The worker and its supervisors, or all that is below it, until others are at its work.

    One at a time, so that there are others; and one that is at something long, so that it becomes a ghost.
    """
    site.tend_until(lambda: all(duty.done() for duty in site.begun), _FROZEN_S)
    if not site.tend_until(lambda: bool(_slow_holders(site)), _VICTIM_S):
        site.start_run(models=[name for name in site.models if name.startswith(SLOW)])
        site.tend_until(lambda: bool(_slow_holders(site)), _VICTIM_S)
    preferred = _slow_holders(site) or site.services

    def find(service: Service) -> list[int]:
        return _evaluators(service) if service in preferred else []

    service, main = _victim(site, stroke, find)
    pids = (main, *(below(main) if stroke.length < 1 / 2 else _pool(service)))
    at = time.time()
    leases = site.leases(service)
    held = tuple(lease.job_id for lease in leases)
    long = [lease.job_id for lease in leases if lease.model_id.startswith(SLOW)]
    for pid in pids:
        _send(pid, signal.SIGSTOP)
    cells = {job_id: cell for job_id in held if (cell := _cell_of(site, job_id)) is not None}

    def thaw() -> None:
        time.sleep(LEASE_S)
        deadline = time.monotonic() + _FROZEN_S
        while not _is_taken(site, long or held, at) and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        time.sleep(stroke.length)
        ghosts = [cell for job_id, cell in cells.items() if is_alive(cell) and _is_lost(site, job_id, at)]
        for pid in pids:
            _send(pid, signal.SIGCONT)
        site.ghosts += map(_seconds_to_die, ghosts)

    site.begin(thaw)
    return Fault(kind=stroke.kind, at=at, jobs=held)


def _slow_holders(site: Site) -> list[Service]:
    return [
        service
        for service in site.services
        if any(held.model_id.startswith(SLOW) for held in site.leases(service))
    ]


def _cell_of(site: Site, job_id: str) -> int | None:
    """As it said itself when it began to fit, if it says so."""
    run_id = site.ask(lambda engine: job_queries.get(engine, job_id)).run_id
    said = site.project.log_of(run_id, job_id).split()
    return int(said[-1]) if said[-2:-1] == ["fitting"] else None


def _is_lost(site: Site, job_id: str, since: float) -> bool:
    """Whether somebody took it from the holder that was frozen then."""
    return "queued" in _states_since(site, job_id, since)


def _is_taken(site: Site, job_ids: Sequence[str], since: float) -> bool:
    """Whether one of those is at work again, under another lease."""
    return any(
        became[-1:] == ["running"] for job_id in job_ids if (became := _states_since(site, job_id, since))
    )


def _states_since(site: Site, job_id: str, since: float) -> list[str]:
    return [move.became for move in site.ask(audit.moves) if move.thing == job_id and move.at > since]


def _seconds_to_die(pid: int) -> float:
    began = time.monotonic()
    while is_alive(pid) and time.monotonic() < began + _GHOST_S:
        time.sleep(0.005)
    return time.monotonic() - began


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _messages(site: Site, stroke: Stroke) -> Fault:
    """Doubled ones, late ones, and such as nobody of ours has ever sent."""
    _wait_for_redis(site)
    known = [job.id for job in site.jobs()]
    doubled = random.Random(stroke.pick).sample(known, min(10, len(known)))
    at = time.time()
    with suppress(KombuError, RedisError, OSError):
        for job_id in doubled:
            celery_app().send_task("bakeoff.evaluate", kwargs={"jobId": job_id})
            celery_app().send_task("bakeoff.evaluate", kwargs={"jobId": job_id}, countdown=3 * stroke.length)
        for made_up in (new_id(), "7", 7, None, ["x"]):
            celery_app().send_task("bakeoff.evaluate", kwargs={"jobId": made_up})
        celery_app().send_task("bakeoff.evaluate", args=[1, 2], kwargs={"more": {}})
        celery_app().send_task("bakeoff.unheard_of", queue="evaluations")
        with Connection(celery_app().conf.broker_url) as connection:
            producer = connection.Producer(routing_key="evaluations")
            producer.publish({"not": "a task"})
            producer.publish(b"\xff{", content_type="application/json", content_encoding="utf-8")
    return Fault(kind=stroke.kind, at=at)


def _producer(death: str, site: Site, stroke: Stroke) -> Fault:
    """Who called it calls again with the same id when it finds no run."""
    run_id = new_id()
    producer = site.produce(run_id, death, seed=0 if death != "in snapshot" else 1 + int(1e6 * stroke.pick))
    if not site.tend_until(lambda: producer.poll() is not None, _PRODUCER_S):
        producer.kill()
    at = time.time()
    was_there = site.ask(lambda engine: run_rows.exists(engine, run_id))
    if producer.wait() != -signal.SIGKILL or was_there is not death.endswith("messages"):
        site.oddities.append(f"a producer killed {death} said {producer.returncode}, run: {was_there}")
    if was_there:
        site.run_ids.append(run_id)
    elif death == "before transaction":
        site.start_run(run_id)
    return Fault(kind=stroke.kind, at=at, run=run_id if run_id in site.run_ids else None)


_STRIKES: Mapping[Kind, Callable[[Site, Stroke], Fault]] = {
    Kind.CELL: _cell,
    Kind.WARM_PARENT: partial(_signal, _warm_parents, signal.SIGKILL),
    Kind.OVEN: partial(_signal, _ovens, signal.SIGKILL),
    Kind.POOL: partial(_signal, _pool, signal.SIGKILL),
    Kind.WORKER: partial(_signal, _evaluators, signal.SIGKILL),
    Kind.RESTART: partial(_signal, _evaluators, signal.SIGTERM),
    Kind.CONTROL: partial(_signal, _controllers, signal.SIGKILL),
    Kind.BEAT: _beat,
    Kind.REDIS: _redis,
    Kind.REDIS_WIPED: _redis_wiped,
    Kind.KEEPER: _keeper,
    Kind.CONNECTIONS: _connections,
    Kind.FROZEN: _frozen,
    Kind.LOCKED: _locked,
    Kind.DISCONNECTED: _disconnected,
    Kind.SHUT_DOWN: partial(_away, FAST),
    Kind.CRASHED: partial(_away, IMMEDIATE),
    Kind.MESSAGES: _messages,
    Kind.IN_SNAPSHOT: partial(_producer, "in snapshot"),
    Kind.BEFORE_TRANSACTION: partial(_producer, "before transaction"),
    Kind.BEFORE_MESSAGES: partial(_producer, "before messages"),
    Kind.AMID_MESSAGES: partial(_producer, "amid messages"),
}
