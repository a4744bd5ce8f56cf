"""Whatever code does in a cell: its end is told, nothing of it survives, and the next cell is as good."""

import os
import platform
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.projects.kitchen import (
    Kitchen,
    a_kitchen,
    an_oven,
    below,
    eventually,
    is_alive,
    names_in,
    running,
)

from bakeoff.cell.confinement import landlock, scratch_folder
from bakeoff.cell.host.cell_outcome import End
from bakeoff.cell.oven.start_and_stop_oven import Oven


@pytest.fixture(scope="module")
def oven() -> Iterator[Oven]:
    with an_oven() as oven:
        yield oven


@pytest.fixture
def kitchen(oven: Oven, tmp_path: Path) -> Iterator[Kitchen]:
    """After each test nothing is left but the cell that waits for the next order, and that one is as good."""
    with a_kitchen(oven, tmp_path) as kitchen:
        parent = kitchen.parent()
        yield kitchen
        assert eventually(lambda: len(below(parent)) == 1)
        assert kitchen.run("echo", "next").value == "next"


def test_a_segfault_is_told_with_its_signal_phase_and_place(kitchen):
    outcome = kitchen.misbehave("segfault")

    assert (outcome.end, outcome.signal, outcome.phase) == (End.SIGNALLED, 11, "fit")
    assert (outcome.error.type, outcome.error.message) == ("SIGSEGV", "it was ended by SIGSEGV")
    assert outcome.log_tail.startswith("before\nFatal Python error: Segmentation fault")
    assert "cell_gallery.py" in outcome.log_tail
    assert "Extension modules" not in outcome.log_tail


def test_an_abort_is_told(kitchen):
    outcome = kitchen.misbehave("abort")

    assert (outcome.end, outcome.signal, outcome.error.type) == (End.SIGNALLED, 6, "SIGABRT")


@pytest.mark.parametrize("code", [0, 3, 70])
def test_leaving_without_an_answer_is_an_exit_even_with_code_0(kitchen, code):
    outcome = kitchen.misbehave("exit_at_once", code)

    assert (outcome.end, outcome.exit_code) == (End.EXITED, code)
    assert outcome.error.message == f"it left with exit code {code}, without an answer"


@pytest.mark.parametrize(
    ("code", "expected"), [(None, 0), (0, 0), (7, 7), (-1, 255), (256 + 4, 4), ("a text", 1), ([], 1)]
)
def test_sys_exit_is_an_exit_with_its_code(kitchen, code, expected):
    outcome = kitchen.misbehave("exit_with", {"code": code})

    assert (outcome.end, outcome.exit_code, outcome.error.type) == (End.EXITED, expected, "SystemExit")


def test_the_text_of_sys_exit_is_printed(kitchen):
    assert kitchen.misbehave("exit_with", {"code": "bye"}).log_tail == "bye\n"


def test_a_keyboard_interrupt_is_an_exit(kitchen):
    outcome = kitchen.misbehave("interrupt")

    assert (outcome.end, outcome.exit_code, outcome.error.type) == (End.EXITED, 130, "KeyboardInterrupt")
    assert outcome.error.message == "it raised KeyboardInterrupt, or sent itself SIGINT"
    assert outcome.error.hint == "Nobody can press Ctrl-C in a cell: remove what raises it."


@pytest.mark.parametrize("how", ["return", "raise", "exit"])
def test_a_forked_child_that_leaves_as_if_it_were_the_cell_has_a_hint_of_its_own(kitchen, how):
    outcome = kitchen.misbehave("fork_and_leave", how)

    assert (outcome.end, outcome.error.type) == (End.BAD_REPORT, "ForkedChild")
    assert outcome.error.hint == "End what os.fork begins with os._exit, or use multiprocessing."


@pytest.mark.skipif(landlock.abi() < 6, reason="older kernels do not keep signals inside")
def test_a_refused_kill_says_whom_a_cell_may_signal(kitchen):
    outcome = kitchen.misbehave("stop_parent")

    assert (outcome.end, outcome.error.type) == (End.RAISED, "PermissionError")
    assert outcome.error.hint.startswith("A cell may signal or change only processes that it started")


