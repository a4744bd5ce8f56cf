"""Who gets a job, and how many run at once."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fixtures.projects.crowd import in_processes, work_off
from fixtures.projects.project import wait_for
from fixtures.values.samples import DATASET, RULES, a_candidate, a_job, a_result, a_run
from fixtures.values.stored import a_stored_run, an_error, claim, events, states, try_claim
from sqlalchemy import Engine, text

from bakeoff.domain.candidate import PipelineStep
from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.ids_and_times import new_id, utc_now
from bakeoff.domain.runs.job import JobError, JobState, Phase
from bakeoff.store.bakeoffs import cancellation, job_queries, leased_jobs, run_rows
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.claims import Caps, Claim, ClaimRefusal, Holder
from bakeoff.store.database import statements_in_one_round_trip


def test_a_claim_brings_the_job_and_its_run(engine: Engine) -> None:
    run = a_run(name="spring", seed=7)
    candidate = a_candidate(
        steps=(PipelineStep(path="a:B", params={"c": 1}),), path=None, features=("x", "y")
    )
    job = a_job(run, candidate=candidate, timeout_s=12.5)
    run_rows.create(engine, run, [job])
    before = utc_now()

    taken = claims.claim(
        engine, job.id, holder=Holder(node="left", worker="w7"), caps=Caps(per_node=1, overall=1), lease_s=60
    )

    assert isinstance(taken, Claim)
    assert (taken.job.candidate, taken.job.timeout_s) == (candidate, 12.5)
    assert (taken.job.state, taken.job.attempt) == ("running", 1)
    assert (taken.job.node, taken.job.worker) == ("left", "w7")
    assert taken.job.started_at is not None
    assert before <= taken.job.started_at <= utc_now()
    assert (taken.run.name, taken.run.seed, taken.run.state) == ("spring", 7, "running")
    assert (taken.run.dataset, taken.run.rules) == (DATASET, RULES)
    assert taken.run.started_at == taken.job.started_at
    assert (taken.lease.job_id, taken.lease.run_id, taken.lease.attempt) == (job.id, run.id, 1)
    assert (taken.job, taken.run) == (job_queries.get(engine, job.id), run_rows.get(engine, run.id))


def test_a_job_is_claimed_by_one_only(engine: Engine) -> None:
    _, [job] = a_stored_run(engine)
    claim(engine, job)

    assert try_claim(engine, job, node="elsewhere") is ClaimRefusal.RUNNING


def test_an_unknown_job_cannot_be_claimed(engine: Engine) -> None:
    assert try_claim(engine, new_id()) is ClaimRefusal.UNKNOWN


def test_a_job_that_has_ended_cannot_be_claimed(engine: Engine) -> None:
    run, [completed, failed, timed_out, cancelled, in_queue] = a_stored_run(engine, 5)
    leased_jobs.complete(engine, claim(engine, completed).lease, a_result(completed))
    leased_jobs.fail(engine, claim(engine, failed).lease, an_error())
    leased_jobs.fail(engine, claim(engine, timed_out).lease, an_error(), state=JobState.TIMED_OUT)
    leased_jobs.cancel(engine, claim(engine, cancelled).lease)
    cancellation.cancel_job(engine, in_queue.id)

    refusals = {try_claim(engine, job) for job in (completed, failed, timed_out, cancelled, in_queue)}

    assert refusals == {ClaimRefusal.ENDED}
    assert states(engine, run) == ["completed", "failed", "timed_out", "cancelled", "cancelled"]


def test_a_full_machine_leaves_the_job_in_the_queue(engine: Engine) -> None:
    run, queued = a_stored_run(engine, 4)
    caps = Caps(per_node=2, overall=3)

    outcomes = [try_claim(engine, job, node="left", caps=caps) for job in queued]

    assert [isinstance(outcome, Claim) for outcome in outcomes] == [True, True, False, False]
    assert outcomes[2:] == [ClaimRefusal.FULL, ClaimRefusal.FULL]
    assert isinstance(try_claim(engine, queued[2], node="right", caps=caps), Claim)
    assert try_claim(engine, queued[3], node="right", caps=caps) is ClaimRefusal.FULL
    assert states(engine, run) == ["running", "running", "running", "queued"]


def test_a_finish_makes_room_for_the_next(engine: Engine) -> None:
    _, [first, second] = a_stored_run(engine, 2)
    one = Caps(per_node=1, overall=1)
    taken = claim(engine, first)
    assert try_claim(engine, second, caps=one) is ClaimRefusal.FULL

    leased_jobs.complete(engine, taken.lease, a_result(first))

    assert isinstance(try_claim(engine, second, caps=one), Claim)


def test_the_cap_counts_the_jobs_of_all_runs(engine: Engine) -> None:
    _, [mine] = a_stored_run(engine, priority=1)
    _, [other] = a_stored_run(engine)
    claim(engine, mine)

    assert try_claim(engine, other, node="elsewhere", caps=Caps(per_node=1, overall=1)) is ClaimRefusal.FULL


def test_attempts_count_the_starts_that_were_spent(engine: Engine) -> None:
    _, [job] = a_stored_run(engine, max_attempts=3)

    first = claim(engine, job)
    leased_jobs.release(engine, first.lease)
    second = claim(engine, job)
    leased_jobs.retry_or_fail(engine, second.lease, an_error())
    third = claim(engine, job)

    assert [taken.lease.attempt for taken in (first, second, third)] == [1, 1, 2]
    assert job_queries.get(engine, job.id).attempt == 2


def test_a_job_starts_once_for_those_who_listen(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)

    first = claim(engine, job)
    leased_jobs.release(engine, first.lease)
    second = claim(engine, job)
    leased_jobs.retry_or_fail(engine, second.lease, an_error())
    third = claim(engine, job)

    assert events(engine, run) == ["started 0"]
    assert first.job.started_at == second.job.started_at == third.job.started_at


def test_ten_threads_never_hold_more_than_the_caps(database_url: str, engine: Engine) -> None:
    run, _ = a_stored_run(engine, 40)
    caps = Caps(per_node=2, overall=3)

    with ThreadPoolExecutor(10) as pool:
        crowd = list(pool.map(lambda n: work_off(database_url, f"node-{n % 3}", caps, n), range(10)))

    assert sum(member.completed for member in crowd) == 40
    assert max(member.most_on_a_node for member in crowd) <= 2
    assert max(member.most_overall for member in crowd) <= 3
    assert run_rows.get(engine, run.id).state == "completed"
    assert Counter(event.split()[0] for event in events(engine, run)) == {
        "started": 40,
        "completed": 40,
        "run": 1,
    }


def test_ten_threads_fill_the_caps_exactly(engine: Engine) -> None:
    _, queued = a_stored_run(engine, 12)
    caps = Caps(per_node=2, overall=5)

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(
            pool.map(lambda job: try_claim(engine, job, node=f"node-{job.position % 3}", caps=caps), queued)
        )

    nodes = Counter(outcome.job.node for outcome in outcomes if isinstance(outcome, Claim))
    assert nodes.total() == 5
    assert max(nodes.values()) == 2
    assert Counter(outcome for outcome in outcomes if outcome is ClaimRefusal.FULL).total() == 7


def test_one_of_ten_threads_gets_the_job(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(lambda n: try_claim(engine, job, node=f"node-{n}"), range(10)))

    assert sum(isinstance(outcome, Claim) for outcome in outcomes) == 1
    assert outcomes.count(ClaimRefusal.RUNNING) == 9
    assert events(engine, run) == ["started 0"]


def test_four_processes_never_hold_more_than_the_caps(database_url: str, engine: Engine) -> None:
    run, _ = a_stored_run(engine, 120)
    caps = Caps(per_node=2, overall=3)
    engine.dispose()

    crowd = in_processes(work_off, [(database_url, f"node-{n % 2}", caps, n) for n in range(4)])

    assert sum(member.completed for member in crowd) == 120
    assert max(member.most_on_a_node for member in crowd) <= 2
    assert max(member.most_overall for member in crowd) <= 3
    assert run_rows.get(engine, run.id).state == "completed"
    assert Counter(event.split()[0] for event in events(engine, run)) == {
        "started": 120,
        "completed": 120,
        "run": 1,
    }


def dies_in(work: Callable[[], object]) -> None:
    """A process of its own that is killed in the middle of it, or at its end."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


