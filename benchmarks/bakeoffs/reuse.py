# ruff: noqa: T201 - a script that prints, no part of a package
"""What the same bake-off costs again, and with one candidate changed, as parts of what it costs at first.

    python -m benchmarks.bakeoffs.reuse [workers]

The 24 candidates of T2. The clock starts with the request, before the data are looked at, and stops when the
last result is durable, and once more when the verdict is. The worker is warm.
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bakeoff.evaluation.planning.declared_run_options import RunRequest
from benchmarks.bakeoffs.contenders import a_warm_worker, of_run
from benchmarks.bakeoffs.prepared_project import Stand
from benchmarks.bakeoffs.workloads import Workload, real

_CHANGED = "forest_100"
_AGAIN = 5


def main(workers: int) -> None:
    with TemporaryDirectory() as folder:
        stand = Stand(folder=Path(folder), workers=workers)
        stand.set_up(real())
        with a_warm_worker(stand):
            print(f"{'':40}{'results':>18}{'verdict':>18}")
            first = None
            for what, took_s in _figures(stand):
                first = first or took_s
                shares = (f"{took:9.2f} s {took / of:6.1%}" for took, of in zip(took_s, first, strict=True))
                print(f"{what:40}" + "".join(f"{share:>18}" for share in shares), flush=True)


def _figures(stand: Stand) -> Iterator[tuple[str, tuple[float, float]]]:
    yield "at first", _bake()
    again = [_bake() for _ in range(_AGAIN)]
    yield f"again, median of {_AGAIN}", (median(one for one, _ in again), median(one for _, one in again))
    yield "one candidate alone, on another split", _bake(_CHANGED, seed=1)
    stand.write_catalog(_with_one_changed(real()))
    _reload()
    yield "again, with that candidate changed", _bake()


def _bake(*models: str, seed: int = 0) -> tuple[float, float]:
    """The seconds until its results were there, and until it was judged."""
    from bakeoff.operations.judging.judge_ended_runs import wait_for_verdict
    from tasks import enqueue
    from tasks.celery import process_context

    began = time.time()
    request = RunRequest(dataset="d", models=list(models) or None, baseline=False, seed=seed)
    run_id = enqueue.start_run(request)
    enqueue.wait(run_id, poll_s=0.02)
    wait_for_verdict(process_context(), run_id)
    judged_s = time.time() - began
    return of_run(run_id, began)["wall_s"], judged_s


def _with_one_changed(workload: Workload) -> Workload:
    entry = workload.candidates[_CHANGED]
    changed = {**entry, "params": {**entry["params"], "min_samples_leaf": 2}}
    return replace(workload, candidates={**workload.candidates, _CHANGED: changed})


def _reload() -> None:
    from tasks.celery import process_context

    process_context().reload_catalog()


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else len(os.sched_getaffinity(0)))
