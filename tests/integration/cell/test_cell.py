"""What an entry meets inside a cell, and what its supervisor learns of it."""

import os
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
from fixtures.projects.kitchen import ROOT, Kitchen, a_kitchen, an_oven, below, children, eventually, names_in

from bakeoff.cell.host.cell_outcome import End, Failure
from bakeoff.cell.oven.start_and_stop_oven import Oven
from bakeoff.domain.errors import InfrastructureError


@pytest.fixture(scope="module")
def oven() -> Iterator[Oven]:
    os.environ["BAKEOFF_SECRET"] = "hidden"
    try:
        with an_oven(preload=("numpy", "joblib", "sklearn.ensemble")) as oven:
            yield oven
    finally:
        del os.environ["BAKEOFF_SECRET"]


@pytest.fixture
def kitchen(oven: Oven, tmp_path: Path) -> Iterator[Kitchen]:
    with a_kitchen(oven, tmp_path) as kitchen:
        yield kitchen


def test_the_value_of_the_entry_comes_back(kitchen):
    outcome = kitchen.run("echo", {"x": [1, 2.5, None, "ü"]})

    assert (outcome.end, outcome.value, outcome.error) == (End.RETURNED, {"x": [1, 2.5, None, "ü"]}, None)


def test_the_last_phase_is_known(kitchen):
    assert kitchen.run("walk_through_phases").phase == "predict"
    assert kitchen.run("echo").phase == "start"


def test_whatever_is_printed_is_in_the_log_and_at_its_end(kitchen):
    outcome = kitchen.run("print_in_many_ways")

    expected = ["from print", "to stderr", "from C", "from a child", "from logging"]
    assert sorted(kitchen.log.read_text().splitlines()) == sorted(expected)
    assert sorted(outcome.log_tail.splitlines()) == sorted(expected)


def test_logs_of_one_file_follow_each_other(kitchen):
    kitchen.run("cell_gallery:print_much", 1)
    kitchen.run("cell_gallery:print_much", 2)

    assert kitchen.log.read_text() == "line 0\nline 0\nline 1\n"


def test_the_log_can_be_followed_while_the_cell_runs(kitchen):
    seen = []

    def look() -> bool:
        seen.append(kitchen.log.read_text())
        return "sleeping" not in seen[-1]

    outcome = kitchen.run("sleep", 30, keep_going=look, tick_s=0.02)

    assert (outcome.end, outcome.phase, seen[-1]) == (End.STOPPED, "fit", "sleeping\n")


def test_outputs_appear_at_their_places_when_the_entry_has_returned(kitchen):
    outcome = kitchen.run("write_outputs", {"a": "first", "b": "second"}, outputs=("a", "b", "unused"))

    assert outcome.end is End.RETURNED
    assert (kitchen.folder / "a").read_text() == "first"
    assert (kitchen.folder / "b").read_text() == "second"
    assert names_in(kitchen.folder) == ["a", "b", "log"]


def test_an_output_may_have_a_limit_of_its_own(kitchen):
    text = "x" * (2 * 2**20)
    limits = {"output_mb": 1, "outputs_mb": {"a": 2}}
    small = kitchen.run("write_outputs", {"a": text}, outputs=("a", "b"), **limits)
    large = kitchen.run("write_outputs", {"b": text}, outputs=("a", "b"), **limits)

    assert small.end is End.RETURNED
    assert (large.end, large.error.type) == (End.BAD_REPORT, "OutputTooLarge")
    assert large.error.message == "the output 'b' has 2 MB, and may have 1 MB at most"
    assert names_in(kitchen.folder) == ["a", "log"]


def test_an_output_that_is_left_open_is_complete(kitchen):
    kitchen.run("write_output_without_closing", outputs=("a",))

    assert (kitchen.folder / "a").read_text() == "left open"


def test_an_array_can_be_saved_to_an_output(kitchen):
    kitchen.run("save_an_array", 1000, outputs=("a",))

    assert np.load(kitchen.folder / "a").tolist() == list(range(1000))


def test_a_failure_leaves_no_output_and_what_was_there_before(kitchen):
    (kitchen.folder / "a").write_text("before")

    outcome = kitchen.run("fail_after_writing", outputs=("a",))

    assert outcome.end is End.RAISED
    assert (kitchen.folder / "a").read_text() == "before"
    assert names_in(kitchen.folder) == ["a", "log"]


