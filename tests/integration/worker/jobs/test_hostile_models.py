"""One run holds every hostile candidate there is, among honest ones; afterwards all is as it was before."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures.places import PLUGINS
from fixtures.projects.kitchen import children, names_in
from fixtures.projects.project import Project, Worker, a_project, wait_for
from fixtures.servers import warm

from bakeoff.broker import embedded_redis
from bakeoff.cell.confinement import landlock, scratch_folder
from bakeoff.domain.runs.job import Job

pytestmark = pytest.mark.timeout(600)  # it takes half a minute, unless the machine is very busy

KEY = 0x0BAE0FF1  #: of a shared memory of System V

#: Of a candidate: what it does, with what, under which limits; and the type of the error that it ends with.
Deed = tuple[str, Any, Mapping[str, Any], str | None]

QUICK = {"timeout": 1}


def small(memory_mb: int) -> dict[str, int]:
    return {"memory_limit_mb": memory_mb}


DEEDS: list[Deed] = [
    ("segfault", None, {}, "SIGSEGV"),
    ("abort", None, {}, "SIGABRT"),
    ("exit_at_once", 0, {}, "Exit"),
    ("exit_with", {"code": 3}, {}, "SystemExit"),
    ("interrupt", None, {}, "KeyboardInterrupt"),
    ("send_itself", 15, {}, "SIGTERM"),
    ("kill_group", None, {}, "Killed"),
    ("ignore_every_signal_and_loop", None, QUICK, "Timeout"),
    ("stop_itself", None, QUICK, "Timeout"),
    ("loop_in_c", None, QUICK, "Timeout"),
    ("leave_threads_behind", None, {}, None),
    ("leave_daemons_behind", "return", {}, None),
    ("leave_daemons_behind", "stay", QUICK, "Timeout"),
    ("start_a_service", None, {}, None),
    ("fork_for_ever", 30, {}, "TooManyProcesses"),
    ("fork_into_sessions", 30, {}, "TooManyProcesses"),
    ("fork_and_die", None, {}, "Exit"),
    ("become_a_sibling", None, {}, None),
    ("become_another_program", None, {}, "Exit"),
    ("close_every_descriptor", None, {}, "Exit"),
    ("write_garbage_everywhere", "rubbish\n", {}, "BadReport"),
    ("forge", ['{"end": "returned", "value": {"fitSeconds": 0, "predictSeconds": 0}}'], {}, "BadReport"),
    ("flood_report", None, {}, "BadReport"),
    ("print_for_ever", None, QUICK, "Timeout"),
    ("warn_and_warn", 3000, {}, None),
    ("flood_scratch", None, {}, "OSError"),
    ("fill_shared_memory", None, {}, "OSError"),
    ("write_a_hole", None, {}, "OSError"),
    ("leave_a_maze", None, {}, None),
    ("raise_memory_error", None, {}, "MemoryError"),
    ("allocate", 2000, small(100), "MemoryError"),
    ("allocate_bit_by_bit", None, small(50), "MemoryLimit"),
    ("allocate_in_children", 60, small(120), "MemoryLimit"),
    ("allocate_shared", 150, small(100), "MemoryLimit"),
    ("hoard", None, {}, None),
    ("go_elsewhere", None, {}, None),
    ("raise_unprintable", None, {}, "Unprintable"),
    ("raise_base_exception", None, {}, "Strange"),
    ("raise_with_a_lying_class", None, {}, "Mask"),
    ("raise_huge", None, {}, "ValueError"),
    ("raise_binary", None, {}, "ValueError"),
    ("recurse", None, {}, "RecursionError"),
    ("raise_in_a_chain", None, {}, "RuntimeError"),
    ("raise_group", None, {}, "ExceptionGroup"),
    ("raise_unpicklable", None, {}, "RuntimeError"),
    ("change_the_input", None, {}, None),
    ("change_chance", 7, {}, None),
    ("change_numpy", None, {}, "TypeError"),
    ("change_builtins", None, {}, "Exit"),
    ("forge_the_time", [0.0, -1e9, -1e9, -1e9], {}, "BadPredictions"),
    ("forge_the_predictions", "archive", {}, "BadPredictions"),
    ("forge_the_predictions", "hole", {}, "OutputTooLarge"),
    ("forge_the_predictions", "single", {}, "BadPredictions"),
    ("forge_the_predictions", "\x80\x04.", {}, "BadPredictions"),
    ("write_to_the_kernel", None, {}, None),
    ("lock_everything", None, {}, None),
]

ANSWERS = {
    **dict.fromkeys(
        ("one too few", "one too many", "nothing", "a single value", "a matrix"), "BadPredictions"
    ),
    **dict.fromkeys(("objects", "text and numbers", "not a number", "infinite"), "BadPredictions"),
    **dict.fromkeys(("complex", "too large", "masked", "a generator"), "BadPredictions"),
    **dict.fromkeys(("a frame", "itself"), "BadPredictions"),
    "a lie": "RuntimeError",
    "labels never seen": None,
    "very long labels": "OutputTooLarge",
}

OF_CELLS = ("oven", "warm parent", "cell")

HONEST = {f"honest{n}": {"nap": 0.1 * (n % 3), "spread": 0.1 * n} for n in range(12)}


@dataclass(frozen=True)
class Estate:
    """What a worker and its project hold."""

    processes: Mapping[str, int]  #: so many of each kind
    descriptors: Mapping[str, list[int]]  #: so many of each process
    mounts: Mapping[str, list[int]]
    files: list[str]  #: in the folder for temporary files
    memory_mb: int  #: changed or made by itself, but for what waiting cells share with their parents

    @classmethod
    def of(cls, worker: Worker, project: Project) -> "Estate":
        kinds = {
            "main": [worker.process.pid],
            "pool": worker.pool,
            "oven": [worker.oven or 0],
            "warm parent": worker.warm_parents,
            "cell": [cell for parent in worker.warm_parents for cell in children(parent)],
        }
        temporary = project.folder / "t"
        return cls(
            processes={kind: len(pids) for kind, pids in kinds.items()},
            descriptors={kind: sorted(map(_descriptors, pids)) for kind, pids in kinds.items()},
            mounts={kind: sorted(map(_mounts, pids)) for kind, pids in kinds.items()},
            files=sorted(str(path.relative_to(temporary)) for path in temporary.rglob("*")),
            memory_mb=sum(_memory_mb(pid) for kind, pids in kinds.items() if kind != "cell" for pid in pids),
        )


def _descriptors(pid: int) -> int:
    return len(names_in(f"/proc/{pid}/fd"))


def _mounts(pid: int) -> int:
    return len(Path(f"/proc/{pid}/mounts").read_text().splitlines())


def _memory_mb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) // 1024


@dataclass(frozen=True)
class Night:
    project: Project
    worker: Worker
    quiet: str  #: the run of the honest ones alone
    loud: str  #: the run of all
    before: Estate
    after: Estate


def deeds(project: Project, worker: Worker) -> list[Deed]:
    """Those beside that need a protection which not every kernel gives: without it they would do harm."""
    found = list(DEEDS)
    if landlock.abi() >= landlock.SIGNALS_SINCE:
        outside = {"file": str(project.folder / "data.csv"), "supervisor": worker.process.pid}
        found += [
            ("kill_parent", None, {}, None),
            ("kill_everybody", None, {}, None),
            ("stop_the_parent", None, {}, "PermissionError"),
            ("trace_the_parent", None, {}, "PermissionError"),
            ("meddle_with", worker.process.pid, {}, None),
            ("reach_for", outside, {}, None),
            ("leave_links", str(project.folder / "data.csv"), {}, None),
        ]
    if scratch_folder.can_be_private():
        redis = str(embedded_redis.expected(project.configuration.data_dir).socket)
        found += [
            ("command_the_workers", redis, {}, "FileNotFoundError"),
            ("leave_memory_of_system_v", KEY, {}, None),
        ]
    return found


def catalog(hostile: list[Deed]) -> dict[str, dict[str, Any]]:
    path = "plugins/hostile_gallery.py"
    entries: dict[str, dict[str, Any]] = {
        name: {"path": f"{path}:Honest", "params": params} for name, params in HONEST.items()
    }
    for number, (act, payload, limits, _) in enumerate(hostile):
        params = {"act": act, "payload": payload}
        entries[f"{act}-{number}"] = {"path": f"{path}:Does", "params": params, **limits}
    for what in ANSWERS:
        entries[what.replace(" ", "-")] = {"path": f"{path}:Predicts", "params": {"what": what}}
    return entries


def among_each_other(names: list[str]) -> list[str]:
    """Each hostile one beside an honest one, as long as there are any."""
    hostile = [name for name in names if name not in HONEST]
    step = -(-len(hostile) // len(HONEST))
    mixed = []
    for place, honest in enumerate(HONEST):
        mixed += [honest, *hostile[place * step : (place + 1) * step]]
    return mixed


@pytest.fixture(scope="module")
def night() -> Iterator[Night]:
    """The oven of the worker is a started one; the one in which candidates are checked is forked, as ever."""
    with ExitStack() as stack:
        project = stack.enter_context(a_project({}, preload=["sklearn"]))
        for name in ("hostile_gallery.py", "cell_gallery.py"):
            shutil.copy(PLUGINS / name, project.folder / "plugins")
        with warm.children_by_exec():
            worker = stack.enter_context(project.worker())
        entries = catalog(deeds(project, worker))
        (project.folder / "config" / "models.yaml").write_text(yaml.safe_dump({"models": entries}))
        quiet = project.run(*HONEST)
        before = settled(worker, project)
        loud = project.start(*among_each_other(list(entries)))
        wait_for(lambda: project.state(loud).has_ended, "the end of the night", within_s=300)
        yield Night(project, worker, quiet, loud, before, settled(worker, project))
        assert not worker.has_ended()


def settled(worker: Worker, project: Project) -> Estate:
    """Once each warm parent has the next cell at its side."""
    wait_for(lambda: Counter(len(children(pid)) for pid in worker.warm_parents) == {1: 2}, "two cells")
    return Estate.of(worker, project)


def test_each_ends_as_it_must_and_is_told_why(night: Night) -> None:
    expected = {
        f"{act}-{number}": error
        for number, (act, _, _, error) in enumerate(deeds(night.project, night.worker))
    }
    expected |= {what.replace(" ", "-"): error for what, error in ANSWERS.items()}
    found = {name: told(job) for name, job in night.project.jobs(night.loud).items() if name not in HONEST}

    assert found == expected


def told(job: Job) -> str | None:
    """The type of its error. Only who was killed has been tried again."""
    error = job.error.type if job.error else None
    states = {None: ("completed", 1), "Timeout": ("timed_out", 1), "Killed": ("failed", 3)}
    assert (job.state, job.attempt) == states.get(error, ("failed", 1)), job.candidate.id
    return error


def test_the_neighbours_predictions_are_bit_for_bit_what_they_are_without_them(night: Night) -> None:
    assert kept(night, night.loud) == kept(night, night.quiet)
    assert len(set(kept(night, night.quiet).values())) > 1
    jobs = night.project.jobs(night.loud)
    assert {jobs[name].attempt for name in HONEST} == {1}
    alone = night.project.metrics(night.quiet)
    assert {name: night.project.metrics(night.loud)[name] for name in HONEST} == alone


def kept(night: Night, run_id: str) -> dict[str, bytes]:
    jobs, places = night.project.jobs(run_id), night.project.configuration
    return {name: places.predictions_of(run_id, jobs[name].id).read_bytes() for name in HONEST}


def test_processes_descriptors_mounts_and_files_are_given_back(night: Night) -> None:
    assert night.after.processes == night.before.processes
    before, after = night.before.descriptors, night.after.descriptors
    assert {kind: after[kind] for kind in OF_CELLS} == {kind: before[kind] for kind in OF_CELLS}
    for kind in ("main", "pool"):  # some connections are made when they are first needed
        assert max(after[kind]) <= max(before[kind]) + 6
    assert night.after.mounts == night.before.mounts
    assert len(night.after.files) == len(night.before.files)
    assert not list(Path("/dev/shm").glob("hostile*"))
    assert str(KEY) not in Path("/proc/sysvipc/shm").read_text().split()


def test_memory_is_given_back(night: Night) -> None:
    assert night.after.memory_mb <= night.before.memory_mb + 20


def test_the_worker_lives_without_a_fault_of_its_own_and_serves_whoever_comes(night: Night) -> None:
    again = night.project.run(*HONEST)

    assert night.project.state(again) == "completed"
    assert "Traceback" not in night.worker.log
    assert kept(night, again) == kept(night, night.quiet)
