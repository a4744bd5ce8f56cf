"""What the holder of a lease can do, and what a ghost, whose lease was lost, cannot."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from fixtures.values.samples import a_result
from fixtures.values.stored import a_stored_run, an_error, claim, events, judge_all, states
from sqlalchemy import Engine, select

from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.store.bakeoffs import cancellation, job_queries, leased_jobs, outbox, run_rows
from bakeoff.store.bakeoffs.leased_jobs import LeaseStanding
from bakeoff.store.bakeoffs.queue.claims import Lease
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import reading

Move = Callable[[Engine, Lease, Job], bool]

MOVES: dict[str, Move] = {
    "renew": lambda engine, lease, _: leased_jobs.renew(engine, lease, lease_s=60),
    "complete": lambda engine, lease, job: leased_jobs.complete(engine, lease, a_result(job)),
    "fail": lambda engine, lease, _: leased_jobs.fail(engine, lease, an_error()),
    "time out": lambda engine, lease, _: leased_jobs.fail(
        engine, lease, an_error(), state=JobState.TIMED_OUT
    ),
    "cancel": lambda engine, lease, _: leased_jobs.cancel(engine, lease),
    "release": lambda engine, lease, _: leased_jobs.release(engine, lease),
    "wait": lambda engine, lease, _: leased_jobs.wait(engine, lease),
    "give up": lambda engine, lease, _: leased_jobs.retry_or_fail(engine, lease, an_error()),
}


@pytest.mark.parametrize(
    ("move", "state", "told"),
    [
        ("renew", "running", []),
        ("complete", "completed", ["completed 0", "run completed"]),
        ("fail", "failed", ["failed 0", "run failed"]),
        ("time out", "timed_out", ["failed 0", "run failed"]),
        ("cancel", "cancelled", ["cancelled 0", "run cancelled"]),
        ("release", "queued", []),
        ("wait", "waiting", []),
        ("give up", "queued", []),
    ],
)
def test_a_holder_moves_its_job_and_each_change_is_told_once(
    engine: Engine, move: str, state: str, told: list[str]
) -> None:
    run, [job] = a_stored_run(engine)
    taken = claim(engine, job)

    assert MOVES[move](engine, taken.lease, job)

    assert states(engine, run) == [state]
    assert events(engine, run) == ["started 0", *told]


@pytest.mark.parametrize("move", MOVES)
def test_a_ghost_writes_nothing(engine: Engine, move: str) -> None:
    run, [job] = a_stored_run(engine, max_attempts=2)
    ghost = claim(engine, job, node="left", lease_s=-1).lease
    leased_jobs.expire(engine)
    claim(engine, job, node="right")
    before = job_queries.get(engine, job.id)

    assert not MOVES[move](engine, ghost, job)

    assert job_queries.get(engine, job.id) == before
    assert (before.state, before.node, before.attempt) == ("running", "right", 2)
    assert job_queries.results_of_run(engine, run.id) == []
    assert events(engine, run) == ["started 0"]


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("end", ["complete", "fail", "time out", "cancel"])
def test_a_job_that_has_ended_never_moves_again(engine: Engine, end: str, move: str) -> None:
    run, [job] = a_stored_run(engine)
    taken = claim(engine, job)
    MOVES[end](engine, taken.lease, job)
    before, told = job_queries.get(engine, job.id), events(engine, run)

    assert not MOVES[move](engine, taken.lease, job)

    assert job_queries.get(engine, job.id) == before
    assert events(engine, run) == told


@pytest.mark.parametrize("move", MOVES)
def test_a_made_up_token_opens_nothing(engine: Engine, move: str) -> None:
    run, [job] = a_stored_run(engine)
    taken = claim(engine, job)

    assert not MOVES[move](engine, replace(taken.lease, token="guessed"), job)

    assert states(engine, run) == ["running"]


def test_a_result_is_read_as_it_was_written(engine: Engine) -> None:
    run, [first, second] = a_stored_run(engine, 2)
    expected = [a_result(first, attempt=1, seed=2**31), a_result(second, metrics={"f1": 1.0}, duration_s=0.0)]

    for job, result in zip((first, second), expected, strict=True):
        assert leased_jobs.complete(engine, claim(engine, job).lease, result)

    assert job_queries.results_of_run(engine, run.id) == expected


def test_the_end_of_a_job_has_its_time_and_no_lease(engine: Engine) -> None:
    _, [job] = a_stored_run(engine)
    taken = claim(engine, job)

    leased_jobs.complete(engine, taken.lease, a_result(job))
    ended = job_queries.get(engine, job.id)

    assert taken.job.started_at is not None
    assert ended.ended_at is not None
    assert taken.job.started_at <= ended.ended_at <= utc_now()
    assert (ended.node, ended.worker) == ("here", "w1")
    assert leased_jobs.standing(engine, taken.lease) is LeaseStanding.LOST


def test_a_renewed_lease_does_not_expire(engine: Engine) -> None:
    _, [job] = a_stored_run(engine)
    taken = claim(engine, job, lease_s=-1)

    assert leased_jobs.renew(engine, taken.lease, lease_s=60)

    assert leased_jobs.expire(engine) == 0
    assert leased_jobs.standing(engine, taken.lease) is LeaseStanding.HELD


def test_a_holder_that_speaks_up_at_the_last_moment_keeps_its_lease(engine: Engine) -> None:
    """Between the sweep's look at who is silent and its taking the lease."""
    _, [job] = a_stored_run(engine)
    taken = claim(engine, job, lease_s=-1)
    with reading(engine) as connection:
        as_seen = connection.execute(select(all_tables.jobs)).one()

    leased_jobs.renew(engine, taken.lease, lease_s=60)

    assert not leased_jobs._expire_one(engine, as_seen)
    assert leased_jobs.standing(engine, taken.lease) is LeaseStanding.HELD


