# ruff: noqa: T201 - a script that prints, no part of a package
"""Bake-offs side by side with joblib (loky), a plain Celery task, Ray and Dask: same candidates, same split.

    python -m benchmarks.bakeoffs.beside_others [t1] [t2] [t3] [growth] [--times N] [--workers N] [--json F]

Ray and Dask are no dependencies of this project. They take part from an environment of their own, which has
what the lock names besides:

    uv venv build/peers
    uv pip install --python build/peers/bin/python -r requirements.lock ray distributed
    uv pip install --python build/peers/bin/python --no-deps -e .
    python -m benchmarks.bakeoffs.beside_others t1 t2 t3 --peers build/peers/bin/python

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
from benchmarks.bakeoffs.peak_memory import Peak
from benchmarks.bakeoffs.prepared_project import Stand
from benchmarks.bakeoffs.workloads import Workload, large, real, trivial, trivial_of_library

_ROOT = Path(__file__).parents[2]
_SIDES = ("bakeoff", "apart", "joblib", "celery")
_PEERS = ("ray", "dask")  #: by the interpreter of `--peers`
#: Whose versions must be the same for all, or they would not do the same work.
_LIBRARIES = ("scikit-learn", "numpy", "pandas", "scipy", "joblib")
_VERSIONS = """
import json, platform, sys
from importlib.metadata import PackageNotFoundError, version
found = {"Python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        found[name] = None
print(json.dumps(found))
"""

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
    peak_mb: float | None  #: None where it was not measured


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    sides = dict.fromkeys(_SIDES, sys.executable)
    if asked.peers:
        _require_same_libraries(asked.peers)
        sides.update(dict.fromkeys(_PEERS, asked.peers))
    if asked.sides:
        if absent := sorted(set(asked.sides) - set(sides)):
            raise SystemExit(f"{', '.join(absent)} takes part with --peers alone: `--help` says how")
        sides = {side: python for side, python in sides.items() if side in {"bakeoff", *asked.sides}}
    become_subreaper()
    figures: list[Figure] = []
    for scenario in asked.scenarios or ["t1", "t2", "t3"]:
        for workload in SCENARIOS[scenario]:
            taking_part = {"bakeoff": sys.executable} if scenario == "growth" else sides
            figures += _compare(
                workload, taking_part, times=asked.times, workers=asked.workers, memory=asked.memory
            )
    _print_ratios(figures)
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bakeoffs.beside_others", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("scenarios", nargs="*", choices=[*SCENARIOS, []], metavar="SCENARIO")
    parser.add_argument("--times", type=int, default=5, help="turns of each contender")
    parser.add_argument("--workers", type=int, default=min(10, len(os.sched_getaffinity(0))))
    parser.add_argument(
        "--peers", metavar="PYTHON", help="the interpreter that has Ray and Dask; both take part, too"
    )
    parser.add_argument(
        "--sides", nargs="+", choices=[*_SIDES, *_PEERS], metavar="SIDE", help="these alone, beside bakeoff"
    )
    parser.add_argument(
        "--no-memory", dest="memory", action="store_false", help="leave out the turn for peak memory"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser


def _require_same_libraries(peers: str) -> None:
    needed = (*_LIBRARIES, "bakeoff", "ray", "distributed")
    here, there = (_versions(python, needed) for python in (sys.executable, peers))
    missing = [name for name in needed if there[name] is None]
    if missing:
        raise SystemExit(f"{peers} has no {', '.join(missing)}: `--help` says how to make this environment")
    for name in ("Python", *_LIBRARIES):
        if there[name] != here[name]:
            raise SystemExit(
                f"{peers} has {name} {there[name]}, and {sys.executable} has {here[name]}: "
                "make that environment again from the same lock, as `--help` says"
            )


def _versions(python: str, names: Sequence[str]) -> dict[str, str | None]:
    try:
        answer = subprocess.run([python, "-c", _VERSIONS, *names], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"{python} does not run as a Python interpreter: {error}") from None
    versions: dict[str, str | None] = json.loads(answer.stdout)
    return versions


def _compare(
    workload: str, sides: Mapping[str, str], *, times: int, workers: int, memory: bool
) -> list[Figure]:
    """`sides`: the interpreter of each contender."""
    with TemporaryDirectory(prefix="bakeoff-benchmark-") as folder:
        stand = Stand(folder=Path(folder), workers=workers)
        stand.set_up(WORKLOADS[workload]())
        serial = {"serial": sys.executable} if len(sides) > 1 else {}
        turns = [
            {side: _run(side, python, stand) for side, python in {**serial, **sides}.items()}
            for _ in range(times)
        ]
        _check(turns)
        bound_s = _bound_s([turn["serial"] for turn in turns], workers) if "serial" in turns[0] else None
        print(f"\n{workload}: {len(stand.plan.candidates)} candidates, {workers} workers, {_said(bound_s)}")
        print(f"{'':10}{'s':>9}{'ratio':>8}{'ms per job and worker':>24}{'peak MB':>10}")
        return [
            _print_figure(
                _figure(
                    workload,
                    side,
                    [turn[side]["wall_s"] for turn in turns],
                    bound_s=bound_s,
                    stand=stand,
                    peak_mb=_peak_mb(side, python, stand) if memory else None,
                )
            )
            for side, python in sides.items()
        ]


def _peak_mb(side: str, python: str, stand: Stand) -> float:
    peak = Peak()
    _run(side, python, stand, peak)
    return peak.mb


def _figure(
    workload: str,
    side: str,
    wall_s: Sequence[float],
    *,
    bound_s: float | None,
    stand: Stand,
    peak_mb: float | None,
) -> Figure:
    jobs, typical = len(stand.plan.candidates), median(wall_s)
    return Figure(
        workload=workload,
        contender=side,
        jobs=jobs,
        wall_s=typical,
        all_wall_s=tuple(wall_s),
        per_job_ms=typical * stand.workers / jobs * 1e3,
        ratio=typical / bound_s if bound_s else None,
        peak_mb=peak_mb,
    )


def _print_figure(figure: Figure) -> Figure:
    ratio = f"{figure.ratio:.2f}" if figure.ratio else ""
    peak_mb = "" if figure.peak_mb is None else f"{figure.peak_mb:10.0f}"
    print(
        f"{figure.contender:10}{figure.wall_s:9.2f}{ratio:>8}{figure.per_job_ms:24.1f}{peak_mb}", flush=True
    )
    return figure


def _print_ratios(figures: Sequence[Figure]) -> None:
    """Below one: Bakeoff was faster."""
    walls = {(figure.workload, figure.contender): figure.wall_s for figure in figures}
    others = [side for side in dict.fromkeys(figure.contender for figure in figures) if side != "bakeoff"]
    if not others:
        return
    print(f"\nBakeoff takes so many times as long as\n{'':12}" + "".join(f"{side:>10}" for side in others))
    for workload in dict.fromkeys(figure.workload for figure in figures):
        its = [(walls.get((workload, side)), walls[workload, "bakeoff"]) for side in others]
        print(
            f"{workload:12}" + "".join(f"{ours / wall:10.2f}" if wall else f"{'':10}" for wall, ours in its)
        )


def _said(bound_s: float | None) -> str:
    return "no bound" if bound_s is None else f"bound {bound_s:.2f} s"


def _run(side: str, python: str, stand: Stand, peak: Peak | None = None) -> dict[str, Any]:
    command = [python, "-m", "benchmarks.bakeoffs.contenders", side, str(stand.folder), str(stand.workers)]
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
        raise SystemExit(f"{side} ended with code {process.returncode}: what it wrote above says why")
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
