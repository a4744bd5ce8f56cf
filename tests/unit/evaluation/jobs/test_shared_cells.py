"""Which candidates may share a cell: those of nothing but the code of named, installed packages."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from fixtures.values.samples import a_candidate, a_job, a_run

from bakeoff.domain.candidate import Candidate, PipelineStep
from bakeoff.domain.tuning import Tuning
from bakeoff.evaluation.jobs.inputs_of_every_evaluation_step import (
    EvaluationUnderWay,
    Grant,
    JobPaths,
    StopsNever,
    may_share_cell,
)
from bakeoff.settings.setting_definitions import Settings
from registry.code.candidate_code import class_modules, code_at, is_installed_code

DEFAULT = tuple(Settings().shared_cells)
TREE = "sklearn.tree:DecisionTreeClassifier"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a plugin, and a package `theirs` that is installed beside the libraries."""
    project, installed = tmp_path / "project", tmp_path / "site-packages"
    write(project / "models" / "mine.py", "class Mine: ...\n")
    write(installed / "theirs" / "__init__.py", "")
    write(installed / "theirs" / "part.py", "class Theirs: ...\n")
    write(installed / "theirs" / "dropped.py", "class Dropped: ...\n")
    write(installed / "theirs-1.dist-info" / "METADATA", "Name: theirs\nVersion: 1\n")
    write(
        installed / "theirs-1.dist-info" / "RECORD",
        "theirs/__init__.py,sha256=aa,1\ntheirs/part.py,sha256=bb,1\ntheirs/dropped.pyi,sha256=cc,1\n",
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(installed)])
    return project


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def shares(root: Path, path: str | None, packages: tuple[str, ...] = DEFAULT, **changed: Any) -> bool:
    candidate = Candidate(id="x", version="1", path=path, **changed)
    code = code_at(class_modules(candidate), root=root)
    return is_installed_code(candidate, code, packages=packages)


@pytest.mark.parametrize(
    "path", [TREE, "sklearn.tree._tree:Tree", "lightgbm:LGBMClassifier", "xgboost:XGBClassifier"]
)
def test_a_class_of_a_package_that_is_named_by_default_may(root: Path, path: str) -> None:
    assert shares(root, path)


@pytest.mark.parametrize("name", ["scikit_learn", "Scikit.Learn"])
def test_the_name_of_a_package_may_be_spelt_as_an_index_does_or_otherwise(root: Path, name: str) -> None:
    assert shares(root, TREE, (name,))


def test_without_names_none_may(root: Path) -> None:
    assert not shares(root, TREE, ())


def test_a_package_that_is_not_named_may_not(root: Path) -> None:
    assert not shares(root, TREE, ("lightgbm",))


@pytest.mark.parametrize(
    "path",
    ["models/mine.py:Mine", "models.mine:Mine", "nowhere:X", "sklearn.nowhere:X", "collections:Counter"],
)
def test_what_is_of_the_project_of_python_or_not_there_may_not(root: Path, path: str) -> None:
    assert not shares(root, path)


@pytest.mark.parametrize(
    ("params", "may"),
    [
        ({"estimator": {"class": TREE, "params": {"max_depth": 2}}}, True),
        ({"estimator": {"class": "models.mine:Mine"}}, False),
        ({"estimators": [["a", {"class": TREE}], ["b", {"class": "models.mine:Mine"}]]}, False),
        ({"estimator": {"class": TREE, "params": {"splitter": {"object": "models.mine:Mine"}}}}, False),
        ({"func": {"object": "numpy:log1p"}}, False),
        ({"pairs": {"pairs": [[0, {"class": "models.mine:Mine"}]]}}, False),
    ],
)
def test_what_is_nested_in_its_parameters_counts(root: Path, params: Mapping[str, Any], *, may: bool) -> None:
    assert shares(root, "sklearn.ensemble:BaggingClassifier", params=params) is may


def test_each_step_counts(root: Path) -> None:
    scaler = PipelineStep(path="sklearn.preprocessing:StandardScaler")

    assert shares(root, None, steps=(scaler, PipelineStep(path=TREE)))
    assert not shares(root, None, steps=(scaler, PipelineStep(path="models.mine:Mine")))


def test_a_module_of_the_project_that_hides_an_installed_one_may_not(root: Path) -> None:
    write(root / "sklearn" / "__init__.py", "")
    write(root / "sklearn" / "tree.py", "class DecisionTreeClassifier: ...\n")

    assert not shares(root, TREE)


def test_a_file_that_lies_among_those_of_a_package_and_is_not_one_of_them_may_not(root: Path) -> None:
    assert shares(root, "theirs.part:Theirs", ("theirs",))
    assert not shares(root, "theirs.dropped:Dropped", ("theirs",))


@pytest.fixture
def evaluation(root: Path) -> Callable[..., EvaluationUnderWay]:
    def evaluation(
        *, repeat_check: bool = False, candidate: Mapping[str, Any] | None = None, **changed: Any
    ) -> EvaluationUnderWay:
        run = a_run(repeat_check=repeat_check)
        job = a_job(run, candidate=a_candidate(path=TREE, **(candidate or {})))
        paths = JobPaths(root=root, closed=(), snapshot=root, log=root / "log", predictions=root / "p.npy")
        plain = {
            "grant": Grant(threads=1, memory_mb=None),
            "permission": StopsNever(),
            "shared_cells": DEFAULT,
        }
        return EvaluationUnderWay(job=job, run=run, paths=paths, **{**plain, **changed})

    return evaluation


@pytest.mark.parametrize(
    ("changed", "may"),
    [
        ({}, True),
        ({"seed_place": 1}, True),
        ({"fold": 0}, True),
        ({"shared_cells": ()}, False),
        ({"repeat_check": True}, False),
        ({"candidate": {"env": ("HF_TOKEN",)}}, False),
        ({"candidate": {"readable": ("~/models",)}}, False),
        ({"candidate": {"tune": Tuning(params={"max_depth": [1, 2]})}}, False),
    ],
)
def test_what_asks_for_something_special_has_a_cell_of_its_own(
    root: Path, evaluation: Callable[..., EvaluationUnderWay], changed: Mapping[str, Any], *, may: bool
) -> None:
    asked = evaluation(**changed)

    assert may_share_cell(asked, code_at(class_modules(asked.job.candidate), root=root)) is may
