"""The Oven lives as long as its owner wants it to, and whoever dies, nothing is left behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from fixtures.projects.kitchen import PLUGINS, a_kitchen, an_oven, below, eventually, is_alive, running

from bakeoff.cell.confinement import landlock, scratch_folder
from bakeoff.cell.host.cell_client import connect
from bakeoff.cell.host.cell_order import Limits, Order
from bakeoff.cell.host.cell_outcome import End
from bakeoff.cell.oven.start_and_stop_oven import Oven
from bakeoff.domain.errors import InfrastructureError, InvalidInputError

#: An owner, or a supervisor, in a process of its own that can be killed. It prints what it has started.
OWNER = """
import json, sys, time
from pathlib import Path
from fixtures.projects.kitchen import an_oven
with an_oven(runtime=Path(sys.argv[1])) as oven:
    print(json.dumps({"oven": oven._process.pid, "socket": str(oven.socket)}), flush=True)
    time.sleep(60)
"""
OWNER_WITH_A_FORK = """
import json, os, sys, time
from pathlib import Path
from fixtures.projects.kitchen import an_oven
with an_oven(runtime=Path(sys.argv[1])) as oven:
    fork = os.fork()
    if fork:
        print(json.dumps({"oven": oven._process.pid, "fork": fork}), flush=True)
    time.sleep(60)
"""
SUPERVISOR = """
import sys
from pathlib import Path
from bakeoff.cell.host.cell_client import connect
from fixtures.projects.kitchen import Kitchen
class Known:
    socket = Path(sys.argv[1])
kitchen = Kitchen(Known, Path(sys.argv[2]))
kitchen.misbehave("leave_daemons_behind", "stay")
"""

#: The same cells for owners of less power. They print what became of each.
CELLS = """
def bake(folder):
    with an_oven(runtime=folder) as oven, a_kitchen(oven, folder) as kitchen:
        secret = folder / "secret"
        secret.write_text("1")
        print(json.dumps([
            kitchen.run("echo", 5).value,
            kitchen.run("spread_over_multiprocessing", "spawn").value,
            kitchen.run("read_file", str(secret)).error.type,
            kitchen.run("read_file", str(secret), readable=(secret,)).value,
            kitchen.misbehave("flood_scratch_quietly", scratch_mb=8, wall_s=4).end,
            kitchen.misbehave("flood_scratch_with_names", scratch_mb=8, wall_s=20).end,
            kitchen.misbehave("leave_a_maze").end,
            kitchen.run("list_shared_folders").value[1],
            kitchen.misbehave("reach_for", {"file": str(secret), "supervisor": os.getpid()}).value["environ"],
            kitchen.misbehave("fork_for_ever", processes=30).end,
            len(kitchen.misbehave("leave_daemons_behind", "return").value),
            kitchen.misbehave("allocate_bit_by_bit", memory_mb=50).end,
        ]), flush=True)
import ctypes, json, os, sys
from pathlib import Path
from bakeoff.cell.confinement import kernel_calls
from fixtures.projects.kitchen import a_kitchen, an_oven
"""
ORDINARY_USER = f"""{CELLS}
only_to_map_root = 1 << 31
kernel_calls.forbid_new_privileges()
header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[only_to_map_root] * 2)
kernel_calls.call("capset", header, sets)
bake(Path(sys.argv[1]))
"""
USER_WITHOUT_NAMESPACES = f"""{CELLS}
kernel_calls.unshare(kernel_calls.CLONE_NEWUSER)
Path("/proc/self/setgroups").write_text("deny")
Path("/proc/self/uid_map").write_text("0 0 1")
Path("/proc/self/gid_map").write_text("0 0 1")
for kind in ("mnt", "user"):
    Path("/proc/sys/user/max_" + kind + "_namespaces").write_text("0")
bake(Path(sys.argv[1]))
"""


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="bk-") as folder:
        yield Path(folder)


@contextmanager
def a_cell_with_daemons(socket: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A supervisor in a process of its own, and the daemons that its cell has started."""
    with running(SUPERVISOR, str(socket), str(folder)) as supervisor:
        log = folder / "log"
        assert eventually(lambda: log.exists() and len(log.read_text().split()) == 3, 30)
        yield supervisor, [int(pid) for pid in log.read_text().split()]


def all_dead(pids: list[int]) -> bool:
    return not any(map(is_alive, pids))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_owner_that_dies_takes_everything_along(runtime, tmp_path, number):
    with running(OWNER, str(runtime)) as owner:
        started = json.loads(owner.stdout.readline())
        with a_cell_with_daemons(Path(started["socket"]), tmp_path) as (_, daemons):
            owner.send_signal(number)

            assert eventually(lambda: all_dead([started["oven"], *daemons]), 3)
            assert eventually(lambda: not list(runtime.iterdir()))


