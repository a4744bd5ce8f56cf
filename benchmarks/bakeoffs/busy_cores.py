# ruff: noqa: T201 - a script that prints, no part of a package
"""What a fit with two threads takes while other processes keep the cores busy, by how its threads wait.

    python -m benchmarks.bakeoffs.busy_cores [busy] [times]

`busy`: how many processes compute meanwhile (2; 0 for a machine that does nothing else). The threads of
OpenMP meet at the end of each parallel loop. By default they wait there by spinning, and so keep the thread
that they wait for from its core when cores are scarce. Cells have `OMP_WAIT_POLICY=passive`: they sleep.
"""

import os
import subprocess
import sys
import time
from statistics import median

_ROWS, _COLUMNS, _TREES = 20_000, 20, 100
_THREADS = "2"
_LONGEST_S = 120
_SPIN = "while True: pass"

_WAYS = {
    "default": {},
    "OMP_WAIT_POLICY=passive": {"OMP_WAIT_POLICY": "passive"},
    "GOMP_SPINCOUNT=0": {"GOMP_SPINCOUNT": "0"},
    "KMP_BLOCKTIME=0": {"KMP_BLOCKTIME": "0"},
}


def main(busy: int = 2, times: int = 3) -> None:
    others = [subprocess.Popen([sys.executable, "-c", _SPIN]) for _ in range(busy)]
    try:
        found = {name: median(_fit_s(variables) for _ in range(times)) for name, variables in _WAYS.items()}
    finally:
        for process in others:
            process.kill()
            process.wait()
    print(f"LightGBM, {_ROWS:,} x {_COLUMNS}, {_TREES} trees, {_THREADS} threads, {busy} other processes")
    for name, seconds in found.items():
        print(f"{name:<26} {seconds:7.2f} s   {seconds / found['default']:5.2f} of the default")


def _fit_s(variables: dict[str, str]) -> float:
    """In a process of its own, since OpenMP reads the variables when it is loaded. At most `_LONGEST_S`."""
    began = time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": _THREADS, **variables}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.bakeoffs.busy_cores", "fit"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        return time.perf_counter() - began
    return float(done.stdout)


def _fit() -> None:
    import numpy as np
    from lightgbm import LGBMClassifier

    chance = np.random.default_rng(0)
    X = chance.standard_normal((_ROWS, _COLUMNS))
    y = X[:, 0] + chance.standard_normal(_ROWS) > 0
    began = time.perf_counter()
    LGBMClassifier(n_estimators=_TREES, n_jobs=int(_THREADS), verbose=-1).fit(X, y)
    print(time.perf_counter() - began)


if __name__ == "__main__":
    if sys.argv[1:] == ["fit"]:
        _fit()
    else:
        main(*map(int, sys.argv[1:]))
