"""Outputs appear whole in their places, or not at all."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.cell.host.cell_order import Limits
from bakeoff.cell.host.open_and_place_output_files import Outputs, wait_for_disk
from bakeoff.domain.errors import InfrastructureError

LIMITS = Limits(wall_s=9, threads=1, output_mb=1)


def _write(outputs: Outputs, data: bytes) -> None:
    for descriptor in outputs.descriptors:
        os.write(descriptor, data)


def test_what_is_kept_replaces_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.write_bytes(b"before")
    with Outputs({"out": place}, LIMITS) as outputs:
        _write(outputs, b"after")
        assert place.read_bytes() == b"before"
        outputs.put_in_place()

    assert place.read_bytes() == b"after"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_not_kept_leaves_nothing(tmp_path: Path) -> None:
    with Outputs({"out": tmp_path / "out"}, LIMITS) as outputs:
        _write(outputs, b"given up")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("synced", [True, False])
def test_outputs_wait_for_the_disk_unless_their_reader_compares_them(tmp_path, monkeypatch, synced) -> None:
    waited = []
    monkeypatch.setattr(os, "fsync", waited.append)
    with Outputs({"out": tmp_path / "out"}, LIMITS, synced=synced) as outputs:
        _write(outputs, b"whole")
        outputs.put_in_place()
        assert waited == (outputs.descriptors if synced else [])

    assert (tmp_path / "out").read_bytes() == b"whole"


def test_what_is_written_is_waited_for_later_and_what_the_disk_refuses_is_named(
    tmp_path, monkeypatch
) -> None:
    out, absent = tmp_path / "out", tmp_path / "absent"
    out.write_bytes(b"whole")
    waited = []
    monkeypatch.setattr(os, "fsync", lambda file: waited.append(Path(f"/proc/self/fd/{file}").readlink()))
    wait_for_disk([absent, out])
    assert waited == [out]

    def fail(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InfrastructureError, match=f"{out} cannot be written: Input/output error"):
        wait_for_disk([out])


def test_an_output_that_nobody_wrote_is_no_file(tmp_path: Path) -> None:
    with Outputs({"one": tmp_path / "one", "two": tmp_path / "two"}, LIMITS) as outputs:
        os.write(outputs.descriptors[1], b"2")
        outputs.put_in_place()

    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_an_output_that_cannot_get_its_place_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with Outputs({"out": tmp_path / "out"}, LIMITS) as outputs:
        _write(outputs, b"whole")
        with pytest.raises(InfrastructureError) as failed:
            outputs.put_in_place()

    said = str(failed.value)
    assert said.startswith(f"{tmp_path}/out cannot be written: Is a directory; ")
    assert said.endswith(f" MB are free in {tmp_path}")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


KILLED = """
import os, signal, sys
from pathlib import Path
from bakeoff.cell.host.cell_order import Limits
from bakeoff.cell.host.open_and_place_output_files import Outputs
with Outputs({"out": Path(sys.argv[1]) / "out"}, Limits(wall_s=9, threads=1, output_mb=1)) as outputs:
    os.write(outputs.descriptors[0], b"half of it")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_is_left_of_a_writer_that_was_killed(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)

    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_nameless_files_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY)  # what such a system makes of it: EISDIR
    with Outputs({"one": tmp_path / "one", "two": tmp_path / "two"}, LIMITS) as outputs:
        os.write(outputs.descriptors[0], b"1")
        outputs.put_in_place()

    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_what_grows_stays_when_its_writer_ends_without_keeping_it_and_is_continued(tmp_path: Path) -> None:
    for line in (b"first\n", b"second\n"):
        with Outputs({"trials": tmp_path / "trials"}, LIMITS, growing=["trials"]) as outputs:
            _write(outputs, line)

    assert (tmp_path / "trials").read_bytes() == b"first\nsecond\n"
