"""Runs are made whole, end once, and are found again."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from fixtures.values.samples import DATASET, a_job, a_result, a_run
from fixtures.values.stored import a_stored_run, an_error, claim, events, states, try_claim
from sqlalchemy import Engine

from bakeoff.domain.ensemble import EnsembleRules
from bakeoff.domain.errors import InfrastructureError, InvalidInputError, NotFoundError
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.run import RunState
from bakeoff.domain.signal import SignalOrder
from bakeoff.store.bakeoffs import cancellation, job_queries, leased_jobs, run_progress_rows, run_rows
from bakeoff.store.bakeoffs.queue.claims import Claim
from bakeoff.store.database.engine_and_transactions import writing

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_a_run_is_read_as_it_was_written(engine: Engine) -> None:
    first = a_run(name="first")
    run = a_run(
        name="second",
        seed=2**32 - 1,
        test_size=0.1,
        baseline_id="dummy",
        retry_of=first.id,
        request_digest="f" * 64,
    )
    queued = [a_job(run, position) for position in (1, 0)]

    assert run_rows.create(engine, first, [a_job(first)])
    assert run_rows.create(engine, run, queued)

    assert run_rows.get(engine, run.id) == run
    assert job_queries.of_run(engine, run.id) == queued[::-1]
    assert job_queries.get(engine, queued[0].id) == queued[0]


def test_the_same_id_twice_is_the_same_run(engine: Engine) -> None:
    run, [job] = a_stored_run(engine, name="first")
    again = a_run(id=run.id, name="second")

    assert not run_rows.create(engine, again, [a_job(again)])

    assert run_rows.get(engine, run.id).name == "first"
    assert job_queries.of_run(engine, run.id) == [job]


def test_of_ten_that_make_the_same_run_one_does(engine: Engine) -> None:
    run = a_run()

    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda _: run_rows.create(engine, run, [a_job(run)]), range(10)))

    assert Counter(made) == {True: 1, False: 9}
    assert len(job_queries.of_run(engine, run.id)) == 1


def test_a_run_that_cannot_be_written_whole_is_not_written(engine: Engine) -> None:
    run = a_run()
    twins = [a_job(run, 0), a_job(run, 0)]

    with pytest.raises(InfrastructureError):
        run_rows.create(engine, run, twins)

    with pytest.raises(NotFoundError):
        run_rows.get(engine, run.id)


def test_a_run_of_reused_jobs_is_over_at_once(engine: Engine) -> None:
    run = a_run()
    reused = [a_job(run, n, state=JobState.COMPLETED, ended_at=NOON) for n in range(2)]
    results = [a_result(job, reused_from="0" * 36) for job in reused]

    run_rows.create(engine, run, [], list(zip(reused, results, strict=True)))

    assert run_rows.get(engine, run.id).state == "completed"
    assert job_queries.results_of_run(engine, run.id) == results
    assert events(engine, run) == ["completed 0", "completed 1", "run completed"]


def test_a_run_with_reused_and_queued_jobs_waits_for_the_queued(engine: Engine) -> None:
    run = a_run()
    reused = a_job(run, 0, state=JobState.COMPLETED, ended_at=NOON)
    queued = a_job(run, 1)
    run_rows.create(engine, run, [queued], [(reused, a_result(reused))])
    assert run_rows.get(engine, run.id).state == "queued"

    leased_jobs.complete(engine, claim(engine, queued).lease, a_result(queued))

    assert run_rows.get(engine, run.id).state == "completed"
    assert events(engine, run) == ["completed 0", "started 1", "completed 1", "run completed"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_run_ends_with_its_last_job_whatever_the_order(engine: Engine, order: tuple[int, ...]) -> None:
    run, queued = a_stored_run(engine, 3)
    taken = [claim(engine, job) for job in queued]

    for place in order:
        assert run_rows.get(engine, run.id).state == "running"
        if place:
            leased_jobs.complete(engine, taken[place].lease, a_result(queued[place]))
        else:
            leased_jobs.fail(engine, taken[place].lease, an_error())

    ended = run_rows.get(engine, run.id)
    assert ended.state == "partial"
    assert ended.ended_at == max(job.ended_at for job in job_queries.of_run(engine, run.id) if job.ended_at)
    assert Counter(events(engine, run))["run partial"] == 1
    assert events(engine, run)[-1] == "run partial"


def test_a_run_that_finishers_end_together_ends_once(engine: Engine) -> None:
    run, queued = a_stored_run(engine, 10)
    taken = [claim(engine, job) for job in queued]

    with ThreadPoolExecutor(10) as pool:
        done = list(pool.map(lambda one: leased_jobs.complete(engine, one.lease, a_result(one.job)), taken))

    assert done == [True] * 10
    assert run_rows.get(engine, run.id).state == "completed"
    assert Counter(event.split()[0] for event in events(engine, run)) == {
        "started": 10,
        "completed": 10,
        "run": 1,
    }
    assert events(engine, run)[-1] == "run completed"


@pytest.mark.parametrize(
    "move",
    [
        lambda engine, _, queued: try_claim(engine, queued),
        lambda engine, taken, _: leased_jobs.complete(engine, taken.lease, a_result(taken.job)),
        lambda engine, taken, _: leased_jobs.release(engine, taken.lease),
        lambda engine, taken, _: leased_jobs.retry_or_fail(engine, taken.lease, an_error()),
        lambda engine, _, queued: cancellation.cancel_job(engine, queued.id),
    ],
)
def test_whoever_changes_a_job_waits_for_who_holds_its_run(
    engine: Engine, move: Callable[[Engine, Claim, Job], object]
) -> None:
    """Else two that end the last two jobs together would each see the other's, and no one end the run."""
    run, [first, second] = a_stored_run(engine, 2)
    taken = claim(engine, first)

    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            run_rows.lock_run(connection, run.id)
            moved = pool.submit(move, engine, taken, second)
            with pytest.raises(TimeoutError):
                moved.result(timeout=0.1)
        assert moved.result(timeout=30)