@pytest.mark.parametrize(
    ("number", "name"), [(9, "SIGKILL"), (15, "SIGTERM"), (1, "SIGHUP"), (40, "signal 40")]
)
def test_a_signal_that_was_not_ours_is_told(kitchen, number, name):
    outcome = kitchen.misbehave("send_itself", number)

    assert (outcome.end, outcome.signal, outcome.error.type) == (End.SIGNALLED, number, name)


def test_its_own_group_is_all_that_it_can_kill(kitchen):
    outcome = kitchen.misbehave("kill_group")

    assert (outcome.end, outcome.signal) == (End.SIGNALLED, 9)


@pytest.mark.skipif(landlock.abi() < 6, reason="older kernels do not keep signals inside")
def test_it_cannot_kill_its_warm_parent_or_anybody_else(kitchen):
    assert kitchen.misbehave("kill_parent").value == "refused"
    assert kitchen.misbehave("kill_everybody").value == "alone"


@pytest.mark.parametrize("how", ["ignore_every_signal_and_loop", "stop_itself", "loop_in_c"])
def test_what_hangs_is_ended_at_its_time_limit(kitchen, how):
    outcome = kitchen.misbehave(how, wall_s=0.3)

    assert (outcome.end, outcome.error.type) == (End.TIMED_OUT, "Timeout")
    assert outcome.error.message == "it ran longer than 0.3 seconds"
    assert 0.3 <= outcome.usage.wall_s < 2


def test_what_hangs_is_ended_when_it_is_stopped(kitchen):
    outcome = kitchen.misbehave("ignore_every_signal_and_loop", keep_going=lambda: False, tick_s=0.05)

    assert (outcome.end, outcome.error.type) == (End.STOPPED, "Stopped")
    assert outcome.usage.wall_s < 2


def test_threads_that_never_end_do_not_keep_a_cell_from_returning(kitchen):
    assert kitchen.misbehave("leave_threads_behind").value == "returned"


def test_daemons_do_not_survive_a_return(kitchen):
    pids = kitchen.misbehave("leave_daemons_behind", "return").value

    assert len(pids) == 3
    assert not any(map(is_alive, pids))


def test_daemons_do_not_survive_a_time_limit(kitchen):
    pids = [int(pid) for pid in kitchen.misbehave("leave_daemons_behind", "stay", wall_s=1).log_tail.split()]

    assert len(pids) == 3
    assert not any(map(is_alive, pids))


@pytest.mark.parametrize("how", ["fork_for_ever", "fork_into_sessions"])
def test_a_fork_bomb_ends(kitchen, how):
    outcome = kitchen.misbehave(how, processes=100)

    assert outcome.end is End.TOO_MANY_PROCESSES, outcome
    assert outcome.error.message.endswith("the most are 100 and 8192")


#: Ends a bomb as on a kernel that cannot enclose signals. It prints how many have died, and what is left.
SWEEP = """
import os, time
from bakeoff.cell.oven import process_tree
from bakeoff.cell.confinement import kernel_calls
from plugins import cell_gallery
kernel_calls.become_subreaper()
if os.fork() == 0:
    os.setsid()
    cell_gallery.fork_for_ever(None, None)
while len(list(process_tree.descendants(os.getpid()))) < 30:
    time.sleep(0.01)
started = time.monotonic()
deaths = len(process_tree.kill_descendants())
print(deaths, process_tree.reap(), process_tree.children(os.getpid()), time.monotonic() - started < 4)
"""


def test_a_fork_bomb_ends_also_without_an_enclosure():
    with running(SWEEP) as process:
        deaths, _, left = process.stdout.readline().partition(" ")

    assert int(deaths) >= 30
    assert left == "([], False) [] True\n"


def test_a_chain_of_processes_that_each_fork_and_die_is_caught(kitchen):
    outcome = kitchen.misbehave("fork_and_die")

    assert outcome.end is End.EXITED


def test_too_many_sleeping_processes_are_too_many(kitchen):
    assert kitchen.misbehave("start_many_processes", 20, processes=10).end is End.TOO_MANY_PROCESSES


