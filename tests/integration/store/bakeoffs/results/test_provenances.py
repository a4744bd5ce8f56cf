"""What results are made of: kept with them, found again, forgotten with them."""

from dataclasses import replace
from datetime import timedelta

from fixtures.values.samples import DATASET, NOON, a_candidate, a_job, a_result, a_run
from fixtures.values.stored import a_stored_run, claim, events, judge_all
from sqlalchemy import Engine

from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.result import CodeManifest, Fit, Part, Provenance, Result
from bakeoff.domain.runs.run import Run
from bakeoff.store.bakeoffs import delete_old_runs, job_queries, leased_jobs, outbox, run_rows
from bakeoff.store.bakeoffs.results import earlier_fits, verdict_rows

MADE = Provenance(
    parts={part: f"{part} 1" for part in Part},
    seen={"file weights.json": "aa"},
    obstacle="it connects to 10.0.0.1",
    predictions="p" * 64,
    probabilities="q" * 64,
    manifest=CodeManifest(commit="c" * 40, cpu="a processor", packages={"numpy": "2.4.6"}),
)
LONG_AGO = timedelta(seconds=-1)


def fitted(engine: Engine, run: Run, job: Job, made: Provenance = MADE, minute: int = 0) -> Result:
    result = a_result(job, timestamp=NOON + timedelta(minutes=minute))
    assert leased_jobs.complete(engine, claim(engine, job).lease, result, None, made)
    return result


def test_what_a_result_was_made_of_is_read_as_it_was_written(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    result = fitted(engine, run, job)

    assert earlier_fits.of_evaluation(engine, job.id) == Fit(
        result=result, rules=run.rules, train_rows=75, test_rows=25, provenance=MADE
    )
    assert earlier_fits.of_evaluation(engine, "0" * 36) is None


def test_the_latest_few_of_a_fingerprint_are_found_newest_first(engine: Engine) -> None:
    other = replace(MADE, parts={**MADE.parts, Part.SEED: "2"})
    made = []
    for minute in (3, 1, 6, 2, 5, 4):
        run, [job] = a_stored_run(engine)
        made.append((minute, fitted(engine, run, job, minute=minute).evaluation_id))
    run, [job] = a_stored_run(engine)
    fitted(engine, run, job, other)

    found = earlier_fits.with_fingerprints(engine, {MADE.fingerprint, "0" * 64})

    assert set(found) == {MADE.fingerprint}
    ids = [fit.result.evaluation_id for fit in found[MADE.fingerprint]]
    assert ids == [name for _, name in sorted(made, reverse=True)][:5]


def test_the_latest_of_each_candidate_is_found_whatever_it_was_made_of(engine: Engine) -> None:
    latest = {}
    for minute in (1, 2):
        run, queued = a_stored_run(engine, 2)
        made = replace(MADE, parts={**MADE.parts, Part.CODE: str(minute)})
        latest = {job.candidate.id: fitted(engine, run, job, made, minute) for job in queued}

    found = earlier_fits.latest_of(engine, {"m0", "m1", "m2"})

    assert {model: fit.result for model, fit in found.items()} == latest


def test_what_was_taken_over_is_no_fit(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    origin = fitted(engine, run, job)
    again = a_run()
    taken = a_job(again, state=JobState.COMPLETED, ended_at=NOON)
    assert run_rows.create(engine, again, [], [(taken, a_result(taken, reused_from=origin.evaluation_id))])

    assert earlier_fits.of_evaluation(engine, taken.id) is None
    assert len(earlier_fits.with_fingerprints(engine, {MADE.fingerprint})[MADE.fingerprint]) == 1
    assert job_queries.result_of(engine, taken.id).reused_from == origin.evaluation_id


def test_a_job_that_only_scores_tells_its_end_alone(engine: Engine) -> None:
    run = a_run()
    scores, fits = a_job(run, 0, reuses="0" * 36), a_job(run, 1)
    assert run_rows.create(engine, run, [scores, fits])
    for job in (scores, fits):
        assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job))

    assert job_queries.get(engine, scores.id).reuses == "0" * 36
    assert events(engine, run) == ["completed 0", "started 1", "completed 1", "run completed"]


def test_one_that_has_to_be_fitted_after_all_tells_its_start(engine: Engine) -> None:
    run = a_run()
    job = a_job(run, 0, reuses="0" * 36)
    assert run_rows.create(engine, run, [job])
    lease = claim(engine, job).lease

    leased_jobs.fit_instead(engine, lease)
    leased_jobs.fit_instead(engine, replace(lease, token="lost"))
    leased_jobs.release(engine, lease)
    again = claim(engine, job).lease
    assert leased_jobs.complete(engine, again, a_result(job))

    assert job_queries.get(engine, job.id).reuses is None
    assert events(engine, run) == ["started 0", "completed 0", "run completed"]


def test_a_run_is_kept_as_long_as_a_job_is_to_score_its_predictions(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    fitted(engine, run, job)
    scoring = a_run()
    waiting = a_job(scoring, candidate=a_candidate(), reuses=job.id)
    assert run_rows.create(engine, scoring, [waiting])
    outbox.mark_published(engine, [one.position for one in outbox.pending(engine, limit=100)])

    assert delete_old_runs.outdated(engine, LONG_AGO) == set()


def test_what_a_result_was_made_of_is_forgotten_with_it(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    fitted(engine, run, job)
    judge_all(engine)
    outbox.mark_published(engine, [one.position for one in outbox.pending(engine, limit=100)])

    assert delete_old_runs.delete_outdated(engine, LONG_AGO) == 1
    assert earlier_fits.of_evaluation(engine, job.id) is None


def a_fit(engine: Engine, predictions: str, f1: float, minute: int, probabilities: str | None = None) -> None:
    """Of the candidate m0."""
    _, [job] = a_stored_run(engine)
    made = replace(MADE, predictions=predictions * 64, probabilities=probabilities)
    result = a_result(job, metrics={"f1": f1}, timestamp=NOON + timedelta(minutes=minute))
    assert leased_jobs.complete(engine, claim(engine, job).lease, result, None, made)


def test_of_fits_that_predicted_the_same_one_is_counted_as_a_use_of_the_split(engine: Engine) -> None:
    split = DATASET.split_id
    a_fit(engine, "a", 0.5, 1)
    a_fit(engine, "a", 0.5, 2)
    assert verdict_rows.candidates_scored_on(engine, split) == 1

    a_fit(engine, "b", 0.6, 3)
    a_fit(engine, "b", 0.6, 4, probabilities="q" * 64)
    assert verdict_rows.candidates_scored_on(engine, split) == 3
    assert verdict_rows.candidates_scored_on(engine, "another split") == 0


def test_scores_on_a_split_come_in_the_order_of_the_fits_and_a_repeated_fit_comes_once(
    engine: Engine,
) -> None:
    split = DATASET.split_id
    for minute, (predictions, f1) in enumerate([("a", 0.5), ("b", 0.7), ("a", 0.5), ("c", 0.6)]):
        a_fit(engine, predictions, f1, minute)

    assert verdict_rows.scores_on_split(engine, split, "f1", model_ids=["m0"]) == {"m0": [0.5, 0.7, 0.6]}
    assert verdict_rows.scores_on_split(engine, split, "f1", model_ids=["m1"]) == {}
    assert verdict_rows.scores_on_split(engine, split, "accuracy", model_ids=["m0"]) == {}
