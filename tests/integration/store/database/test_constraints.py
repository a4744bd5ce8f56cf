"""What the domain forbids, the database refuses, whoever writes it."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

NOON = "2026-05-04 12:00:00.000000"

RUN = {
    "id": "r1",
    "name": "bake-off",
    "state": "queued",
    "dataset_id": "d",
    "split_id": "s",
    "dataset": "{}",
    "rules": "{}",
    "seed": 0,
    "test_size": 0.25,
    "repeat_check": False,
    "created_at": NOON,
}
JOB = {
    "id": "j1",
    "run_id": "r1",
    "kind": "evaluation",
    "model_id": "tree",
    "model_version": "1.0",
    "candidate": "{}",
    "state": "queued",
    "attempt": 0,
    "max_attempts": 3,
    "timeout_s": 60.0,
    "position": 0,
    "created_at": NOON,
}
RESULT = {
    "evaluation_id": "j1",
    "run_id": "r1",
    "model_id": "tree",
    "model_version": "1.0",
    "dataset_id": "d",
    "dataset_name": "flowers",
    "split_id": "s",
    "seed": 0,
    "metrics": "{}",
    "details": "{}",
    "timestamp": NOON,
    "duration_s": 1.0,
    "cost": "{}",
    "attempt": 1,
}
EVENT = {
    "event_id": "e1",
    "event_type": "run.completed",
    "run_id": "r1",
    "occurred_at": NOON,
    "payload": "{}",
}
LEASED = {"state": "running", "attempt": 1, "node": "here", "lease_token": "t", "lease_expires_at": NOON}
FAILED = {"state": "failed", "ended_at": NOON, "error": "{}"}


def _insert(engine: Engine, table: str, row: Mapping[str, Any]) -> None:
    values = ", ".join(f":{column}" for column in row)
    with engine.connect().execution_options(bakeoff_writes=True) as connection, connection.begin():
        connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"), row)


def _refusal(engine: Engine, table: str, row: Mapping[str, Any]) -> str:
    with pytest.raises(IntegrityError) as refused:
        _insert(engine, table, row)
    return str(refused.value.orig)


@pytest.mark.parametrize(
    "job",
    [
        {},
        {"kind": "signals"},
        {"attempt": 3},
        {"attempt": 1, "node": "here", "worker": "w1", "started_at": NOON},
        LEASED,
        {**LEASED, "cancel_requested_at": NOON},
        {"state": "completed", "ended_at": NOON},
        {"state": "cancelled", "ended_at": NOON},
        FAILED,
        {**FAILED, "state": "timed_out"},
    ],
)
def test_a_legal_job_is_written(engine: Engine, job: dict[str, Any]) -> None:
    _insert(engine, "evaluation_runs", RUN)

    _insert(engine, "evaluation_jobs", JOB | job)


@pytest.mark.parametrize(
    ("job", "constraint"),
    [
        ({"state": "paused"}, "state_known"),
        ({"state": "QUEUED"}, "state_known"),
        ({"kind": "training"}, "kind_known"),
        ({"attempt": -1}, "attempts_bounded"),
        ({"attempt": 4}, "attempts_bounded"),
        ({"lease_token": "t", "lease_expires_at": NOON}, "running_has_lease"),
        ({**FAILED, "lease_token": "t", "lease_expires_at": NOON}, "running_has_lease"),
        ({"state": "running", "attempt": 1, "node": "here"}, "running_has_lease"),
        ({**LEASED, "lease_expires_at": None}, "lease_expires"),
        ({"lease_expires_at": NOON}, "lease_expires"),
        ({**LEASED, "attempt": 0}, "running_has_claim"),
        ({**LEASED, "node": None}, "running_has_claim"),
        ({"ended_at": NOON}, "ended_has_time"),
        ({**LEASED, "ended_at": NOON}, "ended_has_time"),
        ({"state": "completed"}, "ended_has_time"),
        ({"state": "cancelled"}, "ended_has_time"),
        ({"state": "failed", "error": "{}"}, "ended_has_time"),
        ({"state": "timed_out", "error": "{}"}, "ended_has_time"),
        ({"state": "failed", "ended_at": NOON}, "failed_has_error"),
        ({"state": "timed_out", "ended_at": NOON}, "failed_has_error"),
        ({"state": "completed", "ended_at": NOON, "error": "{}"}, "failed_has_error"),
        ({"state": "cancelled", "ended_at": NOON, "error": "{}"}, "failed_has_error"),
        ({"error": "{}"}, "failed_has_error"),
        ({**LEASED, "error": "{}"}, "failed_has_error"),
    ],
)
def test_an_illegal_job_is_refused(engine: Engine, job: dict[str, Any], constraint: str) -> None:
    _insert(engine, "evaluation_runs", RUN)

    assert f"ck_evaluation_jobs_{constraint}" in _refusal(engine, "evaluation_jobs", JOB | job)


@pytest.mark.parametrize(
    "run",
    [
        {},
        {"state": "running", "started_at": NOON},
        {"state": "completed", "ended_at": NOON},
        {"state": "partial", "started_at": NOON, "ended_at": NOON},
        {"state": "failed", "ended_at": NOON},
        {"state": "cancelled", "ended_at": NOON},
        {"priority": -100},
        {"priority": 100},
    ],
)
def test_a_legal_run_is_written(engine: Engine, run: dict[str, Any]) -> None:
    _insert(engine, "evaluation_runs", RUN | run)


@pytest.mark.parametrize(
    ("run", "constraint"),
    [
        ({"state": "paused"}, "state_known"),
        ({"state": "timed_out"}, "state_known"),
        ({"state": "running"}, "running_has_start"),
        ({"ended_at": NOON}, "ended_has_time"),
        ({"state": "running", "started_at": NOON, "ended_at": NOON}, "ended_has_time"),
        ({"state": "completed"}, "ended_has_time"),
        ({"state": "partial"}, "ended_has_time"),
        ({"state": "failed"}, "ended_has_time"),
        ({"state": "cancelled"}, "ended_has_time"),
        ({"priority": -101}, "priority_bounded"),
        ({"priority": 101}, "priority_bounded"),
    ],
)
def test_an_illegal_run_is_refused(engine: Engine, run: dict[str, Any], constraint: str) -> None:
    assert f"ck_evaluation_runs_{constraint}" in _refusal(engine, "evaluation_runs", RUN | run)


def test_a_result_that_took_less_than_no_time_is_refused(engine: Engine) -> None:
    _insert(engine, "evaluation_runs", RUN)
    _insert(engine, "evaluation_jobs", JOB)

    assert "duration_positive" in _refusal(engine, "evaluation_results", RESULT | {"duration_s": -0.1})


def test_an_unknown_event_is_refused(engine: Engine) -> None:
    assert "event_type_known" in _refusal(engine, "outbox", EVENT | {"event_type": "run.started"})


def test_an_event_is_written_once(engine: Engine) -> None:
    _insert(engine, "outbox", EVENT)

    assert "unique" in _refusal(engine, "outbox", EVENT).lower()


def test_a_model_version_takes_part_in_a_run_once(engine: Engine) -> None:
    _insert(engine, "evaluation_runs", RUN)
    _insert(engine, "evaluation_jobs", JOB)

    assert "unique" in _refusal(engine, "evaluation_jobs", JOB | {"id": "j2"}).lower()
    _insert(engine, "evaluation_jobs", JOB | {"id": "j2", "model_version": "1.1"})


def test_a_job_has_one_result(engine: Engine) -> None:
    _insert(engine, "evaluation_runs", RUN)
    _insert(engine, "evaluation_jobs", JOB)
    _insert(engine, "evaluation_jobs", JOB | {"id": "j2", "model_version": "1.1"})
    _insert(engine, "evaluation_results", RESULT)

    for twin in (RESULT | {"model_version": "1.1"}, RESULT | {"evaluation_id": "j2"}):
        assert "unique" in _refusal(engine, "evaluation_results", twin).lower()


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("evaluation_jobs", JOB | {"run_id": "r9"}),
        ("evaluation_results", RESULT | {"run_id": "r9"}),
        ("evaluation_results", RESULT | {"evaluation_id": "j9"}),
        ("evaluation_runs", RUN | {"id": "r2", "retry_of": "r9"}),
    ],
)
def test_nothing_hangs_in_the_air(engine: Engine, table: str, row: dict[str, Any]) -> None:
    _insert(engine, "evaluation_runs", RUN)
    if table == "evaluation_results":
        _insert(engine, "evaluation_jobs", JOB)

    assert "foreign key" in _refusal(engine, table, row).lower()


@pytest.mark.parametrize(
    ("table", "row"),
    [("evaluation_runs", RUN), ("evaluation_jobs", JOB), ("evaluation_results", RESULT), ("outbox", EVENT)],
)
def test_a_row_lacks_nothing(engine: Engine, table: str, row: dict[str, Any]) -> None:
    """Each value above is needed, the keys' own included."""
    if table != "evaluation_runs":
        _insert(engine, "evaluation_runs", RUN)
    if table == "evaluation_results":
        _insert(engine, "evaluation_jobs", JOB)

    for column in row:
        assert "null" in _refusal(engine, table, row | {column: None}).lower()