def test_processes_below_the_limit_are_let_be(kitchen):
    assert kitchen.misbehave("start_many_processes", 10, processes=20, wall_s=1).end is End.TIMED_OUT


def test_too_many_threads_are_too_many(kitchen):
    outcome = kitchen.misbehave("start_many_threads", 300, all_threads=200)

    assert outcome.end is End.TOO_MANY_PROCESSES, outcome
    assert outcome.error.message.startswith("it had 1 processes or more with ")
    assert outcome.error.message.endswith(" threads, the most are 128 and 200")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="it makes the call by its number")
def test_a_child_that_made_itself_a_sibling_does_not_survive(kitchen):
    sibling = kitchen.misbehave("become_a_sibling").value

    assert sibling["its parent is ours"]
    assert not is_alive(sibling["pid"])


@pytest.mark.skipif(platform.machine() != "x86_64", reason="calls are filtered there alone")
def test_limits_and_priorities_of_others_stay_as_they_are(kitchen):
    with running("import sys; sys.stdin.read()") as neighbour:
        found = kitchen.misbehave("meddle_with", neighbour.pid).value
        limit = resource.prlimit(neighbour.pid, resource.RLIMIT_CPU)
        niceness = os.getpriority(os.PRIO_PROCESS, neighbour.pid)

    mine = {name: answer for name, answer in found.items() if name.startswith("own ")}
    assert mine == {"own limit": "None", "own nice": "1", "own policy": "None"}
    assert {answer for name, answer in found.items() if name not in mine} == {"PermissionError"}
    assert limit == (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert niceness == os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.skipif(not scratch_folder.can_be_private(), reason="the user may have no namespaces")
def test_shared_memory_of_system_v_is_gone_with_the_cell(kitchen):
    key = 0x0BAE0FF0 + os.getpid() % 2**16

    assert [kitchen.misbehave("leave_memory_of_system_v", key).value for _ in range(2)] == [True, True]
    assert str(key) not in Path("/proc/sysvipc/shm").read_text().split()


def test_a_cell_that_closes_every_descriptor_is_an_exit_without_answer(kitchen):
    outcome = kitchen.misbehave("close_every_descriptor")

    assert (outcome.end, outcome.error.type) == (End.EXITED, "Exit")


@pytest.mark.parametrize("garbage", ["\x00\x01garbage", "garbage\n", "[]\n", '{"end": "lost"}\n', "\n"])
def test_garbage_in_every_descriptor_is_a_bad_report(kitchen, garbage):
    outcome = kitchen.misbehave("write_garbage_everywhere", garbage, outputs=("a",))

    assert (outcome.end, outcome.value, outcome.error.type) == (End.BAD_REPORT, None, "BadReport")
    assert not (kitchen.folder / "a").exists()


@pytest.mark.parametrize(
    "lines",
    [
        ['{"end": "returned", "value": 1}', '{"end": "returned", "value": 2}'],
        ['{"end": "returned", "error": {"type": "x", "message": "y"}}'],
        ['{"end": "raised"}'],
        ['{"end": "raised", "error": {"type": 1, "message": "y"}}'],
        ['{"end": "raised", "error": {"kind": "x", "message": "y"}}'],
        ['{"end": "exited", "error": {"type": "x", "message": "y"}, "exit_code": "x"}'],
        ['{"end": "timed_out", "error": {"type": "x", "message": "y"}}'],
        ['{"phase": 5}'],
        ["[" * 100_000],
        ["9" * 10_000],
        ['{"end": "returned", "value": "\\ud800"}'],
        ["\ud800"],
    ],
)
def test_a_forged_report_is_a_bad_report_and_never_a_crash(kitchen, lines):
    assert kitchen.misbehave("forge", lines).end is End.BAD_REPORT


def test_a_forged_value_does_not_count_if_the_cell_then_fails(kitchen):
    outcome = kitchen.misbehave("forge_and_exit", 3)

    assert (outcome.end, outcome.value, outcome.exit_code) == (End.EXITED, None, 3)


def test_a_long_phase_is_cut(kitchen):
    assert kitchen.misbehave("forge", ['{"phase": "%s"}' % ("x" * 1000)]).phase == "x" * 64


def test_a_flooded_report_is_a_bad_report(kitchen):
    outcome = kitchen.misbehave("flood_report")

    assert (outcome.end, outcome.error.message) == (
        End.BAD_REPORT,
        "its report cannot be used: it is longer than 16 MiB",
    )


def test_a_value_of_many_megabytes_comes_back(kitchen):
    assert len(kitchen.run("return_much", 8 * 2**20).value) == 8 * 2**20


def test_a_value_that_is_not_unicode_is_a_bad_report(kitchen):
    assert kitchen.run("return_lone_surrogate").end is End.BAD_REPORT


def test_a_flood_of_output_is_cut_at_the_limit_and_says_so(kitchen):
    outcome = kitchen.misbehave("print_for_ever", wall_s=1.5, log_kb=16)

    text = kitchen.log.read_bytes()
    assert outcome.end is End.TIMED_OUT
    assert text.endswith(b"\n[the log ends here: it reached its limit of 16 KiB]\n")
    assert len(text) == 16 * 1024 + len("\n[the log ends here: it reached its limit of 16 KiB]\n")


def test_the_last_lines_are_kept_also_beyond_the_limit(kitchen):
    outcome = kitchen.misbehave("print_much", 200_000, log_kb=1)

    lines = outcome.log_tail.splitlines()
    assert (outcome.value, lines[-1]) == ("printed", "line 199999")
    assert lines[0].startswith("line ")
    assert kitchen.log.stat().st_size < 2000


def test_a_flood_of_the_scratch_folder_ends_as_scratch_full(kitchen):
    outcome = kitchen.misbehave("flood_scratch", scratch_mb=8)

    assert outcome.end is End.SCRATCH_FULL
    assert outcome.error.type == "OSError"


def test_a_flood_of_empty_files_ends_as_scratch_full(kitchen):
    outcome = kitchen.misbehave("flood_scratch_with_names", scratch_mb=8)

    assert (outcome.end, outcome.error.type) == (End.SCRATCH_FULL, "OSError")


def test_an_output_cannot_grow_beyond_its_limit(kitchen):
    outcome = kitchen.misbehave("flood_output", output_mb=2, scratch_mb=1, outputs=("a",))

    assert (outcome.end, outcome.error.type) == (End.RAISED, "OSError")
    assert outcome.error.hint == "A file that a cell writes may have 2 MB at most."
    assert not (kitchen.folder / "a").exists()


def test_a_maze_of_folders_is_removed(kitchen):
    assert kitchen.misbehave("leave_a_maze").end is End.RETURNED
    assert kitchen.run("list_shared_folders").value == [[], []]


def test_a_memory_error_is_one_whoever_raises_it(kitchen):
    outcome = kitchen.misbehave("raise_memory_error")

    assert (outcome.end, outcome.error.type, outcome.error.message) == (
        End.MEMORY,
        "MemoryError",
        "of its own",
    )


def test_an_array_beyond_the_memory_limit_is_a_memory_error(kitchen):
    outcome = kitchen.misbehave("allocate", 2000, memory_mb=100)

    assert outcome.end is End.MEMORY
    assert outcome.error.type == "MemoryError"
    assert outcome.error.message.startswith("Unable to allocate")


def test_an_array_within_the_memory_limit_is_none(kitchen):
    assert kitchen.misbehave("allocate", 90, memory_mb=100).value == 1.0


def test_memory_that_grows_bit_by_bit_ends_at_the_limit(kitchen):
    outcome = kitchen.misbehave("allocate_bit_by_bit", memory_mb=100)

    assert (outcome.end, outcome.error.type) == (End.MEMORY, "MemoryLimit")
    assert outcome.error.message.endswith("its limit is 100 MB")


@pytest.mark.parametrize("how", ["allocate_in_children", "allocate_shared"])
def test_memory_of_children_and_shared_memory_count(kitchen, how):
    outcome = kitchen.misbehave(how, 60 if how == "allocate_in_children" else 150, memory_mb=120)

    assert (outcome.end, outcome.error.type) == (End.MEMORY, "MemoryLimit")


def test_who_forks_all_the_time_is_weighed_all_the_same(kitchen):
    outcome = kitchen.misbehave("allocate_and_fork_on", 80, memory_mb=120)

    assert (outcome.end, outcome.error.type) == (End.MEMORY, "MemoryLimit")
    assert outcome.usage.wall_s >= 5


def test_what_a_cell_changes_in_its_process_is_gone_with_it(kitchen):
    before = kitchen.run("describe_surroundings").value

    assert kitchen.misbehave("go_elsewhere").value == "elsewhere"
    assert kitchen.run("describe_surroundings").value == before


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("raise_unprintable", "Unprintable", "<its message cannot be printed: __str__ raised ValueError>"),
        ("raise_base_exception", "Strange", "from below"),
        ("raise_with_a_lying_class", "Mask", "who am I"),
        ("raise_binary", "ValueError", "? and \N{REPLACEMENT CHARACTER}"),
        ("recurse", "RecursionError", "maximum recursion depth exceeded"),
        ("raise_in_a_chain", "RuntimeError", "second"),
        ("raise_group", "ExceptionGroup", "several (2 sub-exceptions)"),
        ("raise_unpicklable", "RuntimeError", "with a lock"),
    ],
)
def test_any_exception_becomes_words(kitchen, how, kind, message):
    outcome = kitchen.misbehave(how)

    assert (outcome.end, outcome.error.type, outcome.error.message) == (End.RAISED, kind, message)
    assert len(outcome.error.traceback) <= 16_000


