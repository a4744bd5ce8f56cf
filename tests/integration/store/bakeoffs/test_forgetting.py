"""Forgetting old runs, and never one that is needed."""

from datetime import timedelta

import pytest
from fixtures.values.samples import DATASET, a_job, a_result, a_run
from fixtures.values.stored import a_stored_run, an_error, claim, judge_all
from sqlalchemy import Engine, func, select, update

from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.model_saving import SavePolicy, SaveRequest, SavingOutcome
from bakeoff.domain.runs.result import NotKept
from bakeoff.domain.runs.run import Run
from bakeoff.store.bakeoffs import delete_old_runs, leased_jobs, outbox, run_rows, saving_rows
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import reading, writing

MONTH = timedelta(days=30)
ALL = (all_tables.runs, all_tables.jobs, all_tables.results, all_tables.outbox, all_tables.curves)


def an_ended_run(engine: Engine, *, days: int = 40, told: bool = True, **changed: object) -> Run:
    """With one job that completed, and one that failed."""
    run, [good, bad] = a_stored_run(engine, 2, **changed)
    left = NotKept(problem="it cannot be pickled") if run.save else None
    assert leased_jobs.complete(
        engine, claim(engine, good).lease, a_result(good), left, curves={"calibration": []}
    )
    assert leased_jobs.fail(engine, claim(engine, bad).lease, an_error())
    judge_all(engine)
    if told:
        tell(engine)
    grow_old(engine, run, days)
    return run


def tell(engine: Engine) -> None:
    """Judge what has ended, and publish all events."""
    judge_all(engine)
    outbox.mark_published(engine, [pending.position for pending in outbox.pending(engine, limit=1000)])


def grow_old(engine: Engine, run: Run, days: int) -> None:
    with writing(engine) as connection:
        at = all_tables.runs.c.id == run.id
        ended = connection.execute(select(all_tables.runs.c.ended_at).where(at)).scalar_one()
        connection.execute(update(all_tables.runs).where(at).values(ended_at=ended - timedelta(days=days)))


def a_retry(engine: Engine, of: Run, *, days: int) -> Run:
    """What had completed is taken over; nothing else is in it."""
    again = a_run(retry_of=of.id)
    with reading(engine) as connection:
        origin = connection.execute(
            select(all_tables.results.c.evaluation_id).where(all_tables.results.c.run_id == of.id)
        ).scalar_one()
    job = a_job(again, state=JobState.COMPLETED, ended_at=again.created_at)
    assert run_rows.create(engine, again, [], [(job, a_result(job, reused_from=origin))])
    tell(engine)
    grow_old(engine, again, days)
    return again


def rows(engine: Engine) -> list[int]:
    with reading(engine) as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in ALL]


def test_an_old_run_goes_with_all_its_rows(engine: Engine) -> None:
    an_ended_run(engine)
    assert rows(engine) == [1, 2, 1, 5, 1]

    assert delete_old_runs.delete_outdated(engine, MONTH) == 1
    assert rows(engine) == [0, 0, 0, 0, 0]


def test_what_is_young_open_or_not_told_to_the_end_stays(engine: Engine) -> None:
    old = an_ended_run(engine)
    young = an_ended_run(engine, days=29)
    untold = an_ended_run(engine, told=False)
    running, [job] = a_stored_run(engine)
    claim(engine, job)
    queued, _ = a_stored_run(engine)

    assert delete_old_runs.outdated(engine, MONTH) == {old.id}
    assert delete_old_runs.delete_outdated(engine, MONTH) == 1
    assert delete_old_runs.run_ids(engine) == {young.id, queued.id, running.id, untold.id}


def test_a_run_stays_until_its_models_are_saved_and_then_goes_with_what_was_left_of_them(
    engine: Engine,
) -> None:
    run = an_ended_run(engine, save=SaveRequest(policy=SavePolicy.ALL, name="churn"))
    assert delete_old_runs.delete_outdated(engine, MONTH) == 0

    lease = saving_rows.take(engine, run.id, lease_s=60)
    assert lease is not None
    assert saving_rows.finish(lease, SavingOutcome())
    assert delete_old_runs.delete_outdated(engine, MONTH) == 1
    assert rows(engine) == [0, 0, 0, 0, 0]


def test_a_run_that_a_kept_one_repeats_stays_with_what_that_repeated(engine: Engine) -> None:
    first = an_ended_run(engine)
    second = a_retry(engine, first, days=40)
    third = a_retry(engine, second, days=1)
    alone = an_ended_run(engine)

    assert delete_old_runs.outdated(engine, MONTH) == {alone.id}
    assert delete_old_runs.delete_outdated(engine, MONTH) == 1
    assert delete_old_runs.run_ids(engine) == {first.id, second.id, third.id}


def test_a_run_whose_numbers_a_kept_one_took_over_stays(engine: Engine) -> None:
    origin = an_ended_run(engine)
    taker = a_retry(engine, origin, days=1)
    with writing(engine) as connection:
        connection.execute(
            update(all_tables.runs).where(all_tables.runs.c.id == taker.id).values(retry_of=None)
        )

    assert delete_old_runs.outdated(engine, MONTH) == set()


def test_a_chain_of_old_runs_goes_as_a_whole(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delete_old_runs, "_BATCH", 1)
    first = an_ended_run(engine)
    a_retry(engine, a_retry(engine, first, days=35), days=31)

    assert len(delete_old_runs.outdated(engine, MONTH)) == 3
    assert delete_old_runs.delete_outdated(engine, MONTH) == 3
    assert rows(engine) == [0, 0, 0, 0, 0]


def test_a_snapshot_is_cited_by_each_run_that_counts(engine: Engine) -> None:
    run, _ = a_stored_run(engine)

    assert delete_old_runs.referenced_snapshots(engine) == {(DATASET.dataset_id, DATASET.split_id)}
    assert delete_old_runs.referenced_snapshots(engine, without={run.id}) == set()


def test_open_runs_are_those_that_have_not_ended(engine: Engine) -> None:
    an_ended_run(engine)
    run, _ = a_stored_run(engine)

    assert delete_old_runs.open_run_ids(engine) == {run.id}
