"""`bakeoff gc`: what nothing cites goes, whenever it is killed, and nothing else."""

import json
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fixtures.places import ROOT
from fixtures.projects.command_line import Outcome, Project
from fixtures.projects.kitchen import names_in
from fixtures.servers import warm
from fixtures.servers.disk import a_small_disk, needs_a_mount
from fixtures.values.samples import a_run
from sqlalchemy import insert, update

from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.model_version import VersionOrigin
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.run import Run
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.store.bakeoffs import job_queries, outbox, saving_rows
from bakeoff.store.bakeoffs.results import tracking_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing
from registry import ModelRegistry

MB = b"x" * 1_000_000


def age(path: Path, hours: float) -> None:
    at = time.time() - 3600 * hours
    for part in (*path.rglob("*"), path):
        os.utime(part, (at, at))


def snapshot_of(project: Project, data: DatasetRef) -> Path:
    return project.root / "data" / "snapshots" / data.dataset_id / data.split_id


def leave_files(project: Project, run_id: str) -> None:
    for kind, name in (("predictions", "j.npy"), ("logs", "j.log"), ("fitted", "j.pkl")):
        folder = project.root / "data" / kind / run_id
        folder.mkdir(parents=True)
        (folder / name).write_bytes(MB)


def a_run_with_files(project: Project, data: DatasetRef, *, days: int = 0) -> Run:
    """One that ended so many days ago."""
    run = a_run(dataset=data)
    project.fill(run, [Outcome(model="good", f1=0.5), Outcome(model="bad", state=JobState.FAILED)])
    told = outbox.pending(project.engine, limit=100)
    outbox.mark_published(project.engine, [pending.position for pending in told])
    with writing(project.engine) as connection:
        ended = told[-1].event.occurred_at - timedelta(days=days)
        connection.execute(
            update(all_tables.runs).where(all_tables.runs.c.id == run.id).values(ended_at=ended)
        )
    leave_files(project, run.id)
    age(snapshot_of(project, data), 2)
    return run


def gc(project: Project, *arguments: str) -> Any:
    done = project.bakeoff("gc", "--json", *arguments)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    return {kind: pile["number"] for kind, pile in found.items() if isinstance(pile, dict)}


def left(project: Project) -> dict[str, list[str]]:
    data = project.root / "data"
    return {
        "snapshots": sorted(
            str(path.relative_to(data / "snapshots")) for path in data.glob("snapshots/[!.]*/*")
        ),
        **{
            kind: names_in(data / kind)
            for kind in ("predictions", "logs", "fitted")
            if (data / kind).is_dir()
        },
    }


NOTHING = {"runs": 0, "snapshots": 0, "predictions": 0, "logs": 0, "fitted": 0, "unfinished": 0}


def test_what_a_run_cites_stays_and_what_no_run_cites_goes(project: Project) -> None:
    cited, uncited, fresh = (project.pin(seed=seed) for seed in (1, 2, 3))
    run = a_run_with_files(project, cited)
    age(snapshot_of(project, uncited), 2)
    leave_files(project, new_id())
    (project.root / "data" / "logs" / "worker.log").touch()
    (project.root / "data" / "predictions" / "of my own").mkdir()

    assert gc(project) == {**NOTHING, "snapshots": 1, "predictions": 1, "logs": 1, "fitted": 1}
    assert left(project) == {
        "snapshots": sorted(f"{data.dataset_id}/{data.split_id}" for data in (cited, fresh)),
        "predictions": sorted([run.id, "of my own"]),
        "logs": sorted([run.id, "worker.log"]),
        "fitted": [run.id],
    }
    assert gc(project) == NOTHING