def test_a_chain_of_exceptions_is_told_whole(kitchen):
    assert "KeyError: 'first'" in kitchen.misbehave("raise_in_a_chain").error.traceback


def test_a_huge_message_is_cut_in_the_middle(kitchen):
    error = kitchen.misbehave("raise_huge").error

    assert len(error.message) <= 4000
    assert "x\n[...]\nx" in error.message


@pytest.mark.skipif(not landlock.abi(), reason="the kernel has no Landlock")
def test_nothing_outside_can_be_read_changed_or_signalled(kitchen, tmp_path):
    secret = tmp_path / "labels.csv"
    secret.write_text("1\n")
    secret.chmod(0o644)

    found = kitchen.misbehave("reach_for", {"file": str(secret), "supervisor": os.getpid()}).value

    assert {
        name: answer for name, answer in found.items() if answer not in {"PermissionError", "OSError"}
    } == {}
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("1\n", 0o644)


def test_a_cell_cannot_order_cells(kitchen, oven):
    outcome = kitchen.misbehave("order_another_cell", str(oven.socket))

    assert outcome.value == 0


def test_another_program_in_its_place_is_an_exit(kitchen):
    outcome = kitchen.misbehave("become_another_program")

    assert (outcome.end, outcome.exit_code, outcome.log_tail) == (End.EXITED, 5, "another\n")


