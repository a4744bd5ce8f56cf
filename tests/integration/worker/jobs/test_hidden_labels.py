"""A candidate that looks everywhere finds no test label, on data in which the labels are chance."""

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from fixtures.places import PLUGINS
from fixtures.projects.project import Project, a_project
from numpy.typing import NDArray
from plugins.seeker import masked

from bakeoff.cell.confinement import landlock
from bakeoff.evaluation.datasets import read_snapshot, snapshot_layout
from bakeoff.store.bakeoffs import run_rows

pytestmark = pytest.mark.skipif(not landlock.abi(), reason="the kernel has no Landlock")

ROWS = 400


@dataclass(frozen=True)
class Search:
    project: Project
    snapshot: Path
    found: dict[str, list[str]]
    opened: list[str]


def data(seed: int) -> str:
    chance = random.Random(seed)
    rows = [f"{chance.random()},{chance.random()},{chance.getrandbits(1)}\n" for _ in range(ROWS)]
    return "a,b,y\n" + "".join(rows)


def forms(labels: NDArray[Any]) -> dict[str, bytes]:
    """In which sixty-four of them might lie somewhere."""
    some = labels[:64]
    return {
        **{kind: some.astype(kind).tobytes() for kind in ("<i8", "u1", "<f8")},
        "bits": np.packbits(some.astype("u1")).tobytes(),
        **{f"text {glue!r}": glue.join(map(str, some)).encode() for glue in ("", ",", "\n")},
    }


@pytest.fixture(scope="module")
def search() -> Iterator[Search]:
    """The second run; the first one has left labels wherever they are left."""
    with a_project({"good": {"path": "Means"}}, sharedDir="shared", testSize=0.25) as project:
        (project.folder / "data.csv").write_text(data(seed=11))
        shutil.copy(PLUGINS / "seeker.py", project.folder / "plugins")
        with project.worker():
            run = run_rows.get(project.engine, project.run("good"))
            folder = snapshot_layout.folder_of(
                project.configuration.snapshots, run.dataset.dataset_id, run.dataset.split_id
            )
            write_catalog(project, folder)
            run_id = project.run("seeker", "good")
            said = json.loads(project.log(run_id, "seeker").splitlines()[-1])
        yield Search(project, folder, said["found"], said["opened"])


def write_catalog(project: Project, folder: Path) -> None:
    """Beside what it must not find, two things that it must: that it found them shows that it can see."""
    train = read_snapshot.open_snapshot(folder / "open").y_train
    first_line = (project.folder / "data.csv").read_text().splitlines()[1]
    wanted = {
        **forms(read_snapshot.sealed_labels(folder)),
        "a line of the file": first_line.encode(),
        "training labels": train[:64].tobytes(),
        "its own code": b"class Seeker",
    }
    params = {
        "wanted": {name: masked(needle) for name, needle in wanted.items()},
        "places": [
            str(project.folder),
            str(folder / "sealed"),
            str(Path.home()),
            "/etc",
            "/var",
            "/tmp",
            "/",
        ],
    }
    catalog = {
        "seeker": {"path": "plugins/seeker.py:Seeker", "params": params},
        "good": {"path": "plugins/gallery.py:Means"},
    }
    (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": catalog}))
    project.context.reload_catalog()


def test_it_finds_what_it_is_given(search: Search) -> None:
    assert "training labels" in search.found["memory"]
    assert set(search.found["files"]) == {"training labels", "its own code"}


def test_it_finds_no_test_label_in_memory_files_descriptors_environments_or_other_processes(
    search: Search,
) -> None:
    allowed = {"training labels", "its own code"}

    assert {where: sorted(set(names) - allowed) for where, names in search.found.items()} == {
        "memory": [],
        "memory of others": [],
        "descriptors": [],
        "processes": [],
        "files": [],
        "system": [],
    }


def test_of_the_project_it_opens_its_code_and_its_training_data_and_nothing_else(search: Search) -> None:
    """Beside what this test itself has put there: what the worker says."""
    root = search.project.folder
    opened = {Path(place).relative_to(root) for place in search.opened if place.startswith(f"{root}/")}
    opened = {place for place in opened if place.suffix != ".log"}
    given = {file.relative_to(root) for file in (search.snapshot / "open").iterdir()}
    plugins = {file.relative_to(root) for file in (root / "plugins").iterdir() if file.is_file()}

    assert opened == given | plugins | {Path("config/models.yaml")}
