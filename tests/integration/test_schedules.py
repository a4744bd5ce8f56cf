"""Scheduled runs, with real beats, real control nodes and real deaths: each slot starts one run."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from fixtures.project import Project, Worker, a_project, wait_for
from sqlalchemy import select, text

from domain.run import Run
from domain.schedule import Slot
from store import runs, slots
from store.engine import reading, writing
from store.tables import schedule_slots
from tasks.scheduling import start_what_is_due

#: Around the two changes of the clock in Berlin in 2025, and in the years after.
SPRING = {"cron": "30 2 29-31 3 *", "timezone": "Europe/Berlin", "dataset": "tiny", "missed": "all"}
AUTUMN = {"cron": "30 2 25-27 10 *", "timezone": "Europe/Berlin", "dataset": "tiny", "missed": "all"}

#: Looks for what is due in a child that kills itself at each of the steps, one after another.
KILLED_AT_EACH_STEP = """
import os, sys
from signal import SIGKILL
from sqlalchemy import text
from store import runs, slots
from store.engine import writing
from tasks import scheduling, wiring

def look_and_die(owner, name, when):
    step = getattr(owner, name)
    def deadly(*args, **given):
        if when == "after":
            step(*args, **given)
        os.kill(os.getpid(), SIGKILL)
    setattr(owner, name, deadly)
    scheduling.start_what_is_due()
    os._exit(0)

for owner, name, when in (
    (slots, "_move_on", "after"),
    (slots, "note", "after"),
    (slots, "take", "after"),
    (runs, "create", "before"),
    (runs, "create", "after"),
    (slots, "finish", "before"),
):
    child = os.fork()
    if child == 0:
        look_and_die(owner, name, when)
    print(name, os.waitpid(child, 0)[1] == SIGKILL, flush=True)
    with writing(wiring.engine()) as connection:  # as if the lease of the dead one had run out
        connection.execute(text("UPDATE schedule_slots SET due_at = '2026-03-01 00:00:00'"))
"""


def set_back(project: Project, name: str, moment: datetime) -> None:
    """As if nobody had looked since."""
    schedule = project.configuration.settings.scheduled[name].to_schedule(name)
    slots.note(project.engine, schedule)
    at = moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    with writing(project.engine) as connection:
        connection.execute(
            text("UPDATE schedules SET noted_until = :at WHERE name = :name"), {"at": at, "name": name}
        )


def slots_of(project: Project) -> list[Slot]:
    with reading(project.engine) as connection:
        rows = connection.execute(select(schedule_slots).order_by(schedule_slots.c.slot_at))
        return [slots._slot(row) for row in rows]


def all_runs(project: Project) -> list[Run]:
    return [summary.run for summary in runs.page(project.engine, limit=1000)]


@pytest.fixture
def hourly() -> Iterator[Project]:
    schedules = {"hourly": {"every": "1h", "dataset": "tiny", "models": ["means"], "missed": "latest"}}
    with a_project({"means": {}}, schedules=schedules, leaseSeconds=1) as project:
        yield project


def beat(project: Project, name: str) -> AbstractContextManager[Worker]:
    return project.launch(sys.executable, "-m", "celery", "-A", "tasks", "beat", "-l", "INFO", name=name)


def control(project: Project, name: str) -> AbstractContextManager[Worker]:
    celery = (sys.executable, "-m", "celery", "-A", "tasks", "worker", "-Q", "control", "-P", "threads")
    quick = ("--without-gossip", "--without-mingle", "-l", "INFO", "-c", "4", "-n", f"{name}@here")
    return project.launch(*celery, *quick, name=name)


def test_two_beats_and_kills_start_each_slot_once_over_both_changes_of_the_clock() -> None:
    schedules = {"spring": SPRING, "autumn": AUTUMN}
    with (
        a_project({"means": {}}, schedules=schedules, leaseSeconds=1) as project,
        ExitStack() as living,
    ):
        for name in schedules:
            set_back(project, name, datetime(2025, 1, 1, tzinfo=UTC))
        first = living.enter_context(beat(project, "beat-1"))
        living.enter_context(beat(project, "beat-2"))
        doomed = living.enter_context(control(project, "control-1"))
        living.enter_context(control(project, "control-2"))

        wait_for(lambda: all_runs(project), "the first run")
        first.kill()
        doomed.kill()
        wait_for(lambda: {slot.state for slot in slots_of(project)} == {"started"}, "the start of all runs")

        found, started = slots_of(project), all_runs(project)

    assert [f"{slot.at:%Y-%m-%dT%H:%MZ}" for slot in found[:6]] == [
        "2025-03-29T01:30Z",
        "2025-03-30T01:30Z",  # 02:30 was left out
        "2025-03-31T00:30Z",
        "2025-10-25T00:30Z",
        "2025-10-26T00:30Z",  # 02:30 came twice
        "2025-10-27T01:30Z",
    ]
    assert sorted(run.id for run in started) == sorted(slot.run_id for slot in found)
    assert {run.name for run in started} == {slot.run_name for slot in found}


def test_whoever_is_killed_at_whichever_step_leaves_the_slot_to_the_next(hourly: Project) -> None:
    set_back(hourly, "hourly", datetime.now(UTC) - timedelta(hours=2))

    with hourly.python(KILLED_AT_EACH_STEP) as process:
        said = process.stdout.read() if process.stdout else ""

    assert said.splitlines() == [
        "_move_on True",
        "note True",
        "take True",
        "create True",
        "create True",
        "finish True",
    ]
    open_slots = [slot for slot in slots_of(hourly) if slot.state != "missed"]
    assert len(open_slots) == 1
    assert [run.id for run in all_runs(hourly)] == [open_slots[0].run_id]

    assert start_what_is_due() in {0, 1}
    assert start_what_is_due() == 0
    assert [run.id for run in all_runs(hourly)] == [open_slots[0].run_id]
    assert [slot.state for slot in slots_of(hourly) if slot.state != "missed"] == ["started"]


def test_a_scheduled_run_reads_the_data_anew_and_is_as_it_was_asked_for(hourly: Project) -> None:
    set_back(hourly, "hourly", datetime.now(UTC) - timedelta(hours=1))
    assert start_what_is_due() == 1
    with (hourly.folder / "data.csv").open("a") as data:
        data.write("9,9,1\n" * 8)
    set_back(hourly, "hourly", datetime.now(UTC) - timedelta(hours=1))
    _move_the_slots_back(hourly)

    assert start_what_is_due() == 1

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

    assert start_what_is_due() == 0
    last = slots.standing(hourly.engine, schedule).last
    assert last is not None
    assert (last.state, last.tries) == ("open", 1)
    assert "data.csv" in last.error

    (hourly.folder / "away.csv").rename(data)
    wait_for(start_what_is_due, "the second try")
    assert [run.id for run in all_runs(hourly)] == [last.run_id]
