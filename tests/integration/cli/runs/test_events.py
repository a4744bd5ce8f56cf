"""`bakeoff events`: what happened, and what happens."""

import json

import pytest
from fixtures.projects.command_line import MIXED, Project, a_mixed_run
from fixtures.values.events import misfits
from fixtures.values.samples import a_candidate, a_job, a_run, a_signal
from fixtures.values.stored import a_stored_run, claim
from sqlalchemy import Engine, update

from bakeoff.domain.event import EventType
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.runs.race import RaceLook
from bakeoff.domain.runs.result import Cost, FoldResult
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.store.bakeoffs import cancellation, leased_jobs, outbox, run_rows
from bakeoff.store.bakeoffs.outbox import OutboxTail
from bakeoff.store.bakeoffs.results import fold_rows, race_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing
from bakeoff.store.signals import ensemble_signals


@pytest.fixture
def run_id(project: Project) -> str:
    return a_mixed_run(project).id


def told(project: Project, *arguments: str) -> list[str]:
    said = project.bakeoff("events", *arguments)
    assert (said.exit_code, said.stderr) == (0, "")
    return said.stdout.splitlines()


def test_it_tells_what_happened_a_line_each_in_its_order(project: Project, run_id: str) -> None:
    lines = [line.split("  ", 1)[1] for line in told(project, "spring")]

    assert lines[:2] == [
        f"{run_id[:8]}  evaluation.started    dummy 1.0",
        f"{run_id[:8]}  evaluation.completed  dummy 1.0  f1 0.5000, accuracy 0.6250",
    ]
    assert lines[-5:] == [
        f"{run_id[:8]}  evaluation.started    broken 1.0",
        f"{run_id[:8]}  evaluation.failed     broken 1.0  ValueError: bad \ufffd[31mluck",
        f"{run_id[:8]}  evaluation.started    slow 1.0",
        f"{run_id[:8]}  evaluation.failed     slow 1.0  Timeout: took longer than 5 s",
        f"{run_id[:8]}  run.completed         partial  4 completed, 1 failed, 1 timed_out",
    ]


def test_as_json_each_line_is_an_envelope(project: Project, run_id: str) -> None:
    *_, last = map(json.loads, told(project, "--json"))

    assert (last["runId"], last["eventType"], last["payload"]["status"]) == (
        run_id,
        "run.completed",
        "partial",
    )


def test_it_tells_the_latest_of_all_runs_and_no_more_than_asked_for(project: Project, run_id: str) -> None:
    other = a_run()
    project.fill(other, MIXED[:1])

    assert [line.split()[1:3] for line in told(project, "--limit", "4")] == [
        [run_id[:8], "run.completed"],
        [other.id[:8], "evaluation.started"],
        [other.id[:8], "evaluation.completed"],
        [other.id[:8], "run.completed"],
    ]


def test_it_tells_only_what_is_of_a_kind(project: Project, run_id: str) -> None:
    assert [line.split()[2] for line in told(project, run_id, "--type", "run")] == ["run.completed"]
    unknown = project.bakeoff("events", "--type", "job")

    assert unknown.exit_code == 2
    assert unknown.stderr.startswith(
        "error: --type is 'job': there are evaluation.started, evaluation.fold_completed, "
    )


def test_followed_it_ends_with_its_run(project: Project, run_id: str) -> None:
    assert told(project, run_id, "--follow")[-1].split()[2] == "run.completed"


def test_the_schema_is_printed_whole(project: Project) -> None:
    assert json.loads("\n".join(told(project, "--schema")))["$id"] == "urn:bakeoff:schema:run-events:1"


def test_without_a_database_it_says_how_to_get_one(project: Project) -> None:
    (project.root / "data" / "bakeoff.db").unlink()
    said = project.bakeoff("events")

    assert said.exit_code == 2
    assert said.stderr.startswith(f"error: there is no database of {project.root} yet: ")


def test_each_kind_of_event_fits_its_schema(project: Project, run_id: str) -> None:
    cancelled = a_run()
    assert run_rows.create(project.engine, cancelled, [a_job(cancelled, candidate=a_candidate(id="late"))])
    assert cancellation.cancel_run(project.engine, cancelled.id)
    _, [job] = a_stored_run(project.engine)
    cost = Cost(fit_s=1.0, predict_s=0.5, cpu_s=1.0, peak_memory_mb=80.0, granted_threads=1)
    fold = FoldResult(place=1, metrics={"f1": None}, cost=cost, duration_s=1.5)
    assert fold_rows.keep(project.engine, claim(project.engine, job).lease, Design(folds=3), fold)
    race, [racer] = a_stored_run(project.engine, options={"race": True})
    assert leased_jobs.wait(project.engine, claim(project.engine, racer).lease)
    look = RaceLook(number=1, looks=4, level=0.01, leader="m1", p_values={"m0": 0.001}, stopped=("m0",))
    assert race_rows.write(project.engine, race.id, look)
    ensemble_signals.add(project.engine, [a_signal("AAA")], models={"m0": "1.0"}, failed=["m1"])
    events = OutboxTail(project.engine).latest(100)

    assert {event.type for event in events} == set(EventType)
    assert misfits(events) == []


@pytest.mark.parametrize(
    ("payload", "misfit"),
    [
        ({}, "is a required property"),
        ({"evaluationId": "job 1", "modelId": "a", "modelVersion": "1", "attempt": 1}, "uuid"),
    ],
)
def test_a_payload_of_another_shape_is_noticed(
    project: Project, payload: dict[str, object], misfit: str
) -> None:
    with writing(project.engine) as connection:
        outbox.add(connection, EventType.EVALUATION_STARTED, a_run().id, [payload], utc_now())

    assert misfit in " ".join(misfits(OutboxTail(project.engine).latest(1)))


def test_a_tail_tells_each_event_once_also_one_whose_position_comes_to_light_late(engine: Engine) -> None:
    """As on PostgreSQL, where the transaction of a smaller position may be committed last."""
    run = a_run()
    jobs = [a_job(run, place, candidate=a_candidate(id=f"m{place}")) for place in range(4)]
    assert run_rows.create(engine, run, jobs)
    tail = OutboxTail(engine, run_id=run.id)
    assert tail.latest(10) == []
    for job in jobs[:3]:
        claim(engine, job)
    [first, second, third] = [event.id for event in tail.more()]
    with writing(engine) as connection:
        moved = update(all_tables.outbox).where(all_tables.outbox.c.event_id == third)
        connection.execute(moved.values(position=1_000))
    claim(engine, jobs[3])
    with writing(engine) as connection:
        late = update(all_tables.outbox).where(all_tables.outbox.c.event_id.not_in([first, second, third]))
        connection.execute(late.values(position=999))

    told = [event.payload["modelId"] for event in tail.more()]
    assert "m3" in told
    assert tail.more() == []
