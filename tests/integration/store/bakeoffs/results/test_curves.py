"""Curves in the database, on SQLite and PostgreSQL: written with the end of a job, and copied."""

from fixtures.values.samples import a_job, a_result, a_run
from fixtures.values.stored import a_stored_run, claim
from sqlalchemy import Engine

from bakeoff.domain.runs.job import JobState
from bakeoff.store.bakeoffs import leased_jobs, run_rows
from bakeoff.store.bakeoffs.results import curve_rows

CURVES = {"roc": {"area": 0.75, "thresholds": [None, 0.5]}, "calibration": []}


def test_curves_are_written_with_the_end_of_the_job_or_not_at_all(engine: Engine) -> None:
    run, [kept, lost, none] = a_stored_run(engine, 3)
    assert leased_jobs.complete(engine, claim(engine, kept).lease, a_result(kept), curves=CURVES)
    late = claim(engine, lost).lease
    assert leased_jobs.release(engine, late)
    assert not leased_jobs.complete(engine, late, a_result(lost), curves=CURVES)
    assert leased_jobs.complete(engine, claim(engine, none).lease, a_result(none), curves={})
    assert curve_rows.of_run(engine, run.id) == {kept.id: CURVES}
    assert curve_rows.of_run(engine, run.id, evaluation_ids=[none.id]) == {}


def test_a_result_that_is_taken_over_brings_its_curves(engine: Engine) -> None:
    _, [job] = a_stored_run(engine)
    assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job), curves=CURVES)
    again = a_run()
    taken = a_job(again, state=JobState.COMPLETED, ended_at=again.created_at)
    assert run_rows.create(engine, again, [], [(taken, a_result(taken, reused_from=job.id))])
    assert curve_rows.of_run(engine, again.id) == {taken.id: CURVES}