def test_a_silent_holder_loses_its_lease_and_the_job_waits_again(engine: Engine) -> None:
    run, [silent, alive] = a_stored_run(engine, 2)
    lost = claim(engine, silent, lease_s=-1).lease
    held = claim(engine, alive).lease

    assert leased_jobs.expire(engine) == 1
    assert leased_jobs.expire(engine) == 0

    assert states(engine, run) == ["queued", "running"]
    assert leased_jobs.standing(engine, lost) is LeaseStanding.LOST
    assert leased_jobs.standing(engine, held) is LeaseStanding.HELD
    assert job_queries.get(engine, silent.id).attempt == 1


def test_a_job_whose_workers_all_died_fails_with_the_reason(engine: Engine) -> None:
    run, [job] = a_stored_run(engine, max_attempts=3)

    for _ in range(3):
        claim(engine, job, lease_s=-1)
        assert leased_jobs.expire(engine) == 1

    error = job_queries.get(engine, job.id).error
    assert error is not None
    assert (error.type, error.phase) == ("WorkerLost", "start")
    assert error.message == "its worker w1 died or fell silent 3 times in a row"
    assert error.hint == "`bakeoff doctor` on that machine says whether it runs out of memory"
    assert events(engine, run) == ["started 0", "failed 0", "run failed"]


def test_a_cell_that_is_killed_each_time_fails_with_the_error_it_was_given(engine: Engine) -> None:
    _, [job] = a_stored_run(engine, max_attempts=2)
    error = an_error(type="Killed", message="killed 2 times, out of memory?")

    for _ in range(2):
        assert leased_jobs.retry_or_fail(engine, claim(engine, job).lease, error)

    assert job_queries.get(engine, job.id).state == "failed"
    assert job_queries.get(engine, job.id).error == error


def test_a_release_spends_no_attempt(engine: Engine) -> None:
    _, [job] = a_stored_run(engine, max_attempts=1)

    for _ in range(5):
        assert leased_jobs.release(engine, claim(engine, job).lease)

    assert (job_queries.get(engine, job.id).state, job_queries.get(engine, job.id).attempt) == ("queued", 0)