def test_a_run_starts_with_its_first_job(engine: Engine) -> None:
    run, [first, second] = a_stored_run(engine, 2)
    assert run_rows.get(engine, run.id).state == "queued"

    began = claim(engine, first).run.started_at
    again = claim(engine, second).run

    assert (again.state, again.started_at) == ("running", began)


def test_a_run_goes_on_while_its_jobs_wait_again(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)

    leased_jobs.release(engine, claim(engine, job).lease)

    assert run_rows.get(engine, run.id).state == "running"
    assert states(engine, run) == ["queued"]


def test_a_summary_counts_the_jobs_in_each_state(engine: Engine) -> None:
    run, queued = a_stored_run(engine, 4)
    leased_jobs.complete(engine, claim(engine, queued[0]).lease, a_result(queued[0]))
    claim(engine, queued[1])

    summary = run_rows.summary(engine, run.id)

    assert summary.run.state == "running"
    assert summary.jobs == {"completed": 1, "running": 1, "queued": 2}


def test_pages_hold_each_run_once_newest_first(engine: Engine) -> None:
    """Runs of the same moment are told apart by id, and runs made meanwhile come before the first page."""
    moments = [NOON, NOON, NOON, NOON + timedelta(seconds=1), NOON - timedelta(days=1)]
    made = [a_stored_run(engine, created_at=moment)[0] for moment in moments]
    same = sorted((run.id for run in made[:3]), reverse=True)

    first = run_rows.page(engine, limit=2)
    a_stored_run(engine, created_at=NOON + timedelta(days=1))
    second = run_rows.page(engine, limit=2, after=first[-1].run.id)
    third = run_rows.page(engine, limit=2, after=second[-1].run.id)

    shown = [[summary.run.id for summary in page] for page in (first, second, third)]
    assert shown == [[made[3].id, same[0]], same[1:], [made[4].id]]
    assert run_rows.page(engine, limit=2, after=made[4].id) == []
    assert first[0].jobs == {"queued": 1}


def test_a_page_may_show_runs_of_one_state(engine: Engine) -> None:
    a_stored_run(engine)
    running, [job] = a_stored_run(engine, priority=1)
    claim(engine, job)

    assert [summary.run.id for summary in run_rows.page(engine, limit=9, state=RunState.RUNNING)] == [
        running.id
    ]


def test_a_page_may_show_runs_of_one_dataset_and_name(engine: Engine) -> None:
    wines = replace(DATASET, name="wines")
    spring, _ = a_stored_run(engine, name="spring", dataset=wines)
    a_stored_run(engine, name="spring")
    autumn, _ = a_stored_run(engine, name="autumn", dataset=wines)

    def found(**wanted: str) -> set[str]:
        return {summary.run.id for summary in run_rows.page(engine, limit=9, **wanted)}

    assert found(dataset="wines") == {spring.id, autumn.id}
    assert found(dataset="wines", name="spring") == {spring.id}
    assert found(dataset="beers") == set()


