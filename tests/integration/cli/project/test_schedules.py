"""`bakeoff schedules`, with slots that are written without any beat."""

import json
import re
from datetime import UTC, datetime

import pytest
from fixtures.projects.command_line import Project
from fixtures.values.stored import a_stored_run
from sqlalchemy import text

from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import schedule_slots
from bakeoff.store.database.engine_and_transactions import writing

CONFIGURATION = """
datasets: {iris: {source: sklearn, name: iris}}
schedules:
  nightly: {cron: "0 3 * * *", timezone: Europe/Berlin, dataset: iris}
  often: {every: 6h, dataset: iris, missed: skip}
"""
RUN_ID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def scheduled(project: Project) -> Project:
    (project.root / "config" / "bakeoff.yaml").write_text(CONFIGURATION)
    return project


def note(project: Project, name: str, noted_until: str, *found: tuple[str, str, str]) -> None:
    """Slots as (time, state, error)."""
    rule = {"nightly": "0 3 * * * Europe/Berlin", "often": "every 6h"}[name]
    with writing(project.engine) as connection:
        connection.execute(
            text("INSERT INTO schedules VALUES (:name, :rule, :at)"),
            {"name": name, "rule": rule, "at": noted_until},
        )
        for number, (at, state, error) in enumerate(found, start=1):
            connection.execute(
                text("INSERT INTO schedule_slots VALUES (:name, :at, :state, :run, :at, 2, :error)"),
                {
                    "name": name,
                    "at": at,
                    "state": state,
                    "error": error,
                    "run": RUN_ID.replace("1", str(number)),
                },
            )


def test_before_anybody_has_looked_only_the_next_one_is_known(scheduled: Project) -> None:
    nightly, often = json.loads(scheduled.bakeoff("schedules", "--json").stdout)

    assert (nightly["name"], nightly["dataset"], nightly["when"]) == (
        "nightly",
        "iris",
        "0 3 * * * Europe/Berlin",
    )
    assert (nightly["last"], nightly["missed"], nightly["overdue"], nightly["catchUp"]) == (
        None,
        0,
        False,
        "latest",
    )
    assert (often["when"], often["catchUp"]) == ("every 6h", "skip")
    next_one = datetime.fromisoformat(often["nextAt"])
    assert next_one > datetime.now(UTC)
    assert next_one.hour in {0, 6, 12, 18}


def test_the_last_run_and_what_was_missed_are_listed(scheduled: Project) -> None:
    a_stored_run(scheduled.engine, id=RUN_ID)
    note(
        scheduled,
        "nightly",
        "2999-11-25 02:00:00",
        ("2999-11-25 02:00:00", "started", ""),
        ("2999-11-24 02:00:00", "missed", ""),
        ("2999-11-23 02:00:00", "missed", ""),
    )

    nightly, _ = json.loads(scheduled.bakeoff("schedules", "--json").stdout)
    lines = scheduled.bakeoff("schedules").stdout.splitlines()

    assert nightly["last"] == {
        "slotAt": "2999-11-25T02:00:00.000Z",
        "status": "started",
        "runId": RUN_ID,
        "tries": 2,
        "error": "",
        "runStatus": "queued",
    }
    assert (nightly["missed"], nightly["lastMissedAt"]) == (2, "2999-11-24T02:00:00.000Z")
    assert nightly["nextAt"] == "2999-11-26T02:00:00.000Z"
    assert re.split(r"\s{2,}", lines[1]) == [
        "nightly",
        "iris",
        "0 3 * * * Europe/Berlin",
        "2999-11-26 03:00 CET",
        "2999-11-25 03:00 CET",
        "11111111 queued",
        "2",
    ]


def test_a_schedule_that_nobody_looks_after_is_overdue(scheduled: Project) -> None:
    note(scheduled, "often", "2026-03-01 12:00:00")

    _, often = json.loads(scheduled.bakeoff("schedules", "--json").stdout)
    assert (often["nextAt"], often["overdue"]) == ("2026-03-01T18:00:00.000Z", True)
    assert scheduled.bakeoff("schedules").stdout.splitlines()[-1] == (
        "often: nobody looks: `bakeoff up`, or `celery -A tasks beat` beside a worker, starts what is due"
    )


def test_a_schedule_that_is_paused_says_by_whom_and_since_when(scheduled: Project) -> None:
    scheduled.bakeoff("schedules", "pause", "often")
    with scheduled.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE schedule_pauses SET paused_at = '2026-03-01 12:00:00', paused_by = 'anna'"
        )

    assert scheduled.bakeoff("schedules").stdout.splitlines()[-1] == (
        "often: paused by anna since 2026-03-01 12:00 UTC: `bakeoff schedules resume often` goes on with it"
    )


