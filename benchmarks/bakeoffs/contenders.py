# ruff: noqa: T201 - what it prints goes to benchmarks.bakeoffs.beside_others
"""One contender, once, in a process of its own: python -m benchmarks.bakeoffs.contenders NAME STAND WORKERS.

It says `go` when all is warm and the clock starts, and then, in one line of JSON, how long it took until the
last result was durable, and what the metrics were.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bakeoff.domain.candidate import Candidate, Preprocess
from bakeoff.domain.runs.run import RunState
from benchmarks.bakeoffs.peers import Rows, Subject, evaluate, wait_warm, warm_up
from benchmarks.bakeoffs.prepared_project import Stand

_POLL_S = 0.1  #: the times are those that the rows bear
_OBJECT_STORE_BYTES = 100_000_000  #: of Ray, which is sent what is short
_ROUNDS = 4  #: of waiting candidates, so that each slot has had one


def serial(stand: Stand) -> Mapping[str, Any]:
    """No distribution at all: what the others are measured against."""
    candidates, subject = stand.plan.candidates, Subject.of(stand)
    warm_up()
    with _rows() as rows:
        began, seconds = _go(), {}
        for candidate in candidates:
            at = time.perf_counter()
            rows.add(*evaluate(candidate, subject))
            seconds[candidate.id] = time.perf_counter() - at
        return {**_outcome(rows, began), "seconds": seconds}


def joblib(stand: Stand) -> Mapping[str, Any]:
    from joblib import Parallel, delayed

    candidates, subject = stand.plan.candidates, Subject.of(stand)
    with (
        _rows() as rows,
        Parallel(n_jobs=stand.workers, return_as="generator_unordered") as parallel,
    ):
        list(parallel(delayed(wait_warm)() for _ in range(_ROUNDS * stand.workers)))
        began = _go()
        for model_id, metrics in parallel(delayed(evaluate)(one, subject) for one in candidates):
            rows.add(model_id, metrics)
        return _outcome(rows, began)


def joblib_wall_s(stand: Stand, names: Sequence[str], *, times: int) -> float:
    """What `times` fits of each candidate take, in the order of the folds of ours. Nothing is written."""
    from joblib import Parallel, delayed

    candidates, subject = [one for one in stand.plan.candidates if one.id in names], Subject.of(stand)
    with Parallel(n_jobs=stand.workers) as parallel:
        parallel(delayed(wait_warm)() for _ in range(_ROUNDS * stand.workers))
        began = time.perf_counter()
        parallel(delayed(evaluate)(one, subject) for one in candidates for _ in range(times))
        return time.perf_counter() - began


def ray(stand: Stand) -> Mapping[str, Any]:
    """Tasks of one processor each; the driver writes each row as soon as its task has ended."""
    from ray import get, init, remote, shutdown, wait

    candidates, subject = stand.plan.candidates, Subject.of(stand)
    bake, warm = remote(num_cpus=1)(evaluate), remote(num_cpus=1)(wait_warm)
    with TemporaryDirectory() as folder, _rows() as rows:
        init(
            num_cpus=stand.workers,
            object_store_memory=_OBJECT_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            _temp_dir=folder,
        )
        get([warm.remote() for _ in range(_ROUNDS * stand.workers)])
        began = _go()
        waiting = [bake.remote(candidate, subject) for candidate in candidates]
        while waiting:
            ended, waiting = wait(waiting)
            for one in ended:
                rows.add(*get(one))
        outcome = _outcome(rows, began)
        shutdown()
        return outcome


def dask(stand: Stand) -> Mapping[str, Any]:
    """A local cluster of processes with one thread each; the client writes each row when it arrives."""
    from distributed import Client, LocalCluster, as_completed

    candidates, subject = stand.plan.candidates, Subject.of(stand)
    with (
        _rows() as rows,
        LocalCluster(n_workers=stand.workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.run(warm_up)
        client.gather([client.submit(wait_warm, pure=False) for _ in range(_ROUNDS * stand.workers)])
        began = _go()
        baked = client.map(evaluate, candidates, subject=subject, pure=False)
        for _, (model_id, metrics) in as_completed(baked, with_results=True):
            rows.add(model_id, metrics)
        return _outcome(rows, began)


def celery(stand: Stand) -> Mapping[str, Any]:
    from bakeoff.broker import embedded_redis

    with TemporaryDirectory() as folder, embedded_redis.hold(Path(folder)) as redis:
        os.environ["BENCHMARK_BROKER"] = redis.url
        os.environ["BENCHMARK_STAND"] = str(stand.folder)
        os.environ["BENCHMARK_ROWS"] = f"{folder}/rows.db"
        worker = [sys.executable, "-m", "celery", "-A", "benchmarks.bakeoffs.plain_celery", "worker"]
        quick = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with _process([*worker, *quick, "-c", str(stand.workers)]):
            return _send_to_celery(stand, Rows(Path(folder) / "rows.db"))


def _send_to_celery(stand: Stand, rows: Rows) -> Mapping[str, Any]:
    from benchmarks.bakeoffs.plain_celery import app, bake, warm

    candidates = [candidate.to_json() for candidate in stand.plan.candidates]
    for number in range(_ROUNDS * stand.workers):
        warm.delay(number)
    _wait(lambda: rows.count() == _ROUNDS * stand.workers)
    rows.clear()
    began = _go()
    with app.producer_pool.acquire(block=True) as producer, producer.batch(500):
        for candidate in candidates:
            bake.apply_async([candidate], producer=producer)
    _wait(lambda: rows.count() == len(candidates))
    return _outcome(rows, began)


def bakeoff(stand: Stand, **overrides: Any) -> Mapping[str, Any]:
    from bakeoff.domain.ids_and_times import new_id
    from bakeoff.operations.runs.start_run import start_planned
    from tasks import enqueue
    from tasks.celery import process_context

    plan = stand.plan
    with a_warm_worker(stand, **overrides):
        began = _go()
        run_id = new_id()
        start_planned(process_context(), plan, run_id=run_id)
        enqueue.wait(run_id, poll_s=_POLL_S)
        return of_run(run_id, began)


def apart(stand: Stand) -> Mapping[str, Any]:
    """A cell for each candidate, also for those of installed libraries."""
    return bakeoff(stand, sharedCells=[])


@contextmanager
def a_warm_worker(stand: Stand, **overrides: Any) -> Iterator[None]:
    """The node that `bakeoff run` starts, on the broker that it has by default, and an empty database."""
    from bakeoff.domain.ids_and_times import new_id
    from bakeoff.operations.context import Context
    from bakeoff.operations.runs.start_run import start_planned
    from bakeoff.store.database import schema_version
    from bakeoff.worker import run_celery_nodes
    from tasks import celery, enqueue

    with TemporaryDirectory() as folder:
        configuration = stand.with_database(Path(folder) / "bakeoff.db", **overrides)
        context = Context(configuration, celery.messenger_for)
        celery.use(context)
        context.broker.hold()
        schema_version.ensure(context.engine)
        waiting = replace(stand.plan, candidates=tuple(map(_waiting, range(_ROUNDS * stand.workers))))
        with _process(run_celery_nodes.eval_command(configuration, "INFO"), **configuration.as_environment()):
            warm_up = new_id()
            start_planned(context, waiting, run_id=warm_up)
            enqueue.wait(warm_up)
            yield


def _waiting(number: int) -> Candidate:
    path = "benchmarks.parts.quick_candidates:Waiting"
    return Candidate(id=f"waiting-{number}", version="1", path=path, preprocess=Preprocess.NONE, threads=1)


def of_run(run_id: str, began: float) -> Mapping[str, Any]:
    from bakeoff.store.bakeoffs import job_queries, run_rows
    from tasks.celery import process_context

    context = process_context()
    run, found = run_rows.get(context.engine, run_id), job_queries.results_of_run(context.engine, run_id)
    if run.state is not RunState.COMPLETED or run.ended_at is None:
        raise SystemExit(f"the run is {run.state}: `bakeoff show` in {context.configuration.root} says why")
    return {
        "wall_s": run.ended_at.timestamp() - began,
        "metrics": {result.model_id: dict(result.metrics) for result in found},
    }


def _go() -> float:
    print("go", flush=True)
    return time.time()


def _outcome(rows: Rows, began: float) -> Mapping[str, Any]:
    return {"wall_s": rows.last_written_at() - began, "metrics": rows.metrics()}


@contextmanager
def _rows() -> Iterator[Rows]:
    with TemporaryDirectory() as folder:
        yield Rows(Path(folder) / "rows.db")


@contextmanager
def _process(command: Sequence[str], **environment: str) -> Iterator[None]:
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait(look: Callable[[], bool]) -> None:
    while not look():
        time.sleep(_POLL_S)


CONTENDERS: Mapping[str, Callable[[Stand], Mapping[str, Any]]] = {
    "serial": serial,
    "bakeoff": bakeoff,
    "apart": apart,
    "joblib": joblib,
    "ray": ray,
    "dask": dask,
    "celery": celery,
}

if __name__ == "__main__":
    name, folder, workers = sys.argv[1:]
    print(json.dumps(CONTENDERS[name](Stand(folder=Path(folder), workers=int(workers)))), flush=True)