def test_an_owner_that_dies_while_its_oven_starts_leaves_nothing(runtime):
    dies = "os._exit(0)  # sooner than a new interpreter can look for its owner"
    script = OWNER.replace("import json,", "import json, os,").replace("time.sleep(60)", dies)
    with running(script, str(runtime)) as owner:
        started = json.loads(owner.stdout.readline())
        owner.wait()  # until then it can be found

        assert eventually(lambda: not is_alive(started["oven"]), 3)
        assert list(runtime.iterdir()) == []


def test_an_owner_that_dies_takes_its_oven_along_although_a_fork_of_it_lives_on(runtime):
    with running(OWNER_WITH_A_FORK, str(runtime)) as owner:
        started = json.loads(owner.stdout.readline())
        owner.kill()
        try:
            assert eventually(lambda: not is_alive(started["oven"]), 3)
            assert is_alive(started["fork"])
        finally:
            os.kill(started["fork"], signal.SIGKILL)


def test_a_supervisor_that_is_killed_takes_its_cell_along_within_a_second(runtime, tmp_path):
    with (
        an_oven(runtime=runtime) as oven,
        a_cell_with_daemons(oven.socket, tmp_path) as (supervisor, daemons),
    ):
        supervisor.kill()
        killed = time.monotonic()

        assert eventually(lambda: all_dead(daemons), 3)
        assert time.monotonic() - killed < 1
        assert eventually(lambda: not below(oven._process.pid))
        assert oven.alive()


def test_an_oven_that_is_killed_takes_its_cells_along_and_is_an_error_with_its_cure(runtime, tmp_path):
    with an_oven(runtime=runtime) as oven, a_cell_with_daemons(oven.socket, tmp_path) as (_, daemons):
        os.kill(oven._process.pid, signal.SIGKILL)

        assert eventually(lambda: all_dead(daemons), 3)
        assert not oven.alive()
        with pytest.raises(InfrastructureError, match="start the worker again"):
            connect(oven.socket, timeout_s=1)


def test_a_warm_parent_without_an_order_does_not_outlive_its_oven(runtime, tmp_path):
    with an_oven(runtime=runtime) as oven, a_kitchen(oven, tmp_path):
        assert eventually(lambda: len(below(oven._process.pid)) == 2)
        parent_and_cell = list(below(oven._process.pid))
        os.kill(oven._process.pid, signal.SIGKILL)

        assert eventually(lambda: all_dead(parent_and_cell), 3)


def test_a_killed_oven_is_a_loss_to_whoever_waits_for_a_cell(runtime, tmp_path):
    with an_oven(runtime=runtime) as oven, a_kitchen(oven, tmp_path) as kitchen:

        def kill_oven() -> bool:
            os.kill(oven._process.pid, signal.SIGKILL)
            return True

        assert kitchen.run("sleep", 30, keep_going=kill_oven, tick_s=0.1).end is End.LOST


def test_stopping_ends_all_cells_and_removes_every_file(runtime, tmp_path):
    with ExitStack() as stack:
        oven = stack.enter_context(an_oven(runtime=runtime))
        _, daemons = stack.enter_context(a_cell_with_daemons(oven.socket, tmp_path))
        assert oven.socket.parent.stat().st_mode & 0o777 == 0o700

        oven.stop()

        assert all_dead(daemons)
        assert not oven.alive()
        assert not list(runtime.iterdir())


def test_stopping_twice_is_stopping_once(runtime):
    with an_oven(runtime=runtime) as oven:
        oven.stop()
        oven.stop()


def test_an_oven_can_be_stopped_although_a_fork_of_its_owner_lives_on(runtime):
    """As the children of a worker do: they hold copies of its descriptors."""
    with an_oven(runtime=runtime) as oven:
        reader, writer = os.pipe()
        if (pid := os.fork()) == 0:
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
        try:
            started = time.monotonic()
            oven.stop()
            assert time.monotonic() - started < 5
        finally:
            os.close(writer)
            os.close(reader)
            os.waitpid(pid, 0)


def test_start_returns_before_the_libraries_are_loaded_and_connect_waits(runtime, tmp_path):
    (tmp_path / "slow_library.py").write_text("import time\ntime.sleep(1)\n")
    started = time.monotonic()

    with Oven.start(preload=["slow_library"], import_path=[str(tmp_path)], runtime=runtime) as oven:
        assert time.monotonic() - started < 0.5
        with pytest.raises(InfrastructureError, match=r"was not ready within 0\.1 s"):
            connect(oven.socket, timeout_s=0.1)
        with connect(oven.socket, timeout_s=20):
            assert time.monotonic() - started > 1


