# ruff: noqa: T201 - a script that prints, no part of a package
"""Bake-offs side by side with joblib (loky) and with a plain Celery task, over the same candidates and split.

    python -m benchmarks.bakeoff [t1] [t2] [t3] [growth] [--times N] [--workers N] [--json FILE]

Each contender runs in a process of its own, in turns; what is shown is the median. The clock starts when all
workers are there and have loaded their libraries, and the snapshot is made; it stops when the last result is
durable. The bound is what no distribution can beat: the seconds of a serial loop over the same functions,
divided by the workers, or the longest candidate. Peak memory is measured in a turn of its own.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bakeoff.cell.confinement.kernel_calls import become_subreaper
from bakeoff.cell.inside.cell_main import THREAD_VARIABLES
from benchmarks.memory import Peak
from benchmarks.stand import Stand
from benchmarks.workloads import Workload, large, real, trivial, trivial_of_library

_ROOT = Path(__file__).parent.parent
_SIDES = ("bakeoff", "apart", "joblib", "celery")
_ALONE = ("bakeoff",)

WORKLOADS: Mapping[str, Callable[[], Workload]] = {
    "t1": lambda: trivial(200),
    "t1-library": lambda: trivial_of_library(200),
    "t2": real,
    "t3": large,
    "growth-1000": lambda: trivial(1_000),
    "growth-10000": lambda: trivial(10_000),
}
SCENARIOS: Mapping[str, Sequence[str]] = {
    "t1": ["t1"],
    "t1-library": ["t1-library"],
    "t2": ["t2"],
    "t3": ["t3"],
    "growth": ["growth-1000", "growth-10000"],
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    workload: str
    contender: str
    jobs: int
    wall_s: float  #: median
    all_wall_s: tuple[float, ...]
    per_job_ms: float  #: of each worker's time
    ratio: float | None  #: of the wall time to the bound; None where no serial loop was run
    peak_mb: float


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    become_subreaper()
    figures: list[Figure] = []
    for scenario in asked.scenarios or ["t1", "t2", "t3"]:
        for workload in SCENARIOS[scenario]:
            sides = _ALONE if scenario == "growth" else _SIDES
            figures += _compare(workload, sides, times=asked.times, workers=asked.workers)
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bakeoff", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []], metavar="SCENARIO")
    parser.add_argument("--times", type=int, default=5, help="turns of each contender")
    parser.add_argument("--workers", type=int, default=min(10, len(os.sched_getaffinity(0))))
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser


def _compare(workload: str, sides: Sequence[str], *, times: int, workers: int) -> list[Figure]:
    with TemporaryDirectory(prefix="bakeoff-benchmark-") as folder:
        stand = Stand(folder=Path(folder), workers=workers)
        stand.set_up(WORKLOADS[workload]())
        turns = [{side: _run(side, stand) for side in (*_yardstick(sides), *sides)} for _ in range(times)]
        _check(turns)
        bound_s = _bound_s([turn["serial"] for turn in turns], workers) if "serial" in turns[0] else None
        print(f"\n{workload}: {len(stand.plan.candidates)} candidates, {workers} workers, {_said(bound_s)}")
        print(f"{'':10}{'s':>9}{'ratio':>8}{'ms per job and worker':>24}{'peak MB':>10}")
        return [
            _figure(workload, side, [turn[side]["wall_s"] for turn in turns], bound_s, stand)
            for side in sides
        ]


def _yardstick(sides: Sequence[str]) -> Sequence[str]:
    return ["serial"] if len(sides) > 1 else []


def _figure(workload: str, side: str, wall_s: Sequence[float], bound_s: float | None, stand: Stand) -> Figure:
    jobs, typical = len(stand.plan.candidates), median(wall_s)
    peak = Peak()
    _run(side, stand, peak)
    figure = Figure(
        workload=workload,
        contender=side,
        jobs=jobs,
        wall_s=typical,
        all_wall_s=tuple(wall_s),
        per_job_ms=typical * stand.workers / jobs * 1e3,
        ratio=typical / bound_s if bound_s else None,
        peak_mb=peak.mb,
    )
    ratio = f"{figure.ratio:.2f}" if figure.ratio else ""
    print(f"{side:10}{typical:9.2f}{ratio:>8}{figure.per_job_ms:24.1f}{figure.peak_mb:10.0f}")
    return figure


def _said(bound_s: float | None) -> str:
    return "no bound" if bound_s is None else f"bound {bound_s:.2f} s"


def _run(side: str, stand: Stand, peak: Peak | None = None) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.contenders", side, str(stand.folder), str(stand.workers)]
    environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1")}
    with subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if line == "go\n" and peak is not None:
                peak.start()
            elif line.startswith("{"):
                if peak is not None:
                    peak.stop()
                outcome: dict[str, Any] = json.loads(line)
    if process.returncode:
        raise SystemExit(f"{side} ended with code {process.returncode}")
    return outcome


def _check(turns: Sequence[Mapping[str, Any]]) -> None:
    """Whoever is fast because it does something else is no contender."""
    expected = next(iter(turns[0].values()))["metrics"]
    for turn in turns:
        for side, outcome in turn.items():
            if outcome["metrics"] != expected:
                raise SystemExit(f"the metrics of {side} are others than those of {next(iter(turns[0]))}")


def _bound_s(serial: Sequence[Mapping[str, Any]], workers: int) -> float:
    seconds = [median(turn["seconds"][model] for turn in serial) for model in serial[0]["seconds"]]
    return max(sum(seconds) / workers, *seconds)


if __name__ == "__main__":
    main()