def test_the_status_of_a_run_is_of_one_moment_and_in_the_order_of_its_jobs(engine: Engine) -> None:
    run, (first, second, third) = a_stored_run(engine, 3)
    claim(engine, second, node="left")
    leased_jobs.fail(engine, claim(engine, third).lease, an_error())

    status = run_progress_rows.of_run(engine, run.id)

    assert (status.run.id, status.run.state) == (run.id, "running")
    assert [(job.job_id, job.model_id, job.state, job.attempt, job.node) for job in status.jobs] == [
        (first.id, "m0", "queued", 0, None),
        (second.id, "m1", "running", 1, "left"),
        (third.id, "m2", "failed", 1, "here"),
    ]
    assert [(job.started_at is None, job.ended_at is None) for job in status.jobs] == [
        (True, True),
        (False, True),
        (False, False),
    ]
    with pytest.raises(NotFoundError, match="there is no run nobody"):
        run_progress_rows.of_run(engine, "nobody")


def test_an_empty_database_has_an_empty_page(engine: Engine) -> None:
    assert run_rows.page(engine, limit=10) == []


def test_a_run_is_found_by_the_beginning_of_its_id(engine: Engine) -> None:
    run, _ = a_stored_run(engine, id="abcd1234-0000-4000-8000-000000000000", created_at=NOON)
    a_stored_run(engine, id="abcd9999-0000-4000-8000-000000000000", created_at=NOON + timedelta(days=1))

    assert run_rows.find(engine, "abcd1") == run.id
    assert run_rows.find(engine, "ABCD1") == run.id
    assert run_rows.find(engine, run.id) == run.id
    assert run_rows.find(engine, "latest") == "abcd9999-0000-4000-8000-000000000000"


def test_a_run_is_found_by_its_name_and_the_newest_of_that_name(engine: Engine) -> None:
    a_stored_run(engine, id="1" * 36, name="spring", created_at=NOON)
    a_stored_run(engine, id="2" * 36, name="spring", created_at=NOON + timedelta(days=1))
    a_stored_run(engine, id="3" * 36, name="springtime", created_at=NOON + timedelta(days=2))

    assert run_rows.find(engine, "spring") == "2" * 36
    assert run_rows.find(engine, "springtime") == "3" * 36


def test_the_newest_run_that_evaluates_is_no_run_of_signals(engine: Engine) -> None:
    assert run_rows.newest_evaluation(engine) is None
    for day in range(2):
        a_stored_run(engine, id=f"{day}" * 36, created_at=NOON + timedelta(days=day))
    order = SignalOrder(symbols=("AAA",), as_of=NOON.date(), weights={"m0": 1.0}, rules=EnsembleRules())
    a_stored_run(engine, id="2" * 36, signals=order, created_at=NOON + timedelta(days=2))

    assert run_rows.newest_evaluation(engine) == "1" * 36
    assert run_rows.find_named(engine, "latest") == "2" * 36


def test_of_runs_of_one_name_the_one_under_way_is_changed_and_of_two_none(engine: Engine) -> None:
    for number in "123":
        _, [job] = a_stored_run(engine, id=number * 36, name="n", created_at=NOON + timedelta(int(number)))
        if number == "3":
            cancellation.cancel_job(engine, job.id)

    assert run_rows.find(engine, "n") == "3" * 36
    with pytest.raises(InvalidInputError, match=r"2 runs named n are under way.* 11111111 and 22222222"):
        run_rows.find_to_change(engine, "n")
    cancellation.cancel_run(engine, "2" * 36)
    assert run_rows.find_to_change(engine, "n") == "1" * 36
    cancellation.cancel_run(engine, "1" * 36)
    assert run_rows.find_to_change(engine, "n") == "3" * 36


def test_a_name_and_the_beginning_of_an_id_can_be_asked_for_alone(engine: Engine) -> None:
    a_stored_run(engine, id="abcd1234-0000-4000-8000-000000000000", name="spring")

    assert (run_rows.find_named(engine, "abcd"), run_rows.find_beginning(engine, "spring")) == (None, None)


def test_an_ambiguous_beginning_is_refused(engine: Engine) -> None:
    a_stored_run(engine, id="abcd1234-0000-4000-8000-000000000000")
    a_stored_run(engine, id="abcd9999-0000-4000-8000-000000000000")

    with pytest.raises(NotFoundError, match="abcd is the beginning of more than one run id: give more of it"):
        run_rows.find(engine, "abcd")


@pytest.mark.parametrize("asked", ["latest", "abcd", "%", "_"])
def test_what_is_not_found_is_named(engine: Engine, asked: str) -> None:
    if asked != "latest":
        a_stored_run(engine, id="0" * 36)

    with pytest.raises(NotFoundError, match=f"there is no run {asked}: `bakeoff runs` lists them"):
        run_rows.find(engine, asked)


def test_a_run_that_is_not_there_is_named(engine: Engine) -> None:
    for look in (run_rows.get, run_rows.summary):
        with pytest.raises(NotFoundError, match="there is no run r7: `bakeoff runs` lists them"):
            look(engine, "r7")
