"""What a monitor counts."""

from dataclasses import replace

from fixtures.values.samples import a_job, a_result, a_run
from fixtures.values.stored import a_stored_run, an_error, claim
from sqlalchemy import Engine

from bakeoff.domain.runs.job import JobState
from bakeoff.store.bakeoffs import leased_jobs, run_rows
from bakeoff.store.monitoring.metric_counts import BOUNDS_S, read_counts


def test_an_empty_database_counts_nothing(engine: Engine) -> None:
    found = read_counts(engine)

    assert set(found.runs.values()) == set(found.jobs.values()) == {0}
    assert (len(found.runs), len(found.jobs)) == (6, 8)
    assert found.oldest_queued_at is None
    assert (found.silent, found.repeated, found.reused, found.unpublished) == (0, 0, 0, 0)
    assert (found.durations.number, found.durations.sum_s) == (0, 0.0)
    assert found.durations.within == [0] * len(BOUNDS_S)


def test_what_is_there_is_counted(engine: Engine) -> None:
    run, (waits, quick, slow, fails, silent) = a_stored_run(engine, 5)
    leased_jobs.complete(engine, claim(engine, quick).lease, a_result(quick, duration_s=0.5))
    leased_jobs.retry_or_fail(engine, claim(engine, slow).lease, an_error())
    leased_jobs.complete(engine, claim(engine, slow).lease, a_result(slow, duration_s=60.5))
    leased_jobs.fail(engine, claim(engine, fails).lease, an_error())
    claim(engine, silent, lease_s=-1)

    found = read_counts(engine)

    assert found.jobs == {
        "queued": 1,
        "running": 1,
        "completed": 2,
        "failed": 1,
        "timed_out": 0,
        "cancelled": 0,
        "waiting": 0,
        "stopped": 0,
    }
    assert found.runs["running"] == 1
    assert found.oldest_queued_at == run.created_at == waits.created_at
    assert (found.silent, found.repeated, found.reused) == (1, 1, 0)
    assert (found.durations.number, found.durations.sum_s) == (2, 61.0)
    assert dict(zip(BOUNDS_S, found.durations.within, strict=True)) == {
        0.1: 0,
        0.5: 1,
        1.0: 1,
        5.0: 1,
        10.0: 1,
        30.0: 1,
        60.0: 1,
        300.0: 2,
        900.0: 2,
        3600.0: 2,
        14400.0: 2,
    }
    assert found.unpublished == 7


def test_what_was_taken_over_counts_as_reused_and_took_no_time(engine: Engine) -> None:
    before, [job] = a_stored_run(engine)
    leased_jobs.complete(engine, claim(engine, job).lease, a_result(job, duration_s=2.0))
    after = a_run(retry_of=before.id)
    taken = replace(a_job(after), state=JobState.COMPLETED, ended_at=after.created_at)
    run_rows.create(engine, after, [], [(taken, a_result(taken, duration_s=2.0, reused_from=job.id))])

    found = read_counts(engine)

    assert (found.reused, found.durations.number, found.durations.sum_s) == (1, 1, 2.0)
