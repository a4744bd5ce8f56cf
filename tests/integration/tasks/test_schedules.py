"""Scheduled runs: whoever looks, and dies, each slot starts one run."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fixtures.projects.project import Project, a_project, wait_for
from fixtures.projects.schedules import all_runs, set_back, slots_of
from sqlalchemy import text

from bakeoff.operations.runs.scheduled_runs import start_due_runs
from bakeoff.store.bakeoffs import schedule_slots
from bakeoff.store.database.engine_and_transactions import writing
from tasks.celery import process_context

#: Looks for what is due in a child that kills itself at each of the steps, one after another.
KILLED_AT_EACH_STEP = """
import os, sys
from signal import SIGKILL
from sqlalchemy import text
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.bakeoffs import schedule_slots
from bakeoff.store.database.engine_and_transactions import writing
from bakeoff.operations.runs import scheduled_runs
from tasks.celery import process_context

def look_and_die(owner, name, when):
    step = getattr(owner, name)
    def deadly(*args, **given):
        if when == "after":
            step(*args, **given)
        os.kill(os.getpid(), SIGKILL)
    setattr(owner, name, deadly)
    scheduled_runs.start_due_runs(process_context())
    os._exit(0)

for owner, name, when in (
    (schedule_slots, "_set_noted_until", "after"),
    (schedule_slots, "note", "after"),
    (schedule_slots, "take", "after"),
    (run_rows, "create", "before"),
    (run_rows, "create", "after"),
    (schedule_slots, "finish", "before"),
):
    child = os.fork()
    if child == 0:
        look_and_die(owner, name, when)
    print(name, os.waitpid(child, 0)[1] == SIGKILL, flush=True)
    with writing(process_context().engine) as connection:  # as if the lease of the dead one had run out
        connection.execute(text("UPDATE schedule_slots SET due_at = '2026-03-01 00:00:00'"))
"""


@pytest.fixture
def hourly() -> Iterator[Project]:
    schedules = {"hourly": {"every": "1h", "dataset": "tiny", "models": ["means"], "missed": "latest"}}
    with a_project({"means": {}}, schedules=schedules, leaseSeconds=1) as project:
        yield project


def test_whoever_is_killed_at_whichever_step_leaves_the_slot_to_the_next(hourly: Project) -> None:
    set_back(hourly, "hourly", datetime.now(UTC) - timedelta(hours=2))

    with hourly.python(KILLED_AT_EACH_STEP) as process:
        said = process.stdout.read() if process.stdout else ""

    assert said.splitlines() == [
        "_set_noted_until True",
        "note True",
        "take True",
        "create True",
        "create True",
        "finish True",
    ]
    open_slots = [slot for slot in slots_of(hourly) if slot.state != "missed"]
    assert len(open_slots) == 1
    assert [run.id for run in all_runs(hourly)] == [open_slots[0].run_id]

    assert start_due_runs(process_context()) in {0, 1}
    assert start_due_runs(process_context()) == 0
    assert [run.id for run in all_runs(hourly)] == [open_slots[0].run_id]
    assert [slot.state for slot in slots_of(hourly) if slot.state != "missed"] == ["started"]


def test_a_scheduled_run_reads_the_data_anew_and_is_as_it_was_asked_for(hourly: Project) -> None:
    set_back(hourly, "hourly", datetime.now(UTC) - timedelta(hours=1))
    assert start_due_runs(process_context()) == 1
    with (hourly.folder / "data.csv").open("a") as data:
        data.write("9,9,1\n" * 8)
    set_back(hourly, "hourly", datetime.now(UTC) - timedelta(hours=1))
    _move_the_slots_back(hourly)

    assert start_due_runs(process_context()) == 1

    new, old = all_runs(hourly)
    assert (old.dataset.train_rows + old.dataset.test_rows, old.dataset.name) == (80, "tiny")
    assert new.dataset.train_rows + new.dataset.test_rows == 88
    assert new.save is not None
    assert (new.save.policy, new.save.name) == ("best", "tiny")
    assert hourly.jobs(new.id).keys() == {"dummy", "means"}


def _move_the_slots_back(project: Project) -> None:
    with writing(project.engine) as connection:
        connection.execute(text("UPDATE schedule_slots SET slot_at = '2026-03-01 00:00:00'"))


def test_a_run_that_cannot_be_started_is_tried_again_and_says_why(hourly: Project) -> None:
    data = hourly.folder / "data.csv"
    data.rename(hourly.folder / "away.csv")
    set_back(hourly, "hourly", datetime.now(UTC) - timedelta(hours=1))
    schedule = hourly.configuration.settings.scheduled["hourly"].to_schedule("hourly")

    assert start_due_runs(process_context()) == 0
    last = schedule_slots.summary(hourly.engine, schedule).last
    assert last is not None
    assert (last.state, last.tries) == ("open", 1)
    assert "data.csv" in last.error

    (hourly.folder / "away.csv").rename(data)
    wait_for(lambda: start_due_runs(process_context()), "the second try")
    assert [run.id for run in all_runs(hourly)] == [last.run_id]