def test_outputs_that_are_no_longer_wanted_replace_nothing(kitchen):
    (kitchen.folder / "a").write_text("of somebody else")

    outcome = kitchen.run("write_outputs", {"a": "late"}, may_keep=lambda: False, outputs=("a",))

    assert (outcome.end, outcome.value, outcome.error.type) == (End.STOPPED, None, "Stopped")
    assert (kitchen.folder / "a").read_text() == "of somebody else"
    assert names_in(kitchen.folder) == ["a", "log"]


def test_an_output_that_was_not_ordered_is_named_with_those_that_were(kitchen):
    outcome = kitchen.run("ask_for_an_output_that_is_not_there", outputs=("a",))

    assert "'b' is not an output that can be opened: left are a" in outcome.error.message


def test_an_exception_becomes_words_that_start_at_the_code_of_strangers(kitchen, tmp_path):
    (tmp_path / "plugin.py").write_text("def inner():\n    return 1 / 0\nANSWER = inner()\n")

    outcome = kitchen.run("import_a_plugin", "plugin", import_path=(str(tmp_path),), readable=(tmp_path,))

    assert (outcome.end, outcome.phase) == (End.RAISED, "import")
    assert (outcome.error.type, outcome.error.message) == ("ZeroDivisionError", "division by zero")
    lines = outcome.error.traceback.splitlines()
    assert lines[1].strip() == f'File "{tmp_path}/plugin.py", line 3, in <module>'
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_an_exception_of_the_entry_itself_starts_there(kitchen):
    lines = kitchen.run("fail_after_writing", outputs=("a",)).error.traceback.splitlines()

    assert lines[1].strip().endswith("in fail_after_writing")


def test_an_entry_can_fail_in_its_own_words(kitchen):
    outcome = kitchen.run("report_in_own_words")

    assert outcome.end is End.RAISED
    assert outcome.error == Failure(
        type="NoSuchColumn", message="the column age is missing", traceback="line 3", hint="add it"
    )


def test_an_entry_that_does_not_exist_is_a_failure_and_not_a_crash(kitchen):
    missing = kitchen.run("nowhere:at_all")
    nameless = kitchen.run("no_such_function")

    assert (missing.end, missing.error.type) == (End.RAISED, "ModuleNotFoundError")
    assert (nameless.end, nameless.error.type) == (End.RAISED, "AttributeError")


def test_a_value_that_is_not_json_is_a_failure(kitchen):
    outcome = kitchen.run("return_what_json_cannot_hold")

    assert (outcome.end, outcome.error.type) == (End.RAISED, "TypeError")


