"""A configured project from a script, and what is left behind when the script is killed: nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from fixtures.projects.kitchen import below, is_alive
from fixtures.projects.project import wait_for
from fixtures.servers import warm

import bakeoff
from bakeoff.notebook import open_projects
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.database import schema_version

SCRIPT = """
import time
import bakeoff
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

LONG = 300

class Slow:
    def fit(self, X, y):
        time.sleep(LONG)

    def predict(self, X):
        return [0] * len(X)

project = bakeoff.project()
result = bakeoff.run(models=["ridge", DecisionTreeClassifier(max_depth=2)], progress=False)
print(sorted(result.leaderboard.index), result.name, flush=True)
X, y = load_iris(return_X_y=True, as_frame=True)
given = bakeoff.compare(["ridge", DecisionTreeClassifier(max_depth=2)], X, y, name="given", progress=False)
names = list(project.runs().name)[:1]
print(sorted(given.leaderboard.index), names, project.registry.list_models(), flush=True)
run = bakeoff.run("flowers", models={"slow": Slow}, wait=False)
for outcome in run:
    print(outcome.candidate, flush=True)
"""


def test_a_script_runs_its_project_and_leaves_nothing_when_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    datasets = {"flowers": {"source": "sklearn", "name": "iris"}}
    (tmp_path / "config" / "bakeoff.yaml").write_text(yaml.safe_dump({"datasets": datasets}))
    catalog = {"models": {"ridge": {"path": "sklearn.linear_model:RidgeClassifier"}}}
    (tmp_path / "config" / "models.yaml").write_text(yaml.safe_dump(catalog))
    (tmp_path / "script.py").write_text(SCRIPT)
    with warm.Popen(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
    ) as script:
        assert script.stdout is not None
        first = script.stdout.readline()
        assert first.startswith("['DecisionTreeClassifier', 'dummy', 'ridge'] flowers-"), first
        assert script.stdout.readline() == "['DecisionTreeClassifier', 'dummy', 'ridge'] ['given'] []\n"
        assert script.stdout.readline() == "dummy\n"

        session = open_projects.session_of(bakeoff.project(tmp_path)._session.configuration)
        engine = session.context.engine
        [slow, _] = run_rows.page(engine, limit=2)
        wait_for(lambda: any(map(_is_fitting, below(script.pid))), "the fit")
        processes = below(script.pid)
        script.kill()

    wait_for(lambda: not any(map(is_alive, processes)), "the end of what the script had started")
    wait_for(lambda: not session.context.broker.is_running(), "the end of the embedded Redis")
    assert run_rows.get(engine, slow.run.id).state == "cancelled"
    open_projects._open.clear()


def _is_fitting(pid: int) -> bool:
    """Whether it is a cell, which is below a warm parent, below the oven, below the worker."""
    try:
        return len(psutil.Process(pid).parents()) > len(psutil.Process(os.getpid()).parents()) + 4
    except psutil.Error:
        return False


def test_a_temporary_project_that_was_removed_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    first = open_projects.temporary_session()
    first.context.broker.hold()
    schema_version.ensure(first.context.engine)
    shutil.rmtree(tmp_path / "cache")

    second = open_projects.temporary_session()
    second.context.broker.hold_or_fail()
    schema_version.ensure(second.context.engine)
    assert second is not first
    assert bakeoff.notebook_project().runs().empty
    second.close()
    open_projects._open.clear()
