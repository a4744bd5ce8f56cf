# ruff: noqa: T201 - a script that prints, no part of a package
"""What the database does for how many jobs, and for how many supervisors at once; and what Redis is told.

    python -m benchmarks.database.many_jobs [URL of an empty database] [most jobs]

First the cost of each step of a job while so many others are queued; then jobs per second, from claim to
finish, by so many processes, beside procrastinate where that is installed, and by as many nodes as a cluster
has; then events and doorbells per second. Without a URL it is an SQLite file.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, text

from bakeoff.broker import embedded_redis
from bakeoff.domain.event import EventType
from bakeoff.events import event_stream
from bakeoff.operations.context import Context
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import leased_jobs, outbox, run_rows
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.queue_order import next_jobs
from bakeoff.store.database import schema_version
from bakeoff.store.database.engine_and_transactions import open_database, writing
from bakeoff.store.monitoring import metric_counts
from benchmarks.database.claiming import print_throughput
from benchmarks.database.steps_of_a_job import BEGAN, a_job, a_result, a_run
from tasks.celery import messenger_for

_SAMPLES = 200
_EVENTS = 20_000
_CAPS = claims.Caps(per_node=10_000, overall=10_000)


def main(url: str | None, most: int) -> None:
    with _database(url) as database:
        engine = open_database(database)
        schema_version.ensure(engine)
        print(f"{engine.dialect.name}, medians in µs while so many jobs are queued\n")
        _print_costs(engine, most)
        _forget(engine)
        engine.dispose()
        print_throughput(database, settle)
        print()
        _print_messages(open_database(database))


@contextmanager
def _database(url: str | None) -> Iterator[str]:
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder)}/bakeoff.db"


def _print_costs(engine: Engine, most: int) -> None:
    steps = ("create", "next", "claim", "renew", "complete", "sweep", "figures")
    print(f"{'jobs':>10}" + "".join(f"{step:>10}" for step in steps))
    queued, number = 0, 1_000
    while number <= most:
        run = a_run()
        jobs = [a_job(run, place) for place in range(number - queued)]
        began = perf_counter()
        run_rows.create(engine, run, jobs)
        create = (perf_counter() - began) / len(jobs)
        settle(engine)
        queued = number
        costs = [create, *_costs(engine)]
        print(f"{number:>10,}" + "".join(f"{cost * 1e6:10,.0f}" for cost in costs))
        number *= 10


def settle(engine: Engine) -> None:
    """What PostgreSQL does by itself within a minute."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def _costs(engine: Engine) -> list[float]:
    def finish(claim: claims.Claim) -> None:
        leased_jobs.complete(engine, claim.lease, a_result(claim))

    taken: dict[str, list[float]] = {name: [] for name in ("next", "claim", "renew", "complete")}
    for _ in range(_SAMPLES):
        found = _timed(taken["next"], lambda: next_jobs(engine, limit=1))
        claim = _timed(taken["claim"], lambda found=found: _claim(engine, found[0].job_id))
        _timed(taken["renew"], lambda claim=claim: leased_jobs.renew(engine, claim.lease, lease_s=30))
        _timed(taken["complete"], lambda claim=claim: finish(claim))
    looks: list[list[float]] = [[], []]
    for _ in range(5):
        _timed(looks[0], lambda: leased_jobs.expire(engine))
        _timed(looks[1], lambda: metric_counts.read_counts(engine))
    return [median(cost) for cost in (*taken.values(), *looks)]


def _timed(costs: list[float], act: Callable[[], Any]) -> Any:
    began = perf_counter()
    outcome = act()
    costs.append(perf_counter() - began)
    return outcome


def _claim(engine: Engine, job_id: str) -> Any:
    holder = claims.Holder(node="here", worker="here")
    return claims.claim(engine, job_id, holder=holder, caps=_CAPS, lease_s=30)


def _print_messages(engine: Engine) -> None:
    run = a_run()
    run_rows.create(engine, run, [a_job(run, place) for place in range(1_000)])
    with writing(engine) as connection:
        outbox.add(connection, EventType.EVALUATION_STARTED, run.id, [{"attempt": 1}] * _EVENTS, BEGAN)
    with tempfile.TemporaryDirectory() as folder, embedded_redis.hold(Path(folder)) as server:
        settings = load(environment={"BAKEOFF_DATA_DIR": folder})
        messenger = messenger_for(Context(settings))
        began = perf_counter()
        told = _relay(engine, server.client_url)
        print(f"events told per second    {told / (perf_counter() - began):9,.0f}")
        waiting = next_jobs(engine, limit=1_000)
        began = perf_counter()
        for _ in range(10):
            messenger.send_doorbells(waiting)
        print(f"doorbells rung per second {10 * len(waiting) / (perf_counter() - began):9,.0f}")


def _relay(engine: Engine, url: str) -> int:
    import redis

    client, told = redis.Redis.from_url(url), 0
    while pending := outbox.pending(engine, limit=500):
        event_stream.publish(client, [item.event for item in pending], max_length=100_000)
        outbox.mark_published(engine, [item.position for item in pending])
        told += len(pending)
    return told


def _forget(engine: Engine) -> None:
    with writing(engine) as connection:
        for table in ("outbox", "evaluation_results", "evaluation_jobs", "evaluation_runs"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - names of ours


if __name__ == "__main__":
    given = sys.argv[1:]
    main(
        next((word for word in given if "://" in word), None),
        next((int(word) for word in given if word.isdecimal()), 1_000_000),
    )