def test_a_cell_has_nothing_of_its_supervisor_but_what_it_needs(kitchen):
    found = kitchen.run("describe_surroundings").value

    assert os.environ["BAKEOFF_SECRET"] == "hidden"
    assert set(found["environment"]) <= {
        *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH"),
        *("PYTHONPATH", "PYTHONHASHSEED", "JE_ARROW_MALLOC_CONF", "JOBLIB_TEMP_FOLDER", "XDG_CACHE_HOME"),
        *("MPLCONFIGDIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
        *("NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "RAYON_NUM_THREADS"),
        *("LOKY_MAX_CPU_COUNT", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "OMP_WAIT_POLICY"),
    }
    assert found["environment"]["OMP_WAIT_POLICY"] == "passive"
    assert len(found["descriptors"]) == 4
    assert found["descriptors"][:3] == [0, 1, 2]
    assert found["folder"] == found["scratch"] == found["temporary"] == found["environment"]["HOME"]
    assert found["stdin"] == "/dev/null"
    assert found["session"] is True
    assert found["first to go"] == "1000"
    assert found["core"] == [0, 0]
    assert found["threads"] == ["MainThread"]
    assert sorted(found["ignored"]) == ["SIGPIPE", "SIGXFSZ"]
    assert found["capabilities"] == ["0000000000000000", "0000000000000000"]
    assert found["main"] is None


def test_an_import_path_comes_before_the_libraries(kitchen, tmp_path):
    found = kitchen.run("describe_surroundings", import_path=(str(tmp_path),)).value

    assert found["path"][0] == str(tmp_path)


def test_a_project_has_a_module_named_tasks_and_no_package_of_its_own_hides_ours(kitchen, tmp_path):
    for name in ("tasks.py", "registry.py", "bakeoff.py"):
        (tmp_path / name).write_text("plugin = None\n")

    order = {"import_path": (str(tmp_path),), "readable": (tmp_path,)}
    found = {name: kitchen.run("locate", name, **order).value for name in ("tasks", "registry", "bakeoff")}

    assert found == {
        "tasks": str(tmp_path / "tasks.py"),
        "registry": str(ROOT / "registry" / "__init__.py"),
        "bakeoff": str(ROOT / "bakeoff" / "__init__.py"),
    }


@pytest.mark.parametrize("threads", [1, 2])
def test_the_thread_budget_is_what_blas_openmp_and_joblib_see(kitchen, threads):
    found = kitchen.run("count_threads", threads=threads).value

    assert (found["n_jobs=-1"], found["pools"]) == (threads, [threads])
    assert found["tasks"] >= threads


def test_loky_works_inside_and_does_not_drop_to_one_process(kitchen):
    outcome = kitchen.run("spread_over_loky", threads=2)

    assert outcome.value == {"values": [0, 1, 4, 9], "elsewhere": True}, outcome
    assert "Warning" not in outcome.log_tail


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_works_inside(kitchen, method):
    outcome = kitchen.run("spread_over_multiprocessing", method, threads=2)

    assert outcome.value == {"values": [0, 1, 4, 9], "elsewhere": True}, outcome


@pytest.mark.parametrize("memory_mb", [None, 200])
def test_a_forest_grows_on_two_threads_also_with_a_memory_limit(kitchen, memory_mb):
    outcome = kitchen.run("fit_a_forest", 2, threads=2, memory_mb=memory_mb)

    assert round(outcome.value, 4) == 0.9967, outcome


@pytest.mark.skipif(os.geteuid() != 0, reason="not every system gives a user a /dev/shm of their own")
def test_what_is_left_in_scratch_and_shared_memory_is_not_seen_by_the_next_cell(kitchen):
    first = kitchen.run("use_shared_memory")
    second = kitchen.run("list_shared_folders")

    assert first.value == [["left_behind"], ["file"]]
    assert second.value == [[], []]
    assert not Path("/dev/shm/left_behind").exists()


def test_plugins_can_be_read_and_their_neighbours_cannot(kitchen, tmp_path):
    code, data = tmp_path / "code", tmp_path / "data"
    code.mkdir()
    data.mkdir()
    (code / "plug.py").write_text("ANSWER = 42\n")
    (data / "labels.csv").write_text("1\n")

    order = {"import_path": (str(code),), "readable": (code,)}
    assert kitchen.run("import_a_plugin", "plug", **order).value == 42
    refused = kitchen.run("read_file", str(data / "labels.csv"), **order)
    assert (refused.end, refused.error.type) == (End.RAISED, "PermissionError")
    assert refused.error.hint.startswith("In a cell only")


def test_a_single_file_can_be_made_readable(kitchen, tmp_path):
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")

    assert kitchen.run("read_file", str(tmp_path / "one"), readable=(tmp_path / "one",)).value == "1"
    assert kitchen.run("read_file", str(tmp_path / "two"), readable=(tmp_path / "one",)).end is End.RAISED


def test_programs_can_be_started(kitchen):
    assert kitchen.run("run_program", ["/bin/echo", "hi"]).value == "hi\n"


def test_cpu_time_includes_that_of_children(kitchen):
    outcome = kitchen.run("burn_cpu_in_a_child", 0.3)

    assert 0.3 <= outcome.usage.cpu_s < 2
    assert outcome.usage.wall_s >= 0.3


def test_the_peak_of_memory_is_seen_even_if_it_was_short(kitchen):
    small, large = (kitchen.run("hold_memory", {"mb": mb, "s": 0.01}).usage for mb in (1, 200))

    assert 190 < large.peak_memory_mb - small.peak_memory_mb < 230


def test_memory_that_processes_share_is_counted_once(kitchen):
    outcome = kitchen.run("hold_memory_together", {"mb": 150, "children": 3, "s": 1.6}, memory_mb=250)

    assert (outcome.end, outcome.value) == (End.RETURNED, "held")


def test_memory_that_was_inherited_does_not_count_as_added(kitchen):
    assert kitchen.run("hold_memory", {"mb": 40, "s": 0.6}, memory_mb=60).value == 1.0


def test_mapped_data_does_not_count_as_added_memory(kitchen, tmp_path):
    with (tmp_path / "data").open("wb") as data:
        data.truncate(600 * 2**20)
    order = {"payload": str(tmp_path / "data"), "readable": (tmp_path,), "memory_mb": 32}

    told = kitchen.run("map_file", **order, mapped_bytes=600 * 2**20)
    untold = kitchen.run("map_file", **order)

    assert (told.end, told.value) == (End.RETURNED, 0), told
    assert (untold.end, untold.error.type) == (End.MEMORY, "OSError"), untold


def test_keep_going_is_asked_on_time_while_output_floods(kitchen):
    ticks = []

    def tick() -> bool:
        ticks.append(time.monotonic())
        return len(ticks) < 6

    outcome = kitchen.run("cell_gallery:print_for_ever", keep_going=tick, tick_s=0.1, log_kb=64)

    assert outcome.end is End.STOPPED
    assert max(after - before for before, after in pairwise(ticks)) < 1.0


def test_an_exception_in_keep_going_ends_the_cell_before_it_goes_on(kitchen):
    parent = kitchen.parent()

    def raise_when_it_runs() -> bool:
        if "sleeping" in kitchen.log.read_text():
            raise ConnectionError("the database is gone")
        return True

    with pytest.raises(ConnectionError, match="the database is gone"):
        kitchen.run("sleep", 30, keep_going=raise_when_it_runs, tick_s=0.02)

    assert not below(parent)
    assert kitchen.warm.closed


def test_a_warm_parent_that_was_stopped_serves_the_next_order(kitchen):
    assert kitchen.run("sleep", 30, keep_going=lambda: False, tick_s=0.01).end is End.STOPPED
    assert kitchen.run("echo", 5).value == 5


def test_several_warm_parents_work_side_by_side(kitchen, oven, tmp_path):
    (tmp_path / "other").mkdir()
    with a_kitchen(oven, tmp_path / "other") as other:
        assert [kitchen.run("echo", 1).value, other.run("echo", 2).value] == [1, 2]


def test_a_socket_without_an_oven_is_an_error_with_its_cure(tmp_path):
    from bakeoff.cell.host.cell_client import connect

    with pytest.raises(InfrastructureError, match=r"no oven answers at .*nothing.*start the worker again"):
        connect(tmp_path / "nothing", timeout_s=1)


def _has_settled(parent: int) -> bool:
    """It waits for the next order, the next cell at its side, with no more descriptors than it needs."""
    return len(below(parent)) == 1 and len(names_in(f"/proc/{parent}/fd")) == 10


def _memory_mb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) // 1024


def _mounts(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/mounts").read_text().splitlines()


def test_three_hundred_orders_leave_nothing_behind(kitchen, oven):
    parent = kitchen.parent()
    for _ in range(10):
        kitchen.run("write_outputs", {"a": "x"}, outputs=("a",))
    assert eventually(lambda: _has_settled(parent))
    ours, memory_mb, mounts = len(names_in("/proc/self/fd")), _memory_mb(parent), _mounts(parent)

    for _ in range(300):
        assert kitchen.run("echo", 1).end is End.RETURNED

    assert eventually(lambda: _has_settled(parent))
    assert _memory_mb(parent) <= memory_mb + 1
    assert _mounts(parent) == mounts
    assert len(names_in("/proc/self/fd")) == ours
    assert names_in(kitchen.folder) == ["a", "log"]
    assert children(oven._process.pid) == {parent}


def test_what_is_kept_is_never_finalised_so_a_hanging_finaliser_costs_nothing(kitchen):
    outcome = kitchen.run("keep_what_hangs_when_finalised")

    assert (outcome.end, outcome.value, outcome.lingered) == (End.RETURNED, "done", False)
    assert outcome.usage.wall_s < 5


def test_a_cell_that_does_not_end_after_its_report_is_ended_and_its_value_counts_marked(kitchen):
    parent = psutil.Process(kitchen.parent())
    before = parent.cpu_times()
    outcome = kitchen.run("leave_an_output_that_hangs_when_flushed", wall_s=1.5)
    spent = parent.cpu_times()

    assert (outcome.end, outcome.value, outcome.lingered) == (End.RETURNED, "done", True)
    assert outcome.usage.wall_s < 20
    # Its time limit is over while it is waited for, and the warm parent still sleeps meanwhile.
    assert spent.user + spent.system - before.user - before.system < 0.5
    assert kitchen.run("echo", "the next one").value == "the next one"
