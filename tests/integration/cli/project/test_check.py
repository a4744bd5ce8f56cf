"""`bakeoff check` on candidates, what is remembered of it, and the kit in a package's own tests."""

import json
import os
import sys
from pathlib import Path

import pytest
from fixtures.places import ROOT
from fixtures.projects.command_line import Project
from fixtures.servers import warm

MEANS = """
import numpy as np

class Means:
    def fit(self, X, y):
        self.columns = list(X)
        self.classes_ = np.unique(y)
        self.middles = np.stack([np.nanmean(self._numbers(X)[y == label], axis=0) for label in self.classes_])
        return self

    def _numbers(self, X):
        return X[self.columns].select_dtypes("number").to_numpy(dtype=float)

    def predict(self, X):
        apart = self._numbers(X)[:, None, :] - self.middles
        return self.classes_[np.nansum(apart**2, axis=2).argmin(axis=1)]
"""
BY_BATCH = MEANS.replace(
    "return X[self.columns]", "X = X - X.mean(numeric_only=True)\n        return X[self.columns]"
)


@pytest.fixture
def means(project: Project) -> Project:
    (project.root / "plugs").mkdir()
    (project.root / "plugs" / "means.py").write_text(MEANS)
    (project.root / "config" / "models.yaml").write_text("models: {means: {path: plugs/means.py:Means}}\n")
    return project


def test_a_candidate_is_checked_and_remembered_as_long_as_its_code_stays(means: Project) -> None:
    checked = means.bakeoff("check", "means")
    assert checked.exit_code == 0, checked.stdout
    assert "✓ batch-split" in checked.stdout
    assert "- proba-sums  it has no predict_proba" in checked.stdout
    assert checked.stdout.splitlines()[-1].startswith("means  28 run, 28 passed, 0 failed, 5 skipped, ")

    listed = json.loads(means.bakeoff("models", "--json").stdout)
    [candidate] = listed["candidates"]
    assert (candidate["checks"]["passed"], candidate["checks"]["failedChecks"]) == (28, [])
    assert "✓ 28" in means.bakeoff("models").stdout

    (means.root / "plugs" / "means.py").write_text(MEANS.replace("argmin", "argmax"))
    [changed] = json.loads(means.bakeoff("models", "--json").stdout)["candidates"]
    assert changed["checks"] is None


def test_what_fails_is_told_with_a_cure_and_is_code_1(means: Project) -> None:
    file = means.root / "plugs" / "means.py"
    file.write_text(BY_BATCH)
    found = json.loads(means.bakeoff("check", str(file), "--json").stdout)
    every = means.bakeoff("check", "--all")

    [failed] = [one for one in found["checks"] if one["outcome"] == "failed"]
    assert (failed["slug"], found["failed"]) == ("batch-split", 1)
    assert failed["seen"].startswith("3 of 32 predictions differ in a batch of 32 instead of 64 rows: ")
    assert failed["cure"] == "compute means, ranks and scales in fit, and keep them in self"
    assert every.exit_code == 1
    assert "✗ batch-split" in every.stdout
    assert "✗ batch-split" in means.bakeoff("models").stdout


def test_one_plugin_is_named_or_all_of_them(means: Project) -> None:
    neither, both = means.bakeoff("check"), means.bakeoff("check", "means", "--all")
    assert (neither.exit_code, both.exit_code) == (2, 2)
    assert "name one plugin, or say --all" in neither.stderr


def test_a_package_runs_the_kit_in_its_own_tests_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "means").mkdir()
    (tmp_path / "means" / "__init__.py").write_text("")
    (tmp_path / "means" / "model.py").write_text(BY_BATCH)
    (tmp_path / "test_means.py").write_text(
        "from bakeoff.testing import conformance_tests\n"
        "from means.model import Means\n"
        "test_means = conformance_tests(Means)\n"
        "test_known = conformance_tests('means.model:Means', expected_failures={'batch-split'})\n"
    )
    done = warm.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-n0",
            "test_means.py",
            "-k",
            "batch or shape",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 3 passed, 62 deselected" in done.stdout, done.stdout + done.stderr
    assert "batch-split: 3 of 32 predictions differ in a batch of 32 instead of 64 rows" in done.stdout
    assert "fix: compute means, ranks and scales in fit, and keep them in self" in done.stdout
