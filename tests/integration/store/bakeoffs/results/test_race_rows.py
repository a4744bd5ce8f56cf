"""Rounds of a race in the database: who waits, when a round is over, and what a look writes, once."""

from datetime import timedelta

import pytest
from fixtures.values.samples import DATASET, a_job, a_result, a_run
from fixtures.values.stored import a_stored_run, an_error, claim, events, judge_all, states, try_claim
from sqlalchemy import Engine

from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.race import RaceLook
from bakeoff.domain.runs.run import Run
from bakeoff.store.bakeoffs import cancellation, delete_old_runs, job_queries, leased_jobs, outbox, run_rows
from bakeoff.store.bakeoffs.queue.claims import Caps, ClaimRefusal
from bakeoff.store.bakeoffs.results import race_rows


def a_look(number: int = 1, *, stopped: tuple[str, ...] = (), is_last: bool = False) -> RaceLook:
    p_values = {f"m{place}": 0.001 if f"m{place}" in stopped else 0.8 for place in range(3)}
    return RaceLook(
        number=number, looks=4, level=0.01, leader="m0", p_values=p_values, stopped=stopped, is_last=is_last
    )


def waits(engine: Engine, job: Job) -> None:
    assert leased_jobs.wait(engine, claim(engine, job).lease)


@pytest.fixture
def racing(engine: Engine) -> tuple[Run, list[Job]]:
    """Three jobs that have done their round."""
    run, queued = a_stored_run(engine, 3, options={"race": True})
    for job in queued:
        waits(engine, job)
    return run, queued


def test_a_job_that_waits_takes_no_slot_and_counts_no_attempt(engine: Engine) -> None:
    _, [first, second] = a_stored_run(engine, 2)
    waits(engine, first)

    alone = Caps(per_node=1, overall=1)
    assert not isinstance(try_claim(engine, second, caps=alone), ClaimRefusal)
    waiting = job_queries.get(engine, first.id)
    assert (waiting.state, waiting.attempt, waiting.ended_at) == ("waiting", 0, None)
    assert try_claim(engine, first) is ClaimRefusal.OUT_OF_TURN  # a late doorbell starts nothing


def test_attempts_that_were_lost_are_still_counted_after_a_round(engine: Engine) -> None:
    _, [job] = a_stored_run(engine, max_attempts=2)
    leased_jobs.retry_or_fail(engine, claim(engine, job).lease, an_error())
    waits(engine, job)
    assert job_queries.get(engine, job.id).attempt == 1


def test_a_round_is_over_when_nobody_is_queued_or_running(engine: Engine) -> None:
    run, [first, second] = a_stored_run(engine, 2)
    waits(engine, first)
    assert race_rows.due(engine) == []  # the second is queued
    running = claim(engine, second)
    assert race_rows.due(engine) == []  # and now it runs

    leased_jobs.fail(engine, running.lease, an_error())

    assert race_rows.due(engine) == [(run.id, 1)]
    assert race_rows.are_waiting(engine)


def test_a_look_stops_some_queues_the_others_and_is_written_once(
    engine: Engine, racing: tuple[Run, list[Job]]
) -> None:
    run, _ = racing
    assert race_rows.write(engine, run.id, a_look(stopped=("m2",)))
    assert states(engine, run) == ["queued", "queued", "stopped"]
    assert race_rows.due(engine) == []

    assert not race_rows.write(engine, run.id, a_look(stopped=("m1",)))  # by a process that was slower
    assert states(engine, run) == ["queued", "queued", "stopped"]
    assert race_rows.looks(engine, run.id) == [a_look(stopped=("m2",))]


def test_who_is_stopped_is_told_with_what_showed_it(engine: Engine, racing: tuple[Run, list[Job]]) -> None:
    run, queued = racing
    race_rows.write(engine, run.id, a_look(stopped=("m2",)))

    [told] = [one.event for one in outbox.pending(engine, limit=99) if one.event.type == "evaluation.stopped"]
    assert told.payload == {
        "evaluationId": queued[2].id, "modelId": "m2", "modelVersion": "1.0", "attempt": 0,
        "afterFolds": 1, "ofFolds": 5, "leader": "m0", "pValue": 0.001, "level": 0.01,
    }  # fmt: skip


def test_the_next_round_has_the_next_number(engine: Engine, racing: tuple[Run, list[Job]]) -> None:
    run, queued = racing
    race_rows.write(engine, run.id, a_look())
    for job in queued:
        waits(engine, job)

    assert race_rows.due(engine) == [(run.id, 2)]
    assert not race_rows.write(engine, run.id, a_look(1))
    assert race_rows.write(engine, run.id, a_look(2))


def test_no_look_is_written_while_a_job_is_at_work(engine: Engine) -> None:
    run, [first, second] = a_stored_run(engine, 2)
    waits(engine, first)
    claim(engine, second)

    assert not race_rows.write(engine, run.id, a_look(stopped=("m0",)))
    assert states(engine, run) == ["waiting", "running"]


def test_waiting_jobs_are_cancelled_at_once(engine: Engine, racing: tuple[Run, list[Job]]) -> None:
    run, _ = racing
    assert cancellation.cancel_run(engine, run.id)

    assert states(engine, run) == ["cancelled"] * 3
    assert run_rows.get(engine, run.id).state == "cancelled"
    assert not race_rows.write(engine, run.id, a_look(stopped=("m2",)))


def test_a_job_that_is_to_stop_does_not_wait(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    held = claim(engine, job)
    cancellation.cancel_job(engine, job.id)

    assert leased_jobs.wait(engine, held.lease)
    assert states(engine, run) == ["cancelled"]


def test_a_run_whose_others_were_stopped_completes(engine: Engine, racing: tuple[Run, list[Job]]) -> None:
    run, queued = racing
    race_rows.write(engine, run.id, a_look(stopped=("m1", "m2"), is_last=True))
    leased_jobs.complete(engine, claim(engine, queued[0]).lease, a_result(queued[0]))

    assert run_rows.get(engine, run.id).state == "completed"
    assert events(engine, run)[-1] == "run completed"


def test_a_run_ends_with_a_look_that_leaves_a_reused_result_alone(engine: Engine) -> None:
    run = a_run(dataset=DATASET, options={"race": True})
    mine, done = a_job(run, 0), a_job(run, 1, state=JobState.COMPLETED, ended_at=run.created_at)
    run_rows.create(engine, run, [mine], [(done, a_result(done))])
    waits(engine, mine)

    assert race_rows.write(engine, run.id, a_look(stopped=("m0",), is_last=True))
    assert run_rows.get(engine, run.id).state == "completed"


def test_an_old_race_goes_with_its_looks(engine: Engine, racing: tuple[Run, list[Job]]) -> None:
    run, queued = racing
    race_rows.write(engine, run.id, a_look(stopped=("m1", "m2"), is_last=True))
    leased_jobs.complete(engine, claim(engine, queued[0]).lease, a_result(queued[0]))
    judge_all(engine)
    outbox.mark_published(engine, [pending.position for pending in outbox.pending(engine, limit=1000)])

    assert delete_old_runs.delete_outdated(engine, timedelta(seconds=-60)) == 1
    assert race_rows.looks(engine, run.id) == []