def test_a_dry_run_says_the_same_and_removes_nothing(project: Project) -> None:
    old, young = project.pin(seed=1), project.pin(seed=2)
    a_run_with_files(project, old, days=40)
    a_run_with_files(project, young, days=20)
    before = left(project)

    looked = json.loads(project.bakeoff("gc", "--keep", "30d", "--dry-run", "--json").stdout)
    assert left(project) == before
    collected = json.loads(project.bakeoff("gc", "--keep", "30d", "--json").stdout)

    assert (looked.pop("dryRun"), collected.pop("dryRun")) == (True, False)
    assert looked == collected
    assert looked["predictions"]["number"] == looked["snapshots"]["number"] == looked["runs"]["number"] == 1
    assert 1_000_000 <= looked["predictions"]["bytes"] < 1_100_000


def test_a_person_is_told_how_much_goes(project: Project) -> None:
    a_run_with_files(project, project.pin(), days=40)

    said = [line.split() for line in project.bakeoff("gc", "--keep", "4w", "--dry-run").stdout.splitlines()]

    assert [line[:2] for line in said[:7]] == [
        ["what", "number"],
        ["runs", "1"],
        ["snapshots", "1"],
        ["predictions", "1"],
        ["logs", "1"],
        ["fitted", "1"],
        ["unfinished", "0"],
    ]
    assert said[-1][1:] == ["MB", "would", "be", "removed"]


def test_old_runs_go_with_what_only_they_cite(project: Project) -> None:
    shared, alone = project.pin(seed=1), project.pin(seed=2)
    a_run_with_files(project, alone, days=40)
    a_run_with_files(project, shared, days=40)
    young = a_run_with_files(project, shared, days=20)

    assert gc(project) == NOTHING
    went = {"runs": 2, "snapshots": 1, "predictions": 2, "logs": 2, "fitted": 2}
    assert gc(project, "--keep", "30d") == {**NOTHING, **went}
    assert left(project) == {
        "snapshots": [f"{shared.dataset_id}/{shared.split_id}"],
        "predictions": [young.id],
        "logs": [young.id],
        "fitted": [young.id],
    }


def test_an_old_run_goes_when_what_it_wanted_to_save_is_saved_and_not_before(project: Project) -> None:
    run = a_run_with_files(project, project.pin(), days=40)
    (evaluation_id,) = [result.evaluation_id for result in job_queries.results_of_run(project.engine, run.id)]
    with writing(project.engine) as connection:
        saving_rows.begin(connection, run.id, run.created_at)
        connection.execute(insert(all_tables.fitted_models), {"evaluation_id": evaluation_id, "fitted": {}})

    assert gc(project, "--keep", "30d") == NOTHING
    with writing(project.engine) as connection:
        connection.execute(update(all_tables.savings).values(outcome={}, done_at=run.created_at))
    assert gc(project, "--keep", "30d")["runs"] == 1


