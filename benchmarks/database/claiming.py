# ruff: noqa: T201 - a script that prints, no part of a package
"""Jobs per second from claim to finish, by several processes at once, and by as many nodes as a cluster has.

Each process does what a worker does between two jobs: it ends one, and claims the next one with it. Nothing
is fitted. Beside it procrastinate, a queue in PostgreSQL, works off as many jobs that do nothing, on the same
server, if it is installed.
"""

import multiprocessing
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, make_url, select

from bakeoff.store.bakeoffs import leased_jobs, run_rows
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.queue_order import next_jobs
from bakeoff.store.database.all_tables import IS_RUNNING
from bakeoff.store.database.all_tables import jobs as job_table
from bakeoff.store.database.engine_and_transactions import open_database, reading
from benchmarks.database.steps_of_a_job import a_job, a_result, a_run

_TOGETHER = 4_000  #: jobs that processes share
_PROCESSES = (1, 2, 4, 8)
_NODES = (8, 50, 200)
_PLENTY = claims.Caps(per_node=10_000, overall=10_000)
#: Of a cluster, so that some of its nodes always wait for room.
_SCARCE = claims.Caps(per_node=1, overall=190)


def print_throughput(database: str, settle: Callable[[Engine], None]) -> None:
    print("\njobs per second, from claim to finish\n")
    beside = make_url(database).get_backend_name() == "postgresql" and find_spec("procrastinate")
    for processes in _PROCESSES:
        ours = _throughput(database, processes, _PLENTY, settle)
        line = f"{processes:3} processes {ours.per_s:9,.0f}"
        if beside:
            theirs = _procrastinate(database, processes)
            line += f"   procrastinate {theirs:9,.0f}   ratio {ours.per_s / theirs:6.1f}"
        print(line)
    if make_url(database).get_backend_name() == "postgresql":
        print(f"\nby nodes that only claim and finish; at most {_SCARCE.overall} at work, one on each\n")
        for nodes in _NODES:
            seen = _throughput(database, nodes, _SCARCE, settle)
            print(
                f"{nodes:3} nodes {seen.per_s:9,.0f}   at work at once: {seen.most_overall} in all, "
                f"{seen.most_on_a_node} on a node"
            )


class _Seen:
    per_s = 0.0
    most_overall = 0
    most_on_a_node = 0


def _throughput(database: str, processes: int, caps: claims.Caps, settle: Callable[[Engine], None]) -> _Seen:
    engine = open_database(database)
    run = a_run()
    run_rows.create(engine, run, [a_job(run, place) for place in range(_TOGETHER)])
    settle(engine)
    engine.dispose()
    # Forked, since two hundred processes that import all by themselves would take minutes.
    context = multiprocessing.get_context("fork")
    ready, go = context.Semaphore(0), context.Event()
    crowd = [
        context.Process(target=_work, args=(database, f"node-{number}", caps, ready, go))
        for number in range(processes)
    ]
    for process in crowd:
        process.start()
    for _ in crowd:
        ready.acquire()
    seen = _Seen()
    began = perf_counter()
    go.set()
    while caps is _SCARCE and any(process.is_alive() for process in crowd):
        _look(engine, seen)
        time.sleep(0.02)
    for process in crowd:
        process.join()
    seen.per_s = _TOGETHER / (perf_counter() - began)
    return seen


def _look(engine: Engine, seen: _Seen) -> None:
    with reading(engine) as connection:
        nodes = Counter(connection.execute(select(job_table.c.node).where(IS_RUNNING)).scalars())
    seen.most_overall = max(seen.most_overall, nodes.total())
    seen.most_on_a_node = max(seen.most_on_a_node, *nodes.values(), 0)


def _work(database: str, node: str, caps: claims.Caps, ready: Any, go: Any) -> None:
    """As a worker does it, but that nothing is fitted."""
    engine = open_database(database)
    holder = claims.Holder(node=node, worker=node)
    _warm_up(engine, holder)
    ready.release()
    go.wait()
    while next_jobs(engine, limit=1):
        claim = claims.claim_next(engine, excluded=(), holder=holder, caps=caps, lease_s=30)
        if claim is None:
            time.sleep(random.uniform(0.5, 1))  # noqa: S311 - a worker waits for a message
        while claim is not None:
            then = claims.NextClaim(excluded=(), holder=holder, caps=caps, lease_s=30)
            leased_jobs.complete(engine, claim.lease, a_result(claim), then=then)
            claim = then.claimed


def _warm_up(engine: Engine, holder: claims.Holder) -> None:
    """Lets the server prepare the statements, as it does once for each connection."""
    none = claims.Caps(per_node=0, overall=0)
    then = claims.NextClaim(excluded=(), holder=holder, caps=none, lease_s=30)
    next_jobs(engine, limit=1)
    claims.claim_next(engine, excluded=(), holder=holder, caps=none, lease_s=30)
    leased_jobs.complete_part(engine, claims.Lease(job_id="", run_id="", token="", attempt=1), then)


#: Each job does nothing; a worker takes one after another, as ours does.
_PROCRASTINATE = """
import asyncio, sys, procrastinate
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=sys.argv[1]))
@app.task(name="nothing", queue="bench")
async def nothing(number):
    pass
async def main():
    async with app.open_async():
        if sys.argv[2] == "defer":
            if not await app.check_connection_async():
                await app.schema_manager.apply_schema_async()
            await nothing.batch_defer_async(*({"number": n} for n in range(int(sys.argv[3]))))
        else:
            print("ready", flush=True)
            sys.stdin.readline()
            await app.run_worker_async(
                queues=["bench"], wait=False, listen_notify=False, install_signal_handlers=False
            )
asyncio.run(main())
"""


def _procrastinate(database: str, processes: int) -> float:
    url = make_url(database)
    host = url.query.get("host", url.host)
    where = f"dbname={url.database} user={url.username or 'postgres'} host={host}"
    command = [sys.executable, "-c", _PROCRASTINATE, where]
    subprocess.run([*command, "defer", str(_TOGETHER)], check=True, capture_output=True)
    crowd = [
        subprocess.Popen(
            [*command, "work"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        for _ in range(processes)
    ]
    for process in crowd:
        process.stdout.readline()  # type: ignore[union-attr]
    began = perf_counter()
    for process in crowd:
        process.stdin.close()  # type: ignore[union-attr]
    for process in crowd:
        process.wait()
    return _TOGETHER / (perf_counter() - began)