def test_a_warm_parent_that_is_killed_is_a_loss_and_leaves_nothing(oven, tmp_path):
    with a_kitchen(oven, tmp_path) as kitchen:
        parent = kitchen.parent()

        def kill_it() -> bool:
            os.kill(parent, 9)
            return True

        outcome = kitchen.misbehave("leave_daemons_behind", "stay", keep_going=kill_it, tick_s=0.3)

        assert (outcome.end, outcome.error.type) == (End.LOST, "WarmParentLost")
        assert kitchen.warm.closed
    assert eventually(lambda: not below(oven._process.pid))
    assert eventually(lambda: names_in(oven.socket.parent) == ["socket"])
    with a_kitchen(oven, tmp_path) as again:
        assert again.run("echo", 1).value == 1


def test_a_supervisor_that_hangs_up_takes_its_cell_along(oven, tmp_path):
    with a_kitchen(oven, tmp_path) as kitchen:
        order = kitchen.order("cell_gallery:leave_daemons_behind", "stay")
        log = os.open(kitchen.log, os.O_WRONLY | os.O_CREAT)
        kitchen.warm._channel.send({"order": order.to_json()}, [log])
        os.close(log)
        assert eventually(lambda: len(kitchen.log.read_text().split()) == 3)
        started = time.monotonic()
    assert eventually(lambda: not below(oven._process.pid), 1.0)
    assert time.monotonic() - started < 1.0