ONE = Caps(per_node=1, overall=1)


def test_a_process_that_is_killed_after_its_claim_gives_back_job_and_slot(engine: Engine) -> None:
    run, queued = a_stored_run(engine, 2)

    dies_in(lambda: claim(engine, queued[0], lease_s=-1))

    assert states(engine, run) == ["running", "queued"]
    assert try_claim(engine, queued[1], caps=ONE) is ClaimRefusal.FULL
    assert leased_jobs.expire(engine) == 1
    again = try_claim(engine, queued[0], caps=ONE)
    assert isinstance(again, Claim)
    assert again.lease.attempt == 2


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.services)], indirect=True
)
@pytest.mark.parametrize(
    ("killed", "first", "second"),
    [("before it has sent all", "running", "queued"), ("before it has heard", "completed", "running")],
)
def test_a_finish_that_claims_the_next_is_done_whole_or_not_at_all_if_its_process_is_killed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, killed: str, first: str, second: str
) -> None:
    run, queued = a_stored_run(engine, 3)
    real = statements_in_one_round_trip._queue

    def die(libpq: Any) -> None:
        libpq.flush()
        time.sleep(0.3)  # the server has read it
        os.kill(os.getpid(), signal.SIGKILL)

    def without_the_wait(libpq: Any, transactions: Any, prepared: Any) -> Any:
        expected = real(libpq, transactions[:1], prepared)
        die(libpq)
        return expected

    def without_the_end(libpq: Any, transactions: Any, prepared: Any) -> Any:
        def send_unless_it_ends(name: bytes, values: Any) -> None:
            if name == b"bakeoff_commit":
                die(libpq)
            libpq.send_query_prepared(name, values)

        statements = SimpleNamespace(send_prepare=libpq.send_prepare, send_query_prepared=send_unless_it_ends)
        return real(cast("Any", statements), transactions, prepared)

    then = claims.NextClaim(excluded=[], holder=Holder(node="here", worker="w"), caps=ONE, lease_s=-1)

    def finish_and_claim() -> None:
        taken = claim(engine, queued[0], lease_s=-1)
        cut = without_the_end if killed == "before it has sent all" else without_the_wait
        monkeypatch.setattr(statements_in_one_round_trip, "_queue", cut)
        leased_jobs.complete(engine, taken.lease, a_result(queued[0]), then=then)

    dies_in(finish_and_claim)

    wait_for(lambda: states(engine, run) == [first, second, "queued"], f"{first}, then {second}")
    assert leased_jobs.expire(engine) == 1
    assert Counter(states(engine, run))["queued"] == (3 if first == "running" else 2)
    assert isinstance(try_claim(engine, queued[1], caps=ONE), Claim)


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.services)], indirect=True
)
def test_a_claim_waits_for_its_turn_and_meanwhile_keeps_no_dead_row_alive(engine: Engine) -> None:
    """A snapshot would."""
    _, [first, second] = a_stored_run(engine, 2)
    waiting = text(
        "SELECT backend_xmin IS NOT NULL FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def has_snapshot() -> list[Any]:
        with observer.begin():  # a transaction sees no changes of this view
            return [has for (has,) in observer.execute(waiting)]

    with ThreadPoolExecutor(1) as pool, engine.connect() as observer, engine.connect() as other:
        # To read the tables of the server for the first time, a connection takes a snapshot and keeps it.
        assert isinstance(pool.submit(try_claim, engine, first).result(), Claim)
        with other.begin():
            other.execute(text("LOCK TABLE alembic_version IN SHARE UPDATE EXCLUSIVE MODE"))
            outcome = pool.submit(try_claim, engine, second)
            seen = wait_for(has_snapshot, "a claim that waits")
            assert not outcome.done()
        assert isinstance(outcome.result(), Claim)

    assert seen == [False]


def test_the_backlog_counts_what_waits_what_runs_and_what_is_silent(engine: Engine) -> None:
    assert job_queries.backlog(engine) == job_queries.Backlog(
        queued=0, running=0, oldest_queued_at=None, silent=0
    )
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC)
    _, queued = a_stored_run(engine, 4, created_at=noon)
    claim(engine, queued[0])
    claim(engine, queued[1], lease_s=-1)

    assert job_queries.backlog(engine) == job_queries.Backlog(
        queued=2, running=2, oldest_queued_at=noon, silent=1
    )


def test_a_job_that_is_not_there_is_named(engine: Engine) -> None:
    with pytest.raises(NotFoundError, match="there is no job j7: `bakeoff show RUN` lists the jobs of a run"):
        job_queries.get(engine, "j7")


def test_a_failed_job_is_read_with_its_error(engine: Engine) -> None:
    _, [job] = a_stored_run(engine)
    error = JobError(
        type="ValueError",
        message="no rows",
        phase=Phase.PREDICT,
        traceback="Traceback \U0001f308 \x00",
        hint="h",
        log_tail="l",
    )

    leased_jobs.fail(engine, claim(engine, job).lease, error)

    assert job_queries.get(engine, job.id).error == error
