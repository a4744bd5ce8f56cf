# ruff: noqa: T201 - a script that prints, no part of a package
"""What the same bake-off costs again, and with one candidate changed, as parts of what it costs at first.

    python -m benchmarks.reuse [workers]

The 24 candidates of T2. The clock starts with the request, before the data are looked at, and stops when the
last result is durable. The worker is warm.
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bakeoff.evaluation.planning.run_spec import RunRequest
from benchmarks.contenders import a_warm_worker, of_run
from benchmarks.stand import Stand
from benchmarks.workloads import Workload, real

_CHANGED = "forest_100"


def main(workers: int) -> None:
    with TemporaryDirectory() as folder:
        stand = Stand(folder=Path(folder), workers=workers)
        stand.set_up(real())
        with a_warm_worker(stand):
            for what, took_s, share in _figures(stand):
                print(f"{what:45}{took_s:8.2f} s{share:8.1%}")


def _figures(stand: Stand) -> Iterator[tuple[str, float, float]]:
    first_s = _bake()
    yield "at first", first_s, 1.0
    again_s = _bake()
    yield "again", again_s, again_s / first_s
    alone_s = _bake(_CHANGED, seed=1)
    yield "one candidate alone, on another split", alone_s, alone_s / first_s
    stand.write_catalog(_with_one_changed(real()))
    _reload()
    changed_s = _bake()
    yield "again, with that candidate changed", changed_s, changed_s / first_s


def _bake(*models: str, seed: int = 0) -> float:
    from tasks import enqueue

    began = time.time()
    request = RunRequest(dataset="d", models=list(models) or None, baseline=False, seed=seed)
    run_id = enqueue.start_run(request)
    enqueue.wait(run_id, poll_s=0.02)
    took_s: float = of_run(run_id, began)["wall_s"]
    return took_s


def _with_one_changed(workload: Workload) -> Workload:
    entry = workload.candidates[_CHANGED]
    changed = {**entry, "params": {**entry["params"], "min_samples_leaf": 2}}
    return replace(workload, candidates={**workload.candidates, _CHANGED: changed})


def _reload() -> None:
    from tasks.celery import process_context

    process_context().reload_catalog()


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else len(os.sched_getaffinity(0)))