def test_an_old_run_that_waits_to_be_logged_stays_as_long_as_runs_are_logged_at_all(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run_with_files(project, project.pin(), days=40)
    with writing(project.engine) as connection:
        tracking_rows.begin(connection, run.id, run.created_at)

    monkeypatch.setenv("BAKEOFF_TRACKING", "http://127.0.0.1:1")
    assert gc(project, "--keep", "30d") == NOTHING
    monkeypatch.delenv("BAKEOFF_TRACKING")
    assert gc(project, "--keep", "30d")["runs"] == 1


def test_a_run_that_a_model_of_the_registry_comes_from_stays_with_its_snapshot(project: Project) -> None:
    run = a_run_with_files(project, project.pin(), days=40)
    registry = ModelRegistry(project.root / "data" / "models" / "registry")
    model_id = registry.save_model({"w": 1}, "flowers", origin=VersionOrigin(run_id=run.id))

    assert gc(project, "--keep", "30d") == NOTHING
    registry.delete_model(model_id)
    assert gc(project, "--keep", "30d")["snapshots"] == 1


def test_unfinished_things_go_when_nobody_can_be_at_them_any_more(project: Project) -> None:
    data = project.root / "data"
    ended = a_run_with_files(project, project.pin())
    at_work = a_run()
    project.fill(at_work, [Outcome(model="slow", state=JobState.RUNNING)])
    leave_files(project, at_work.id)
    for run in (ended, at_work):
        (data / "predictions" / run.id / ".j.npy.0.part").touch()
    for hours in (0, 2):
        (data / "snapshots" / ".incoming" / str(hours) / "open").mkdir(parents=True)
        age(data / "snapshots" / ".incoming" / str(hours), hours)
        (data / "backups").mkdir(exist_ok=True)
        (data / "backups" / f".{hours}.db.0.part").touch()
        age(data / "backups" / f".{hours}.db.0.part", hours)
    (data / "backups" / "old.db").touch()
    age(data / "backups" / "old.db", 10_000)

    assert gc(project) == {**NOTHING, "unfinished": 3}
    assert names_in(data / "predictions" / at_work.id) == [".j.npy.0.part", "j.npy"]
    assert names_in(data / "snapshots" / ".incoming") == ["0"]
    assert names_in(data / "backups") == [".0.db.0.part", "old.db"]


#: Dies where it is told to: after so many calls of a function.
KILLED = """
import os, signal, sys
from bakeoff.cli.main import run
from bakeoff.evaluation.datasets import snapshot_store
from bakeoff.store.bakeoffs import delete_old_runs
from bakeoff.operations.upkeep import collect_garbage

modules = (delete_old_runs, collect_garbage, snapshot_store)
[module] = [one for one in modules if one.__name__.endswith("." + sys.argv[1])]
name, calls = sys.argv[2], [0]
whole, most = getattr(module, name), int(sys.argv[3])
delete_old_runs._BATCH = 1

def die(*arguments, **options):
    calls[0] += 1
    if calls[0] > most:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*arguments, **options)

setattr(module, name, die)
sys.argv[1:] = ["gc", "--keep", "30d"]
run()
"""


@pytest.mark.parametrize(
    ("module", "name", "calls"),
    [
        ("delete_old_runs", "_delete_some", 1),
        ("collect_garbage", "_remove", 0),
        ("collect_garbage", "_remove", 1),
        ("snapshot_store", "_set_aside", 1),
    ],
)
def test_what_a_killed_one_leaves_the_next_one_removes(
    project: Project, module: str, name: str, calls: int
) -> None:
    for seed in (1, 2):
        a_run_with_files(project, project.pin(seed=seed), days=40)
    killed = warm.run(
        [sys.executable, "-c", KILLED, module, name, str(calls)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert left(project) != {"snapshots": [], "predictions": [], "logs": [], "fitted": []}

    gc(project, "--keep", "30d")
    assert left(project) == {"snapshots": [], "predictions": [], "logs": [], "fitted": []}
    assert gc(project, "--keep", "30d") == NOTHING
    assert names_in(project.root / "data" / "snapshots" / ".incoming") == []


@pytest.mark.parametrize("keep", ["30", "d", "-1d", "30m", "1.5d"])
def test_an_age_that_is_none_is_refused(project: Project, keep: str) -> None:
    said = project.bakeoff("gc", f"--keep={keep}")

    assert said.exit_code == 2
    assert f"--keep is {keep!r}: expected a number of hours, days or weeks, such as 30d" in said.stderr


def test_nothing_is_removed_without_a_database_that_could_cite_it(project: Project) -> None:
    age(snapshot_of(project, data := project.pin()), 2)
    project.engine.dispose()
    (project.root / "data" / "bakeoff.db").unlink()

    said = project.bakeoff("gc")

    assert said.exit_code == 2
    assert f"there is no database of {project.root} yet" in said.stderr
    assert snapshot_of(project, data).is_dir()


@needs_a_mount
def test_a_disk_without_any_room_can_be_cleared(project: Project) -> None:
    project.engine.dispose()
    empty = (project.root / "data" / "bakeoff.db").read_bytes()
    with a_small_disk(project.root / "data", 96) as disk:
        (project.root / "data" / "bakeoff.db").write_bytes(empty)
        age(snapshot_of(project, project.pin()), 2)
        project.engine.dispose()
        disk.fill()

        assert gc(project) == {**NOTHING, "snapshots": 1}
        assert left(project) == {"snapshots": []}
