# ruff: noqa: T201 - a script that prints, no part of a package
"""What five folds cost beside five times the serial seconds and beside joblib, the same again, and one more.

    python -m benchmarks.bakeoffs.folds [--workers N] [--rows N] [--folds K]

The 24 candidates of T2. The bound is what no distribution can beat: the seconds of a serial loop over one
split with as many training rows as a fold has, times the folds, divided by the workers; or the longest
candidate. joblib fits and scores that split as often as there are folds, the fits in the order of ours, in
processes that are warm; its data are ready before its clock starts. Our clocks start with the request, which
makes the folds, and stop when the last result is durable. The worker is warm, too.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bakeoff.evaluation.planning.declared_run_options import RunRequest
from bakeoff.evaluation.planning.split_design_request import DesignRequest
from benchmarks.bakeoffs.contenders import a_warm_worker, joblib_wall_s, of_run
from benchmarks.bakeoffs.prepared_project import Stand
from benchmarks.bakeoffs.workloads import Workload, real

_ADDED = "forest_100"
_POLL_S = 0.1  #: the times are those that the rows bear, and each look takes time from the workers


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    workload = real() if asked.rows is None else _of_rows(real(), asked.rows)
    with TemporaryDirectory() as folder:
        stand = Stand(folder=Path(folder), workers=asked.workers)
        # One split with the training rows of a fold.
        stand.set_up(workload, testSize=1 / asked.folds)
        seconds = _serial(stand)
        others = [name for name in workload.candidates if name != _ADDED]
        each = {name: asked.folds * seconds[name] for name in workload.candidates}
        bound_s = max(sum(each[name] for name in others) / asked.workers, *(each[name] for name in others))
        joblib_s = joblib_wall_s(stand, others, times=asked.folds)
        with a_warm_worker(stand):
            first_s = _bake(others, asked.folds)
            again_s = _bake(others, asked.folds)
            added_s = _bake([*others, _ADDED], asked.folds)
    print(f"{'serial, one split':34}{sum(seconds[name] for name in others):8.2f} s")
    print(f"{f'the bound of {asked.folds} folds':34}{bound_s:8.2f} s")
    print(f"{f'joblib, {asked.folds} times':34}{joblib_s:8.2f} s{joblib_s / bound_s:8.3f}")
    print(f"{f'{asked.folds} folds on {asked.workers} workers':34}{first_s:8.2f} s{first_s / bound_s:8.3f}")
    print(f"{'the same again':34}{again_s:8.2f} s")
    ratio = added_s / each[_ADDED]
    print(f"{f'one added, alone {each[_ADDED]:.2f} s':34}{added_s:8.2f} s{ratio:8.3f}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bakeoffs.folds", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--workers", type=int, default=min(10, len(os.sched_getaffinity(0))))
    parser.add_argument("--rows", type=int, help="the first rows of T2 alone: quicker, and less exact")
    parser.add_argument("--folds", type=int, default=5)
    return parser


def _of_rows(workload: Workload, rows: int) -> Workload:
    def write(folder: Path) -> None:
        import pandas as pd

        workload.write(folder)
        pd.read_parquet(folder / "d.parquet").head(rows).to_parquet(folder / "d.parquet")

    return replace(workload, write=write)


def _serial(stand: Stand) -> dict[str, float]:
    """By candidate, in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.bakeoffs.contenders",
        "serial",
        str(stand.folder),
        str(stand.workers),
    ]
    environment = os.environ | dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
    )
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])["seconds"]
    return found


def _bake(models: list[str], folds: int) -> float:
    from tasks import enqueue

    began = time.time()
    request = RunRequest(dataset="d", models=models, baseline=False, design=DesignRequest(folds=folds))
    run_id = enqueue.start_run(request)
    enqueue.wait(run_id, poll_s=_POLL_S)
    took_s: float = of_run(run_id, began)["wall_s"]
    return took_s


if __name__ == "__main__":
    main()