def test_an_oven_that_was_begun_forks_nothing_before_the_rest_of_its_order_is_said(runtime, tmp_path):
    (tmp_path / "late_library.py").write_text("loaded = 'yes'\n")
    (tmp_path / "looks.py").write_text(
        "import sys\ndef look(payload, inside): return sys.modules.get('late_library') is not None\n"
    )
    with Oven.begin(preload=["colorsys"], import_path=[str(tmp_path)], runtime=runtime) as oven:
        with pytest.raises(InfrastructureError, match=r"was not ready within 0\.5 s"):
            connect(oven.socket, timeout_s=0.5)
        with os.fdopen(os.dup(oven._rest), "wb"):  # as in a child that was forked before it is said
            oven.finish(preload=["late_library"])
            connect(oven.socket, timeout_s=20).close()
        with connect(oven.socket, timeout_s=20) as parent:
            limits = Limits(wall_s=20, threads=1)
            order = Order(entry="looks:look", payload={}, limits=limits, log=tmp_path / "log")
            assert parent.run(order).value is True


@pytest.mark.parametrize("said", ["", '{"preload": ["col'], ids=["nothing", "half"])
def test_an_oven_whose_owner_dies_before_it_has_said_the_rest_ends_and_leaves_nothing(runtime, said):
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from bakeoff.cell.oven.start_and_stop_oven import Oven\n"
        "oven = Oven.begin(preload=[], runtime=Path(sys.argv[1]))\n"
        "print(oven._process.pid, flush=True)\n"
        "os.write(oven._rest, sys.argv[2].encode())\n"
        "os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", script, str(runtime), said]
    died = subprocess.run(command, capture_output=True, check=False)
    assert died.returncode == -9, died.stderr

    assert eventually(lambda: not list(runtime.iterdir()))
    assert eventually(lambda: not is_alive(int(died.stdout)))


