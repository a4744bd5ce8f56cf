from concurrent.futures import ThreadPoolExecutor

from fixtures.values.samples import a_result
from fixtures.values.stored import a_stored_run, claim, events, states, try_claim
from sqlalchemy import Engine

from bakeoff.domain.ids_and_times import new_id
from bakeoff.store.bakeoffs import job_queries, leased_jobs, run_rows
from bakeoff.store.bakeoffs.cancellation import cancel_job, cancel_run
from bakeoff.store.bakeoffs.leased_jobs import LeaseStanding
from bakeoff.store.bakeoffs.queue.claims import Claim, ClaimRefusal


def test_a_run_of_queued_jobs_is_cancelled_at_once(engine: Engine) -> None:
    run, _ = a_stored_run(engine, 3)

    assert cancel_run(engine, run.id)

    assert states(engine, run) == ["cancelled"] * 3
    assert run_rows.get(engine, run.id).state == "cancelled"
    assert events(engine, run) == ["cancelled 0", "cancelled 1", "cancelled 2", "run cancelled"]


def test_the_running_jobs_of_a_cancelled_run_are_left_to_their_workers(engine: Engine) -> None:
    run, queued = a_stored_run(engine, 3)
    taken = claim(engine, queued[1])

    assert cancel_run(engine, run.id)

    assert states(engine, run) == ["cancelled", "running", "cancelled"]
    assert run_rows.get(engine, run.id).state == "running"
    assert leased_jobs.standing(engine, taken.lease) is LeaseStanding.CANCELLED

    assert leased_jobs.cancel(engine, taken.lease)
    assert events(engine, run) == ["started 1", "cancelled 0", "cancelled 2", "cancelled 1", "run cancelled"]


def test_what_had_completed_before_stays_completed(engine: Engine) -> None:
    run, queued = a_stored_run(engine, 2)
    leased_jobs.complete(engine, claim(engine, queued[0]).lease, a_result(queued[0]))

    cancel_run(engine, run.id)

    assert states(engine, run) == ["completed", "cancelled"]
    assert run_rows.get(engine, run.id).state == "cancelled"


def test_nothing_is_left_to_cancel_in_a_run_that_is_over(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    leased_jobs.complete(engine, claim(engine, job).lease, a_result(job))
    told = events(engine, run)

    assert not cancel_run(engine, run.id)
    assert not cancel_job(engine, job.id)

    assert states(engine, run) == ["completed"]
    assert events(engine, run) == told


def test_cancelling_twice_tells_it_once(engine: Engine) -> None:
    run, queued = a_stored_run(engine, 2)
    claim(engine, queued[0])

    assert cancel_run(engine, run.id)
    asked_at = job_queries.get(engine, queued[0].id).cancel_requested_at
    assert cancel_run(engine, run.id)

    assert events(engine, run) == ["started 0", "cancelled 1"]
    assert job_queries.get(engine, queued[0].id).cancel_requested_at == asked_at


def test_one_job_is_cancelled_and_the_others_go_on(engine: Engine) -> None:
    run, [first, second, third] = a_stored_run(engine, 3)
    taken = claim(engine, first)
    other = claim(engine, third)

    assert cancel_job(engine, first.id)
    assert cancel_job(engine, second.id)

    assert states(engine, run) == ["running", "cancelled", "running"]
    assert leased_jobs.standing(engine, taken.lease) is LeaseStanding.CANCELLED
    assert leased_jobs.standing(engine, other.lease) is LeaseStanding.HELD
    assert events(engine, run) == ["started 0", "started 2", "cancelled 1"]


def test_the_last_job_to_be_cancelled_ends_the_run(engine: Engine) -> None:
    run, [first, second] = a_stored_run(engine, 2)

    cancel_job(engine, second.id)
    assert run_rows.get(engine, run.id).state == "queued"
    cancel_job(engine, first.id)

    assert run_rows.get(engine, run.id).state == "cancelled"
    assert events(engine, run) == ["cancelled 1", "cancelled 0", "run cancelled"]


def test_there_is_nothing_to_cancel_where_there_is_nothing(engine: Engine) -> None:
    assert not cancel_run(engine, new_id())
    assert not cancel_job(engine, new_id())


def test_a_run_that_is_cancelled_while_it_is_claimed_keeps_no_job_waiting(engine: Engine) -> None:
    """Each job was either claimed, and its worker is told, or cancelled in the queue; never both."""
    run, queued = a_stored_run(engine, 16)

    with ThreadPoolExecutor(5) as pool:
        claims = [pool.submit(try_claim, engine, job) for job in queued]
        pool.submit(cancel_run, engine, run.id).result()
        outcomes = [future.result() for future in claims]
    cancel_run(engine, run.id)

    taken = [outcome for outcome in outcomes if isinstance(outcome, Claim)]
    assert {outcome for outcome in outcomes if not isinstance(outcome, Claim)} <= {ClaimRefusal.ENDED}
    assert {leased_jobs.standing(engine, one.lease) for one in taken} <= {LeaseStanding.CANCELLED}
    assert states(engine, run).count("running") == len(taken)
    for one in taken:
        assert leased_jobs.release(engine, one.lease)
    assert states(engine, run) == ["cancelled"] * 16
    assert events(engine, run)[-1] == "run cancelled"
