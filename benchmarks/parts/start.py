# ruff: noqa: T201 - a script that prints, no part of a package
"""How long a user waits for commands and for `bakeoff.compare`, from the start of a process to its end.

    python -m benchmarks.parts.start [times]

A project of its own with three quick candidates on a toy set; nothing else should run. Cold: no worker is
there, and nothing is remembered of the project, but Python's bytecode is compiled. Warm: the worker of the
run before waits for another. In turns, so that what else the machine does falls on all alike. A run *begins*
when its first candidate is claimed by a worker, as the database says it.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bakeoff.domain.ids_and_times import utc_now
from bakeoff.settings.configuration import load
from bakeoff.store.bakeoffs import job_queries, run_rows
from bakeoff.store.database.engine_and_transactions import open_database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SETTINGS = "evalWorkers: 2\ndatasets: {iris: {source: sklearn, name: iris}}\n"
_CATALOG = """
models:
  tree: {path: 'sklearn.tree:DecisionTreeClassifier'}
  nearest: {path: 'sklearn.neighbors:KNeighborsClassifier'}
  bayes: {path: 'sklearn.naive_bayes:GaussianNB'}
"""
_COMPARE = """
import time
import bakeoff
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier
X, y = load_iris(return_X_y=True, as_frame=True)
for _ in range(2):
    began = time.monotonic()
    bakeoff.compare([DecisionTreeClassifier(), GaussianNB()], X, y, seeds=1, fresh=True)
    print(time.monotonic() - began)
"""


class Stand:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._project = folder / "project"
        (folder / "home").mkdir()
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BAKEOFF_")},
            "HOME": str(folder / "home"),
        }

    def bakeoff(self, *words: str) -> float:
        return self._timed([sys.executable, "-m", "bakeoff.cli.main", *words])

    def run_cold(self) -> tuple[float, float]:
        if self._project.exists():
            self.bakeoff("worker", "--stop")
            shutil.rmtree(self._project)
        (self._project / "config").mkdir(parents=True)
        (self._project / "config" / "bakeoff.yaml").write_text(_SETTINGS)
        (self._project / "config" / "models.yaml").write_text(_CATALOG)
        return self.run_warm()

    def run_warm(self) -> tuple[float, float]:
        """Until the first candidate begins, and until the command ends."""
        began = utc_now()
        seconds = self.bakeoff("run", "iris", "--fresh")
        engine = open_database(load(self._project / "config", environment={}).database_url)
        run = run_rows.page(engine, limit=1)[0].run
        started = [job.started_at for job in job_queries.of_run(engine, run.id) if job.started_at is not None]
        engine.dispose()
        return (min(started) - began).total_seconds(), seconds

    def compare(self) -> tuple[float, float]:
        """The first in a process, and the second. Nothing else is there meanwhile."""
        self.stop()
        script = [sys.executable, "-c", _COMPARE]
        said = subprocess.run(
            script, cwd=self._folder, env=self._environment, check=True, capture_output=True, text=True
        ).stdout
        cold, warm = map(float, said.split())
        return cold, warm

    def stop(self) -> None:
        self.bakeoff("worker", "--stop")

    def _timed(self, command: list[str]) -> float:
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=self._project,
            env=self._environment,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{command} ended with {done.returncode}: {done.stderr}")
        return time.monotonic() - began


def measure(stand: Stand, times: int) -> dict[str, list[float]]:
    ways: dict[tuple[str, ...], Callable[[], Sequence[float]]] = {
        ("bakeoff run, cold: begins", "bakeoff run, cold: is over"): stand.run_cold,
        ("bakeoff run, warm: begins", "bakeoff run, warm: is over"): stand.run_warm,
        ("bakeoff models",): lambda: [stand.bakeoff("models")],
        ("bakeoff --help",): lambda: [stand.bakeoff("--help")],
        ("compare, first", "compare, second"): stand.compare,
    }
    found: dict[str, list[float]] = {name: [] for names in ways for name in names}
    for _ in range(times):
        for names, way in ways.items():
            for name, seconds in zip(names, way(), strict=True):
                found[name].append(seconds)
    return found


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with TemporaryDirectory(prefix="bakeoff-start-") as folder:
        stand = Stand(Path(folder))
        try:
            found = measure(stand, times)
        finally:
            stand.stop()
    print(f"| seconds, {times} times | least | median | most |\n|---|---|---|---|")
    for name, seconds in found.items():
        print(f"| {name} | {min(seconds):.2f} | {median(seconds):.2f} | {max(seconds):.2f} |")


if __name__ == "__main__":
    main()
