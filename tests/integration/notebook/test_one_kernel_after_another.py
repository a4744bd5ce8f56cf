"""Three scripts in one folder, one after another: what each finds of the one before."""

import os
import subprocess
import sys
from ast import literal_eval
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
from fixtures.projects.kitchen import below, is_alive
from fixtures.projects.project import wait_for
from fixtures.servers import warm

LIGHT = """
assert not {"celery", "kombu", "redis"} & set(sys.modules), "the worker sends the messages"
"""
KILLED = """
import time
from bakeoff.notebook import open_projects

def begin(*given):
    print(begin_worker(*given).pid, flush=True)
    time.sleep(60)

begin_worker, open_projects.begin_worker = open_projects.begin_worker, begin
open_projects.temporary_session()
"""
SCRIPT = """
import sys
import bakeoff
import numpy as np
from sklearn.tree import DecisionTreeClassifier

class Rule:
    def fit(self, X, y):
        return self

    def predict(self, X):
        return (np.asarray(X)[:, 0] > {threshold}).astype(int)

X = np.random.default_rng(0).normal(size=(300, 2))
y = (X[:, 0] > 0).astype(int)
result = bakeoff.compare({{"rule": Rule, "tree": DecisionTreeClassifier()}}, X, y, progress=False)
score = round(result.leaderboard.f1["rule"], 2)
print(result.plan.action.to_dict(), "|", result.plan.why["rule"], "|", score)
"""


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A folder for temporary files with a short path, as sockets need it."""
    with TemporaryDirectory(prefix="bk") as folder:
        yield Path(folder)


def run(
    script: str, folder: Path, runtime: Path, start: Callable[..., "subprocess.Popen[str]"] = warm.Popen
) -> "subprocess.Popen[str]":
    (folder / "script.py").write_text(script)
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "TMPDIR": str(runtime)}
    return start(
        [sys.executable, "script.py"], cwd=folder, stdout=subprocess.PIPE, text=True, env=environment
    )


def said(script: str, folder: Path, runtime: Path, **how: Any) -> list[str]:
    process = run(script, folder, runtime, **how)
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    return output.strip().split(" | ")


def test_a_killed_one_leaves_nothing_and_what_one_has_fitted_the_next_one_reuses(
    tmp_path: Path, runtime: Path
) -> None:
    with run(KILLED, tmp_path, runtime) as script:
        assert script.stdout is not None
        worker = int(script.stdout.readline())
        wait_for(lambda: any("oven_process" in _command(pid) for pid in below(worker)), "the oven")
        processes = [worker, *below(worker)]
        script.kill()
    wait_for(lambda: not any(map(is_alive, processes)), "the end of the worker that was begun")
    assert [one for one in runtime.iterdir() if "oven" in one.name] == []

    # A started process, which has no modules but those that it has imported.
    first = SCRIPT.format(threshold=0) + LIGHT
    action, why, score = said(first, tmp_path, runtime, start=subprocess.Popen)
    assert literal_eval(action) == {"dummy": "run", "rule": "run", "tree": "run"}
    assert (why, score) == ("it was never fitted", "1.0")

    action, why, score = said(SCRIPT.format(threshold=1), tmp_path, runtime)
    assert literal_eval(action) == {"dummy": "reuse", "rule": "run", "tree": "reuse"}
    assert why == "changed: code, parameters"
    assert float(score) < 1


def _command(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""
