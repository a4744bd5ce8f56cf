"""What the commands say when the disk is full."""

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from fixtures.places import ROOT
from fixtures.projects.command_line import Project
from fixtures.projects.kitchen import names_in
from fixtures.servers import warm
from fixtures.servers.disk import a_small_disk, needs_a_mount

if TYPE_CHECKING:
    import subprocess

CATALOG = "models:\n  a: {path: 'sklearn.dummy:DummyClassifier'}\n"
DATA = "x,y\n" + "".join(f"{n},{n % 2}\n" for n in range(6000))


@pytest.fixture
def ready(project: Project) -> Project:
    (project.root / "config" / "models.yaml").write_text(CATALOG)
    (project.root / "data.csv").write_text(DATA)
    return project


def bakeoff(
    *arguments: str, program: tuple[str, str] = ("-m", "bakeoff.cli.main")
) -> "subprocess.CompletedProcess[str]":
    return warm.run(
        [sys.executable, *program, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


#: Larger files cannot be written, wherever they are: as on a full disk, but for the reason.
WRITING_LITTLE = """
import resource

from bakeoff.cli.main import run

resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
run()
"""


def test_a_snapshot_that_cannot_be_written_is_an_error_that_names_the_room_and_leaves_nothing(
    ready: Project,
) -> None:
    done = bakeoff("run", "data.csv", "--target", "y", "--in-process", program=("-c", WRITING_LITTLE))

    folder = ready.root / "data" / "snapshots"
    assert done.returncode == 4
    assert f"error: the snapshot cannot be written to {folder}: [Errno 27] File too large; " in done.stderr
    assert "it needs 64 MB there, " in done.stderr
    assert "MB are free: make room, or set dataDir or sharedDir to a folder on another disk\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert names_in(folder) == [".incoming", ".lock"]
    assert names_in(folder / ".incoming") == []


@needs_a_mount
def test_a_snapshot_for_which_there_is_no_room_is_not_begun(ready: Project) -> None:
    with a_small_disk(ready.root / "data" / "snapshots", 8):
        said = ready.bakeoff("run", "data.csv", "--target", "y", "--in-process")
        left = names_in(ready.root / "data" / "snapshots")

    assert said.exit_code == 4
    assert said.stderr.endswith(
        f"error: the snapshot needs 64 MB in {ready.root}/data/snapshots, 8 MB are free: "
        "make room, or set dataDir or sharedDir to a folder on another disk\n"
    )
    assert left == [".lock"]


@needs_a_mount
def test_whatever_else_cannot_be_written_is_named_too(ready: Project) -> None:
    with a_small_disk(ready.root / "data" / "logs", 1) as disk:
        disk.use_up_names()
        done = bakeoff("run", "data.csv", "--target", "y")

    file = ready.root / "data" / "logs" / "worker.log"
    assert done.returncode == 4
    assert done.stderr == f"error: {file} cannot be written: No space left on device; make room there\n"


@needs_a_mount
@pytest.mark.parametrize(("mb", "level"), [(8, "fail"), (300, "warn")])
def test_the_doctor_warns_of_each_disk_that_has_little_room(project: Project, mb: int, level: str) -> None:
    with a_small_disk(project.root / "small", mb):
        said = project.bakeoff("doctor", "--json", env={"BAKEOFF_DATA_DIR": "small"})

    (small, other) = [found for found in json.loads(said.stdout) if found["subject"] == "disk"]
    assert small["level"] == level
    assert small["message"] == f"{mb * 2**20 / 1e9:.1f} GB free, 100% of the disk, for {project.root}/small"
    assert other["message"].endswith(f" of the disk, for {project.root}/data")