def mapped_files_kb(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    sizes = dict(re.findall(r"^(\w+): +(\d+) kB$", rollup, re.MULTILINE))
    return int(sizes["Rss"]) - int(sizes["Anonymous"])


def test_an_oven_without_requests_gives_back_the_files_that_it_loaded_and_goes_on(runtime, tmp_path):
    with an_oven(runtime=runtime, preload=("numpy", "pandas")) as oven, a_kitchen(oven, tmp_path) as kitchen:
        pid = oven._process.pid
        at_first_kb = mapped_files_kb(pid)

        assert eventually(lambda: mapped_files_kb(pid) < at_first_kb / 2)
        assert kitchen.run("echo", [1, 2]).value == [1, 2]


def test_a_library_that_cannot_be_loaded_is_named_and_does_not_stop_the_oven(runtime, tmp_path, capfd):
    (tmp_path / "broken_library.py").write_text("raise RuntimeError('half installed')\n")

    with (
        Oven.start(
            preload=["broken_library"], import_path=[str(tmp_path), str(PLUGINS)], runtime=runtime
        ) as oven,
        a_kitchen(oven, tmp_path) as kitchen,
    ):
        assert kitchen.run("echo", 1).value == 1

    assert capfd.readouterr().err == "broken_library cannot be preloaded: RuntimeError: half installed\n"


def test_a_library_that_starts_threads_is_named(runtime, tmp_path, capfd):
    (tmp_path / "restless.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )

    with (
        Oven.start(preload=["restless"], import_path=[str(tmp_path), str(PLUGINS)], runtime=runtime) as oven,
        a_kitchen(oven, tmp_path) as kitchen,
    ):
        assert kitchen.run("echo", 1).value == 1

    assert "restless started 1 threads when it was loaded: no cell has them\n" in capfd.readouterr().err


def test_what_a_function_did_in_the_oven_every_cell_finds_done(runtime, tmp_path):
    (tmp_path / "library.py").write_text(
        "calls = []\n"
        "def warm_up(): calls.append('once')\n"
        "def look(payload, inside): calls.append('here'); return calls\n"
    )

    with (
        Oven.start(
            preload=["library:warm_up"], import_path=[str(tmp_path), str(PLUGINS)], runtime=runtime
        ) as oven,
        connect(oven.socket, timeout_s=20) as parent,
    ):
        order = Order(
            entry="library:look", payload={}, limits=Limits(wall_s=20, threads=1), log=tmp_path / "log"
        )
        answers = [parent.run(order).value for _ in range(2)]

    assert answers == [["once", "here"]] * 2


def test_temporary_files_of_a_function_in_the_oven_lie_in_the_folder_of_the_oven(runtime, tmp_path):
    (tmp_path / "untidy.py").write_text(
        "import tempfile\n"
        "places = []\n"
        "def warm_up(): places.append(tempfile.mkdtemp())\n"
        "def look(payload, inside): return [*places, tempfile.gettempdir(), str(inside.scratch)]\n"
    )

    with (
        Oven.start(preload=["untidy:warm_up"], import_path=[str(tmp_path)], runtime=runtime) as oven,
        connect(oven.socket, timeout_s=20) as parent,
    ):
        order = Order(
            entry="untidy:look", payload={}, limits=Limits(wall_s=20, threads=1), log=tmp_path / "log"
        )
        in_oven, in_cell, scratch = parent.run(order).value
        assert Path(in_oven).parent == oven.socket.parent

    assert in_cell == scratch
    assert not list(runtime.iterdir())


def test_a_runtime_folder_with_a_long_path_is_refused_with_the_cure(tmp_path):
    long = tmp_path / ("x" * 100)
    long.mkdir()

    with pytest.raises(InvalidInputError, match="choose a runtime folder with a shorter path"):
        Oven.start(preload=[], import_path=[], runtime=long)

    assert not list(long.iterdir())


def test_what_an_oven_left_that_was_killed_with_its_owner_is_removed_by_the_next(runtime):
    left, young = runtime / "bakeoff-oven-left", runtime / "bakeoff-oven-young"
    for folder in (left, young):
        (folder / "1" / "scratch").mkdir(parents=True)
    os.utime(left, (0, 0))

    with an_oven(runtime=runtime) as oven:
        os.utime(oven.socket.parent, (0, 0))
        with an_oven(runtime=runtime) as second:
            assert {*runtime.iterdir()} == {young, oven.socket.parent, second.socket.parent}


def test_folders_deeper_than_a_path_is_long_are_removed(tmp_path):
    maze = tmp_path / "maze"
    maze.mkdir()
    subprocess.run(
        [sys.executable, "-c", "import os\nfor _ in range(1500): os.mkdir('deep'); os.chdir('deep')"],
        cwd=maze,
        check=True,
    )
    outside = tmp_path / "outside"
    outside.write_text("kept")
    (maze / "link").symlink_to(outside)

    scratch_folder.remove(maze)

    assert not maze.exists()
    assert outside.read_text() == "kept"


@pytest.mark.skipif(not scratch_folder.can_be_private(), reason="the user may have no namespaces")
def test_the_sockets_of_this_user_are_not_there_for_a_cell(runtime, tmp_path, monkeypatch):
    """As that of the embedded Redis, through which it would command the workers."""
    monkeypatch.setattr(tempfile, "tempdir", str(runtime))
    meeting = runtime / f"bakeoff-{os.geteuid()}"
    meeting.mkdir()
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(meeting / "redis.sock"))
        listener.listen()
        with an_oven(runtime=runtime) as oven, a_kitchen(oven, tmp_path) as kitchen:
            outcome = kitchen.run("connect_to", str(meeting / "redis.sock"))
        client.connect(str(meeting / "redis.sock"))

    assert (outcome.end, outcome.error.type) == (End.RAISED, "FileNotFoundError")


@pytest.mark.skipif(not landlock.abi(), reason="the kernel has no Landlock")
def test_what_is_closed_stays_so_where_the_libraries_are(runtime, tmp_path):
    """As in an image whose project lies below the prefix of its Python."""
    with tempfile.TemporaryDirectory(prefix="labels-", dir=sys.prefix) as folder:
        secret, beside = Path(folder) / "data" / "y.npy", Path(folder) / "module.py"
        secret.parent.mkdir()
        for file in (secret, beside):
            file.write_text("1")
        closed = [secret.parent]
        with an_oven(runtime=runtime, closed=closed) as oven, a_kitchen(oven, tmp_path) as kitchen:
            refused = kitchen.run("read_file", str(secret))
            read = kitchen.run("read_file", str(beside))

    assert (refused.end, refused.error.type) == (End.RAISED, "PermissionError")
    assert read.value == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become less than it is")
@pytest.mark.parametrize(
    ("owner", "flooded"),
    [(ORDINARY_USER, "timed_out"), (USER_WITHOUT_NAMESPACES, "scratch_full")],
    ids=["user", "poor user"],
)
def test_an_owner_without_privileges_has_cells_that_hold_as_well(runtime, owner, flooded):
    with running(owner, str(runtime)) as process:
        found = json.loads(process.stdout.readline())

    assert found == [
        5,
        {"values": [0, 1, 4, 9], "elsewhere": True},
        "PermissionError",
        "1",
        flooded,
        "scratch_full",
        "returned",
        [],
        "PermissionError",
        "too_many_processes",
        3,
        "memory",
    ]
