"""What a type checker tells users of the public names, as in an editor."""

import subprocess
import sys
from pathlib import Path

from fixtures.places import ROOT

import bakeoff

SCRIPT = """
from typing import Any, assert_type

import pandas as pd

import bakeoff


def use(estimators: list[object], X: pd.DataFrame, y: Any) -> None:
    result = bakeoff.compare(estimators, X, y, folds=5, metrics=["accuracy"], save="best")
    assert_type(result, bakeoff.BakeoffResult)
    assert_type(result.leaderboard, pd.DataFrame)
    assert_type(result.plan, pd.DataFrame)
    assert_type(result.recommended, str | None)
    assert_type(result.errors["forest"].message, str)
    assert_type(result.best.candidate, str)
    result.best.predict(X)
    result.plot.roc().save("roc.svg")
    run = bakeoff.compare(estimators, X, y, wait=False)
    assert_type(run, bakeoff.BakeoffRun)
    assert_type(run.wait(), bakeoff.BakeoffResult)
    for outcome in run:
        assert_type(outcome.error, str)
    project = bakeoff.project("shop")
    assert_type(project, bakeoff.Project)
    assert_type(project.runs(), pd.DataFrame)
    assert_type(project.run("sales"), bakeoff.BakeoffResult)
    assert_type(bakeoff.run("sales", wait=False), bakeoff.BakeoffRun)
    bakeoff.compare(estimators, X, y, fold=5)  # type: ignore[call-overload]
    bakeoff.compare(estimators, X, y, save="bets")  # type: ignore[call-overload]
    result.leaderbord  # type: ignore[attr-defined]
"""
#: Our public names alone are followed: all behind them would take half a minute.
CONFIGURATION = """
[mypy]
python_version = 3.11
strict = True
follow_imports = skip
disallow_any_unimported = False
[mypy-bakeoff,bakeoff.notebook,bakeoff.notebook.*,bakeoff.inference.predictor]
follow_imports = silent
"""


def test_a_script_of_a_user_is_checked_and_a_mistyped_option_is_found(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "mypy.ini").write_text(CONFIGURATION)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", "/dev/null", "script.py"],
        cwd=tmp_path,
        env={"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("Success: no issues found in 1 source file\n", 0), done.stderr
    assert (Path(bakeoff.__file__).parent / "py.typed").is_file()