def test_pause_and_resume_answer_with_the_schedule_as_json(scheduled: Project) -> None:
    paused = json.loads(scheduled.bakeoff("schedules", "pause", "often", "--json").stdout)
    assert [paused] == [
        one for one in json.loads(scheduled.bakeoff("schedules", "--json").stdout) if one["name"] == "often"
    ]
    resumed = json.loads(scheduled.bakeoff("schedules", "resume", "often", "--json").stdout)

    assert [one["pausedAt"] is None for one in (paused, resumed)] == [False, True]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("models: [rigde]", "there is no candidate 'rigde'; did you mean 'ridge'?"),
        ("models: [knn]", "candidate 'knn' is disabled: set `enabled: true` in its entry of the catalog"),
        ("metrics: [f1, f2]", "unknown metric 'f2': did you mean r2, f1?; expected a built-in metric "),
    ],
)
def test_a_schedule_of_which_no_run_can_be_started_says_so(scheduled: Project, keys: str, said: str) -> None:
    config = scheduled.root / "config"
    (config / "models.yaml").write_text(
        'models: {ridge: {path: "sklearn.linear_model:RidgeClassifier"},'
        ' knn: {path: "sklearn.neighbors:KNeighborsClassifier", enabled: false}}\n'
    )
    text = (config / "bakeoff.yaml").read_text()
    (config / "bakeoff.yaml").write_text(text + f"  typo: {{every: 6h, dataset: iris, {keys}}}\n")

    told = scheduled.bakeoff("schedules").stdout.splitlines()[-1]

    assert told.startswith(f"typo: none of its runs can be started: {said}")


def test_a_run_that_cannot_be_started_says_why(scheduled: Project) -> None:
    note(scheduled, "often", "2999-01-01 12:00:00", ("2999-01-01 12:00:00", "open", "no \x1b file"))

    assert scheduled.bakeoff("schedules").stdout.splitlines()[-1] == (
        "often: its run could not be started so far, tried 2 times: no � file"
    )


def test_the_doctor_says_which_schedules_are_not_as_they_should_be(scheduled: Project) -> None:
    assert "✓ schedules nightly, often" in doctor(scheduled)

    note(scheduled, "often", "2026-03-01 12:00:00")
    note(scheduled, "nightly", "2999-01-01 02:00:00", ("2999-01-01 02:00:00", "open", "no file"))
    said = doctor(scheduled)

    assert (
        "! schedules often is overdue: nobody looks → start `bakeoff up`, or `celery -A tasks beat` beside "
        "a worker"
    ) in said
    assert "! schedules nightly: its run could not be started so far, tried 2 times: no file → mend" in said
    assert "✓ schedules" not in said


def doctor(project: Project) -> str:
    (project.root / "config" / "models.yaml").write_text("models: {}\n")
    return " ".join(project.bakeoff("doctor").stdout.split())


def test_a_run_that_was_forgotten_leaves_its_slot(scheduled: Project) -> None:
    note(scheduled, "often", "2999-01-01 12:00:00", ("2999-01-01 12:00:00", "started", ""))

    _, often = json.loads(scheduled.bakeoff("schedules", "--json").stdout)
    assert (often["last"]["runId"], often["last"]["runStatus"]) == (RUN_ID, None)


def test_looking_makes_no_database(scheduled: Project) -> None:
    scheduled.engine.dispose()
    (scheduled.root / "data" / "bakeoff.db").unlink()

    assert len(json.loads(scheduled.bakeoff("schedules", "--json").stdout)) == 2
    assert not (scheduled.root / "data" / "bakeoff.db").exists()


def test_without_schedules_it_says_so(project: Project) -> None:
    assert project.bakeoff("schedules").stdout == (
        "no schedules: add some under `schedules:` in the configuration\n"
    )


def test_the_policy_of_a_schedule_goes_before_that_of_the_registry(scheduled: Project) -> None:
    from fixtures.values.samples import a_run

    from bakeoff.operations.runs.save_winners import _policy
    from bakeoff.settings.configuration import load

    file = scheduled.root / "config" / "bakeoff.yaml"
    file.write_text(
        CONFIGURATION.replace("dataset: iris}", "dataset: iris, promotion: {stage: Staging}}", 1)
        + "modelRegistry: {promotion: {stage: Production}}\n"
    )
    note(scheduled, "nightly", "2999-01-01 02:00:00", ("2999-01-01 02:00:00", "started", ""))
    context = Context(load(file, environment={}))

    assert schedule_slots.schedule_of(scheduled.engine, RUN_ID) == "nightly"
    assert _policy(context, a_run(id=RUN_ID)).stage == "Staging"
    assert _policy(context, a_run(id="r2")).stage == "Production"
