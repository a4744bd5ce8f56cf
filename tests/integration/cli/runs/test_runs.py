"""`bakeoff runs`, `cancel`, `priority` and `logs`."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fixtures.places import ROOT
from fixtures.projects.command_line import TERMINAL, Outcome, Project, a_mixed_run
from fixtures.servers import warm
from fixtures.values.samples import NOON, a_job, a_result, a_run
from fixtures.values.stored import an_error, claim, states
from rich.text import Text

from bakeoff.domain.runs.job import JobState
from bakeoff.store.bakeoffs import leased_jobs, run_rows


@pytest.fixture
def two_runs(project: Project) -> Project:
    a_mixed_run(project, id="11111111-0000-4000-8000-000000000000")
    later = a_run(id="22222222-0000-4000-8000-000000000000", created_at=NOON + timedelta(hours=1))
    project.fill(
        later, [Outcome(model="a", state=JobState.RUNNING), Outcome(model="b", state=JobState.QUEUED)]
    )
    return project


def test_runs_are_listed_newest_first(two_runs: Project) -> None:
    lines = two_runs.bakeoff("runs", env={"TZ": "UTC"}).stdout.splitlines()

    assert [line.split()[0] for line in lines] == ["run", "22222222", "11111111"]
    assert "bake-off  flowers  ▸ running  1 queued, 1 running" in lines[1]
    assert "spring    flowers  ◐ partial  4 completed, 1 failed, 1 timed out" in lines[2]


def test_a_narrow_terminal_loses_columns_and_no_part_of_an_id_or_a_state(two_runs: Project) -> None:
    narrow = {**TERMINAL, "NO_COLOR": "1", "TZ": "UTC"}
    at = {}
    for width in (100, 80, 50, 30):
        said = two_runs.bakeoff("runs", env={**narrow, "COLUMNS": str(width)}).stdout
        at[width] = [Text.from_ansi(line).plain for line in said.splitlines()]
    rows = {width: [line.split() for line in lines] for width, lines in at.items()}

    assert "4 completed, 1 failed, 1 timed out" in at[100][2]
    assert rows[80][0] == ["run", "name", "dataset", "state", "began"]
    assert rows[80][1][:5] == ["22222222", "bake-off", "flowers", "▸", "running"]
    assert at[80][3].strip() == "no room for jobs (--json has them)"
    assert rows[50][0] == ["run", "name", "state", "began"]
    assert rows[50][2][:4] == ["11111111", "spring", "◐", "partial"]
    assert at[50][3].strip() == "no room for dataset, jobs (--json has them)"
    assert [row[:4] for row in rows[30][:3]] == [
        ["run", "name", "state"],
        ["22222222", "bake-off", "▸", "running"],
        ["11111111", "spring", "◐", "partial"],
    ]
    assert not any("…" in line for lines in at.values() for line in lines)


def test_a_priority_is_listed_where_there_is_one(two_runs: Project) -> None:
    assert "priority" not in two_runs.bakeoff("runs").stdout
    before = json.loads(two_runs.bakeoff("runs", "--json").stdout)
    two_runs.bakeoff("priority", "2222", "-10")

    lines = two_runs.bakeoff("runs").stdout.splitlines()
    after = json.loads(two_runs.bakeoff("runs", "--json").stdout)

    assert [line.split()[-1] for line in lines[:2]] == ["priority", "-10"]
    assert [run["priority"] for run in before + after] == [0, 0, -10, 0]


def test_the_priority_of_a_run_is_changed_until_it_is_over(two_runs: Project) -> None:
    changed = two_runs.bakeoff("priority", "latest", "100")
    recorded = json.loads(two_runs.bakeoff("priority", "latest", "--json", "7").stdout)
    over = two_runs.bakeoff("priority", "1111", "7")

    assert (changed.exit_code, changed.stdout) == (
        0,
        "run 22222222-0000-4000-8000-000000000000 has priority 100\n",
    )
    assert (recorded["changed"], recorded["run"]["priority"]) == (True, 7)
    assert over.stdout == "run 11111111-0000-4000-8000-000000000000 had ended already: partial\n"


@pytest.mark.parametrize("number", ["101", "-101", "high"])
def test_what_is_no_priority_is_refused(two_runs: Project, number: str) -> None:
    said = two_runs.bakeoff("priority", "latest", number)

    assert said.exit_code == 2
    assert "Invalid value for 'N'" in said.stderr


def test_runs_can_be_chosen_by_state_and_number(two_runs: Project) -> None:
    partial = json.loads(two_runs.bakeoff("runs", "--state", "partial", "--json").stdout)
    newest = json.loads(two_runs.bakeoff("runs", "--limit", "1", "--json").stdout)

    assert [run["name"] for run in partial] == ["spring"]
    assert [run["name"] for run in newest] == ["bake-off"]
    assert newest[0]["jobs"]["running"] == 1


def test_an_unknown_state_is_refused_with_those_there_are(project: Project) -> None:
    said = project.bakeoff("runs", "--state", "done")

    assert said.exit_code == 2
    assert said.stderr == (
        "error: --state is 'done': expected one of queued, running, completed, partial, failed, cancelled\n"
    )


def test_a_project_without_runs_is_no_error(project: Project) -> None:
    assert project.bakeoff("runs").stdout == "no runs yet: `bakeoff run` makes the first one\n"
    assert project.bakeoff("runs", "--json").stdout == "[]\n"


def test_looking_at_runs_makes_no_database(project: Project) -> None:
    (project.root / "data" / "bakeoff.db").unlink()
    (project.root / "data").rmdir()

    assert project.bakeoff("runs").exit_code == 0
    assert not (project.root / "data").exists()


def test_cancel_stops_what_is_queued_and_asks_what_is_running(two_runs: Project) -> None:
    said = two_runs.bakeoff("cancel", "2222")
    run = a_run(id="22222222-0000-4000-8000-000000000000")

    assert (said.exit_code, said.stdout) == (
        0,
        f"run {run.id} is being cancelled: its workers stop within seconds\n",
    )
    assert states(two_runs.engine, run) == ["running", "cancelled"]


def test_cancel_of_a_queued_run_is_done_at_once(project: Project) -> None:
    run = a_run()
    project.fill(run, [Outcome(model="a", state=JobState.QUEUED)])

    said = json.loads(project.bakeoff("cancel", "latest", "--json").stdout)

    assert (said["cancelled"], said["run"]["status"]) == (True, "cancelled")


def test_cancel_of_a_run_that_is_over_changes_nothing(project: Project) -> None:
    run = a_mixed_run(project)

    said = project.bakeoff("cancel", run.id)

    assert (said.exit_code, said.stdout) == (0, f"run {run.id} had ended already: partial\n")


def written_log(project: Project, run_id: str, job_id: str, text: str) -> Path:
    file = project.root / "data" / "logs" / run_id / f"{job_id}.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())
    return file


def test_a_log_is_found_by_job_or_by_run_and_model(project: Project) -> None:
    run = a_run()
    jobs = project.fill(run, [Outcome(model="a", f1=0.5), Outcome(model="b", f1=0.5)])
    written_log(project, run.id, jobs[1].id, "epoch 1\r\nepoch \x1b[31m2")

    assert project.bakeoff("logs", jobs[1].id[:13]).stdout_bytes == b"epoch 1\r\nepoch \x1b[31m2"
    assert project.bakeoff("logs", "latest", "b").stdout_bytes == b"epoch 1\r\nepoch \x1b[31m2"
    assert json.loads(project.bakeoff("logs", run.id[:13], "b", "--json").stdout) == {
        "evaluationId": jobs[1].id,
        "node": "here",
        "file": str(project.root / "data" / "logs" / run.id / f"{jobs[1].id}.log"),
        "log": "epoch 1\nepoch \x1b[31m2",
    }


def test_a_log_that_is_not_there_says_why(project: Project) -> None:
    run = a_run()
    jobs = project.fill(run, [Outcome(model="a", state=JobState.QUEUED), Outcome(model="b", f1=0.5)])

    waiting = project.bakeoff("logs", jobs[0].id)
    elsewhere = project.bakeoff("logs", jobs[1].id)
    removed = project.bakeoff("logs", jobs[1].id, env={"BAKEOFF_NODE_NAME": "here"})
    unknown = project.bakeoff("logs", "latest", "c")

    assert [said.exit_code for said in (waiting, elsewhere, removed, unknown)] == [2, 2, 2, 2]
    assert waiting.stderr.endswith("(a, queued) has no log here: it has not been started\n")
    assert elsewhere.stderr.endswith(
        "(b, completed) has no log here: it ran on here, where `bakeoff logs` prints it\n"
    )
    assert "it ran on this machine, and " in removed.stderr
    assert unknown.stderr.endswith("has no candidate 'c'; there are 'a', 'b'\n")


def test_a_log_that_another_machine_has_is_not_waited_for(project: Project) -> None:
    (job,) = project.fill(a_run(), [Outcome(model="a", state=JobState.RUNNING)])

    said = project.bakeoff("logs", job.id, "-f")

    assert said.exit_code == 2
    assert "(a, running) has no log here: it ran on here" in said.stderr


def test_a_log_of_an_earlier_attempt_says_where_the_last_one_was_made(project: Project) -> None:
    run = a_run()
    (job,) = project.fill(run, [Outcome(model="a", f1=0.5)])
    written_log(project, run.id, job.id, "epoch 1\n")

    there = project.bakeoff("logs", job.id, env={"BAKEOFF_NODE_NAME": "there"})
    here = project.bakeoff("logs", job.id, env={"BAKEOFF_NODE_NAME": "here"})

    assert (there.stdout, here.stdout) == ("epoch 1\n", "epoch 1\n")
    assert there.stderr == "this is the log on there; the last attempt ran on here, which has the log of it\n"
    assert here.stderr == ""


def test_an_empty_log_of_what_failed_says_where_the_traceback_is(project: Project) -> None:
    run = a_run()
    error = an_error(traceback="Traceback: ...")
    broken, mute = project.fill(
        run, [Outcome(model="a", state=JobState.FAILED, error=error), Outcome(model="b", f1=0.5)]
    )
    for job in (broken, mute):
        written_log(project, run.id, job.id, "")

    here = {"BAKEOFF_NODE_NAME": "here"}
    found = project.bakeoff("logs", broken.id, env=here)

    told = f"it printed nothing; `bakeoff show {run.id[:8]} --errors` has its traceback\n"
    assert (found.exit_code, found.stdout, found.stderr) == (0, "", told)
    assert project.bakeoff("logs", mute.id, env=here).stderr == "it printed nothing\n"


def test_a_result_that_was_taken_over_names_the_job_that_has_its_log(project: Project) -> None:
    [fitted] = project.fill(a_run(), [Outcome(model="a", f1=0.5)])
    run = a_run()
    job = a_job(run, state=JobState.COMPLETED, ended_at=NOON)
    result = replace(a_result(job), reused_from=fitted.id)
    run_rows.create(project.engine, run, [], [(job, result)])

    said = project.bakeoff("logs", job.id)
    assert said.exit_code == 2
    assert f"taken over from an earlier run, `bakeoff logs {fitted.id[:8]}`" in said.stderr


def test_following_a_log_ends_with_its_job(project: Project) -> None:
    run = a_run()
    (job,) = project.fill(run, [Outcome(model="a", state=JobState.QUEUED)])
    lease = claim(project.engine, job).lease
    log = written_log(project, run.id, job.id, "one\n")
    with warm.Popen(
        [sys.executable, "-m", "bakeoff.cli.main", "logs", job.id, "-f"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "one\n"
        for line in ("two\n", "three\n"):
            with log.open("a") as more:
                more.write(line)
            assert following.stdout.readline() == line
        assert following.poll() is None
        leased_jobs.cancel(project.engine, lease)
        assert following.stdout.read() == ""
        assert following.wait(10) == 0


def test_a_broken_database_is_code_4(project: Project) -> None:
    project.engine.dispose()
    for file in (project.root / "data").iterdir():
        file.write_bytes(b"no database at all " * 500)

    said = project.bakeoff("show")

    assert said.exit_code == 4
    assert said.stderr.startswith("error: the database sqlite:///")
    assert said.stderr.endswith("file is not a database; `bakeoff doctor` tells more\n")
