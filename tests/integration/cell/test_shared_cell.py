"""Orders that may share a cell: one after another in the same process, if nothing is left."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.projects.kitchen import (
    PLUGINS,
    Kitchen,
    a_kitchen,
    an_oven,
    below,
    children,
    eventually,
    is_alive,
    names_in,
)

from bakeoff.cell.confinement import landlock
from bakeoff.cell.host.cell_outcome import CellOutcome, End
from bakeoff.cell.oven.start_and_stop_oven import Oven

SHARED = "cell_shared"


@pytest.fixture(scope="module")
def oven() -> Iterator[Oven]:
    with an_oven(preload=("numpy", SHARED)) as oven:
        yield oven


@pytest.fixture
def kitchen(oven: Oven, tmp_path: Path) -> Iterator[Kitchen]:
    with a_kitchen(oven, tmp_path) as kitchen:
        yield kitchen


def shared(kitchen: Kitchen, entry: str = "work", payload: object = None, **changed: object) -> CellOutcome:
    return kitchen.run(f"{SHARED}:{entry}", payload, shared=True, **changed)


def pid(kitchen: Kitchen) -> int:
    """Of the cell that runs an order which leaves nothing."""
    outcome = shared(kitchen)
    assert (outcome.end, outcome.left) == (End.RETURNED, ())
    return int(outcome.value["pid"])


def test_orders_that_leave_nothing_run_in_one_cell(kitchen):
    assert pid(kitchen) == pid(kitchen) == pid(kitchen)


def test_an_order_that_is_not_shared_runs_in_no_cell_of_others_and_leaves_it_to_nobody(kitchen):
    first, alone, last = pid(kitchen), kitchen.run(f"{SHARED}:work").value["pid"], pid(kitchen)

    assert len({first, alone, last}) == 3
    assert not is_alive(first)


@pytest.mark.parametrize(
    "other",
    [{"memory_mb": 500}, {"threads": 2}, {"readable": (PLUGINS.parent / "samples",)}],
)
def test_an_order_with_other_limits_or_files_has_a_cell_of_its_own(kitchen, other):
    first = pid(kitchen)

    assert shared(kitchen, **other).value["pid"] != first


def test_orders_with_less_time_share_a_cell_since_it_is_watched_from_outside(kitchen):
    first = pid(kitchen)

    assert shared(kitchen, wall_s=20.0).value["pid"] == first


@pytest.mark.skipif(not landlock.abi(), reason="the kernel has no Landlock")
def test_orders_with_other_inputs_share_a_cell_which_can_open_none_of_them_by_its_path(kitchen, tmp_path):
    said = []
    for word in ("one", "two"):
        (tmp_path / word).write_text(word)
        outcome = shared(kitchen, "read", str(tmp_path / "one"), inputs={"given": tmp_path / word})
        assert outcome.left == ()
        said.append(outcome.value)

    assert [one["text"] for one in said] == ["one", "two"]
    assert [one["by path"] for one in said] == ["Permission denied"] * 2
    assert said[0]["pid"] == said[1]["pid"]


def test_an_input_that_is_not_there_is_missed_by_the_one_who_opens_it(kitchen, tmp_path):
    outcome = shared(kitchen, "read", "", inputs={"given": tmp_path / "gone"})

    assert outcome.error.type == "FileNotFoundError"


def test_an_input_that_nobody_opened_is_closed_with_its_order(kitchen, tmp_path):
    (tmp_path / "one").write_text("one")
    outcome = shared(kitchen, inputs={"given": tmp_path / "one"})

    assert (outcome.end, outcome.left) == (End.RETURNED, ())


def test_each_order_has_its_own_report_log_and_outputs(kitchen):
    outcomes = []
    for word in ("one", "two"):
        kitchen.log = kitchen.folder / f"{word}.log"
        outcomes.append(shared(kitchen, "say", word, outputs=(word,)))

    assert [outcome.value["word"] for outcome in outcomes] == ["one", "two"]
    assert outcomes[0].value["pid"] == outcomes[1].value["pid"]
    assert [outcome.log_tail for outcome in outcomes] == ["says one\n", "says two\n"]
    assert (kitchen.folder / "one.log").read_text() == "says one\n"
    assert (kitchen.folder / "two.log").read_text() == "says two\n"
    assert [(kitchen.folder / word).read_text() for word in ("one", "two")] == ["one", "two"]
    assert outcomes[1].phase == "two"


@pytest.mark.parametrize(
    ("entry", "end"),
    [
        ("fail", End.RAISED),
        ("leave", End.EXITED),
        ("crash", End.SIGNALLED),
        ("leave_at_once", End.EXITED),
        ("be_slow", End.TIMED_OUT),
        ("return_no_json", End.RAISED),
        ("fork_and_return", End.BAD_REPORT),
    ],
)
def test_a_failure_costs_the_order_at_hand_alone_and_ends_the_cell(kitchen, entry, end):
    before = shared(kitchen, wall_s=1.0)
    failed = shared(kitchen, entry, wall_s=1.0)
    after = shared(kitchen, wall_s=1.0)

    assert (before.end, failed.end, after.end) == (End.RETURNED, end, End.RETURNED)
    assert before.value["pid"] != after.value["pid"]
    assert before.value["found"] == after.value["found"]


@pytest.mark.parametrize(
    ("leaves", "named"),
    [
        ("thread", "Threads"),
        ("file", "files"),
        ("child", "processes"),
        ("orphan", "processes"),
        ("ended child", "child processes"),
        ("variable", "environment"),
        ("descriptor", "descriptors"),
        ("memory", "grew by"),
        ("module", "modules"),
    ],
)
def test_a_cell_in_which_something_is_left_runs_no_other_order(kitchen, leaves, named):
    before = pid(kitchen)
    outcome = shared(kitchen, "leave_behind", leaves)

    assert (outcome.end, outcome.value) == (End.RETURNED, before)
    assert named in " ".join(outcome.left)
    assert pid(kitchen) != before
    assert eventually(lambda: not is_alive(before))


def test_cpu_time_and_peak_memory_are_those_of_each_order(kitchen):
    small = shared(kitchen)
    large = shared(kitchen, "use", {"seconds": 0.3, "mb": 150})
    again = shared(kitchen)

    assert small.value["pid"] == large.value == again.value["pid"]
    assert large.usage.cpu_s >= 0.3
    assert again.usage.cpu_s < 0.2
    assert large.usage.peak_memory_mb > small.usage.peak_memory_mb + 100
    assert again.usage.peak_memory_mb < small.usage.peak_memory_mb + 40


def test_a_later_order_is_stopped_and_timed_by_itself(kitchen):
    first = pid(kitchen)
    stopped = shared(kitchen, "be_slow", keep_going=lambda: False, tick_s=0.05)

    assert stopped.end is End.STOPPED
    assert not is_alive(first)
    second = pid(kitchen)
    late = shared(kitchen, "be_slow", wall_s=0.5)
    assert (late.end, is_alive(second)) == (End.TIMED_OUT, False)
    assert late.usage.wall_s >= 0.5


def test_each_order_has_its_whole_memory_limit(kitchen):
    fits = [shared(kitchen, "use", {"seconds": 0, "mb": 150}, memory_mb=200) for _ in range(3)]
    beyond = shared(kitchen, "use", {"seconds": 0, "mb": 400}, memory_mb=200)

    assert [outcome.end for outcome in fits] == [End.RETURNED] * 3
    assert len({outcome.value for outcome in fits}) == 1
    assert beyond.end is End.MEMORY


def test_a_cell_that_is_killed_while_it_waits_costs_no_order(kitchen):
    first = pid(kitchen)
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: not is_alive(first))

    assert pid(kitchen) != first


def test_a_cell_that_dies_when_it_tidies_up_does_not_take_the_result_with_it(kitchen):
    first = pid(kitchen)
    outcome = shared(kitchen, "crash_when_finalised")

    assert (outcome.end, outcome.value, outcome.lingered) == (End.RETURNED, first, False)
    assert pid(kitchen) != first


def test_a_cell_that_waits_ends_with_its_warm_parent(kitchen):
    waiting = pid(kitchen)
    assert waiting in below(kitchen.parent())
    kitchen.warm.close()

    assert eventually(lambda: not is_alive(waiting))


def test_a_hundred_orders_leave_nothing_behind(kitchen):
    first = pid(kitchen)
    parent = kitchen.parent()
    before = descriptors_at_rest(os.getpid(), parent, first)
    for _ in range(100):
        shared(kitchen, inputs={"given": Path(__file__)})

    assert pid(kitchen) == first
    assert children(parent) == {first}
    assert descriptors_at_rest(os.getpid(), parent, first) == before


def descriptors_at_rest(*pids: int) -> list[int]:
    """How many each has open. A warm parent makes the next pipes just after its answer to an order."""

    def look() -> list[int]:
        return [len(names_in(f"/proc/{pid}/fd")) for pid in pids]

    while (seen := look()) != (time.sleep(0.05) or look()):
        pass
    return seen
