"""A disk that is full while a cell writes its outputs and its log."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.projects.kitchen import Kitchen, a_kitchen, an_oven, names_in
from fixtures.servers.disk import SmallDisk, a_small_disk, needs_a_mount

from bakeoff.cell.host.cell_log import CellLog
from bakeoff.cell.host.cell_outcome import End
from bakeoff.cell.oven.start_and_stop_oven import Oven
from bakeoff.domain.errors import InfrastructureError

FULL = "the log is incomplete: No space left on device"


@pytest.fixture(scope="module")
def oven() -> Iterator[Oven]:
    with an_oven() as oven:
        yield oven


@pytest.fixture
def kitchen(oven: Oven, tmp_path: Path) -> Iterator[Kitchen]:
    with a_kitchen(oven, tmp_path) as kitchen:
        yield kitchen


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """The folder of the kitchen."""
    with a_small_disk(tmp_path, 4) as disk:
        yield disk


@needs_a_mount
@pytest.mark.parametrize("rows", [1, 10**6])
def test_an_output_for_which_there_is_no_room_is_nobodys_doing_in_the_cell(kitchen, disk, rows):
    disk.fill()
    outcome = kitchen.run("save_an_array", rows, outputs=("a",))
    disk.make_room()

    assert (outcome.end, outcome.error.message) == (End.NO_ROOM, "[Errno 28] No space left on device")
    assert names_in(kitchen.folder) == ["log"]
    assert kitchen.run("save_an_array", 1, outputs=("a",)).end is End.RETURNED


@needs_a_mount
def test_an_output_that_half_fits_leaves_nothing(kitchen, disk):
    outcome = kitchen.run("save_an_array", 10**6, outputs=("a",))

    assert outcome.end is End.NO_ROOM
    assert names_in(kitchen.folder) == ["log"]
    disk.fill()
    assert (kitchen.folder / "filler").stat().st_size > 3 * 2**20


def test_what_a_full_disk_keeps_out_of_the_log_costs_the_log_alone(kitchen):
    kitchen.log = Path("/dev/full")

    outcome = kitchen.misbehave("print_much", 3)

    assert (outcome.value, outcome.log_gap) == ("printed", FULL)
    assert outcome.end_of_log == f"line 0\nline 1\nline 2\n[{FULL}]"


@needs_a_mount
def test_a_log_that_cannot_even_be_made_costs_the_log_alone(kitchen, disk):
    disk.use_up_names()

    outcome = kitchen.misbehave("print_much", 3)

    assert (outcome.value, outcome.log_gap) == ("printed", FULL)
    assert not kitchen.log.exists()


@needs_a_mount
def test_a_log_goes_on_when_there_is_room_and_says_at_its_end_that_something_is_missing(tmp_path, disk):
    pipe, cell = os.pipe()
    with os.fdopen(pipe, "rb"), os.fdopen(cell, "wb"), (tmp_path / "log").open("wb") as file:
        log = CellLog(pipe, file.fileno(), limit_kb=1)
        disk.fill()
        os.write(cell, b"early\n")
        log.drain()
        disk.make_room()
        os.write(cell, b"late\n")

        assert log.finish() == "early\nlate\n"
        assert (tmp_path / "log").read_text() == f"late\n\n[{FULL}]\n"


def test_a_complete_log_is_not_talked_about(kitchen):
    outcome = kitchen.misbehave("print_much", 3)

    assert (outcome.log_gap, outcome.end_of_log) == ("", "line 0\nline 1\nline 2\n")


@needs_a_mount
def test_an_oven_that_has_no_place_for_its_folder_says_so():
    with tempfile.TemporaryDirectory(prefix="bk-") as folder, a_small_disk(Path(folder), 1) as disk:
        disk.use_up_names()
        with pytest.raises(InfrastructureError) as failed:
            Oven.start(preload=(), runtime=Path(folder))

    said = str(failed.value)
    assert said.startswith("cells have no place for temporary files: [Errno 28] No space left on device: ")
    assert said.endswith("; make room there, or set TMPDIR to another one")