def test_all_silent_leases_are_taken_at_once(engine: Engine) -> None:
    run, queued = a_stored_run(engine, 5, max_attempts=1)
    for job in queued:
        claim(engine, job, lease_s=-1)

    assert leased_jobs.expire(engine) == 5

    assert states(engine, run) == ["failed"] * 5
    assert events(engine, run)[-1] == "run failed"


def test_the_holder_learns_that_its_job_is_to_be_cancelled(engine: Engine) -> None:
    _, [job] = a_stored_run(engine)
    taken = claim(engine, job)
    assert leased_jobs.standing(engine, taken.lease) is LeaseStanding.HELD

    cancellation.cancel_job(engine, job.id)

    assert leased_jobs.standing(engine, taken.lease) is LeaseStanding.CANCELLED
    assert leased_jobs.renew(engine, taken.lease, lease_s=60)


@pytest.mark.parametrize("move", ["release", "give up", "cancel"])
def test_a_job_that_was_to_be_cancelled_does_not_wait_again(engine: Engine, move: str) -> None:
    run, [job] = a_stored_run(engine)
    taken = claim(engine, job)
    cancellation.cancel_run(engine, run.id)

    assert MOVES[move](engine, taken.lease, job)

    assert states(engine, run) == ["cancelled"]
    assert events(engine, run) == ["started 0", "cancelled 0", "run cancelled"]


@pytest.mark.parametrize("max_attempts", [1, 3])
def test_a_silent_job_that_was_to_be_cancelled_ends_as_cancelled(engine: Engine, max_attempts: int) -> None:
    run, [job] = a_stored_run(engine, max_attempts=max_attempts)
    claim(engine, job, lease_s=-1)
    cancellation.cancel_run(engine, run.id)

    assert leased_jobs.expire(engine) == 1

    assert states(engine, run) == ["cancelled"]
    assert run_rows.get(engine, run.id).state == "cancelled"


def test_a_job_that_completed_before_it_heard_of_the_cancelling_stays_completed(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    taken = claim(engine, job)
    cancellation.cancel_run(engine, run.id)

    assert leased_jobs.complete(engine, taken.lease, a_result(job))

    assert run_rows.get(engine, run.id).state == "completed"


def test_events_carry_the_record_or_the_error(engine: Engine) -> None:
    run, [good, bad, slow, stopped] = a_stored_run(engine, 4)
    result = a_result(good)
    leased_jobs.complete(engine, claim(engine, good).lease, result)
    leased_jobs.fail(engine, claim(engine, bad).lease, an_error(log_tail="last words"))
    leased_jobs.fail(engine, claim(engine, slow).lease, an_error(), state=JobState.TIMED_OUT)
    leased_jobs.cancel(engine, claim(engine, stopped).lease)
    judge_all(engine)

    told = [pending.event for pending in outbox.pending(engine, limit=100)]
    started, completed, _, failed, _, timed_out, _, cancelled, ended = told

    assert started.payload == {"evaluationId": good.id, "modelId": "m0", "modelVersion": "1.0", "attempt": 1}
    assert completed.payload == result.to_record()
    assert failed.payload == {
        "evaluationId": bad.id,
        "modelId": "m1",
        "modelVersion": "1.0",
        "attempt": 1,
        "status": "failed",
        "error": {
            "type": "ValueError",
            "message": "no",
            "phase": "fit",
            "traceback": "",
            "hint": "",
            "logTail": "last words",
        },
    }
    assert (timed_out.payload["evaluationId"], timed_out.payload["status"]) == (slow.id, "timed_out")
    assert cancelled.payload == {
        "evaluationId": stopped.id,
        "modelId": "m3",
        "modelVersion": "1.0",
        "attempt": 1,
    }
    assert {key: ended.payload[key] for key in ("status", "jobs")} == {
        "status": "cancelled",
        "jobs": {"completed": 1, "failed": 1, "timed_out": 1, "cancelled": 1},
    }
    assert ended.payload["endedAt"][-1] == "Z"
    assert {event.run_id for event in told} == {run.id}
