"""Sketches and verdicts in the database, on SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from threading import Thread

import pytest
from fixtures.values.samples import NOON, a_job, a_result, a_run
from fixtures.values.stored import a_stored_run, an_error, claim
from sqlalchemy import Engine, delete

from bakeoff.domain.event import EventType
from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.model_saving import SavePolicy, SaveRequest
from bakeoff.domain.runs.run import Run
from bakeoff.domain.runs.verdict import (
    Against,
    Interval,
    ProductionScores,
    ReferenceComparison,
    RunVerdict,
    SealedScore,
    Spending,
    Standing,
)
from bakeoff.store.bakeoffs import cancellation, job_queries, leased_jobs, outbox, run_rows, saving_rows
from bakeoff.store.bakeoffs.results import shuffled_refit_rows, verdict_rows
from bakeoff.store.bakeoffs.results.verdict_rows import EarlierVerdict
from bakeoff.store.bakeoffs.row_lease import RowLease
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing

SPENDING = Spending(run=2, level=0.008, champion="m1 of spring", p_value=0.3, adopted="an evaluation")
VERDICT = RunVerdict(
    metric="f1",
    greater_is_better=True,
    level=0.05,
    method="draws",
    seed=7,
    rows=100,
    best="m0",
    standings={"m0": Standing.BEST},
    bands={"m0": (1, 1)},
    minimum_detectable_difference=0.25,
    sealed=SealedScore(candidate="m0", value=0.5, low=None, high=None, rows=20, opened=1),
    spending=SPENDING,
    sentence="m0 has the highest f1.",
)


def an_ended_run(engine: Engine, **changed: object) -> Run:
    run, [job] = a_stored_run(engine, **changed)
    assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job), sketches={"f1": b"one"})
    return run_rows.get(engine, run.id)


def taken(engine: Engine, run: Run, lease_s: float = 60) -> RowLease:
    lease = verdict_rows.take(engine, run.id, lease_s=lease_s)
    assert lease is not None
    return lease


def ends_told(engine: Engine, run: Run) -> list[dict[str, object]]:
    told = [one.event for one in outbox.pending(engine, limit=100)]
    return [one.payload for one in told if one.type is EventType.RUN_COMPLETED and one.run_id == run.id]


def test_a_verdict_is_due_when_the_last_job_has_ended_and_not_before(engine: Engine) -> None:
    run, [first, second] = a_stored_run(engine, 2)
    assert leased_jobs.complete(engine, claim(engine, first).lease, a_result(first))
    assert (verdict_rows.due(engine), verdict_rows.is_pending(engine, run.id)) == ([], False)

    assert leased_jobs.fail(engine, claim(engine, second).lease, an_error())
    assert (verdict_rows.due(engine), verdict_rows.is_pending(engine, run.id)) == ([run.id], True)


def test_the_end_of_a_run_is_told_once_and_with_its_verdict(engine: Engine) -> None:
    run = an_ended_run(engine)
    assert ends_told(engine, run) == []

    lease = taken(engine, run)
    densities = [["m0", "m1", -0.1, 0.2, "0az0"]]
    assert verdict_rows.finish(lease, run, {JobState.COMPLETED: 1}, VERDICT, densities=densities)
    assert not verdict_rows.finish(lease, run, {JobState.COMPLETED: 1}, VERDICT)
    assert verdict_rows.densities_of(engine, run.id) == densities

    [end] = ends_told(engine, run)
    assert (end["status"], end["jobs"]) == ("completed", {"completed": 1})
    assert end["verdict"]["sentence"] == "m0 has the highest f1."
    assert verdict_rows.of_run(engine, run.id) == VERDICT
    assert (verdict_rows.due(engine), verdict_rows.is_pending(engine, run.id)) == ([], False)


def test_saving_begins_with_the_verdict_and_not_before(engine: Engine) -> None:
    run = an_ended_run(engine, save=SaveRequest(policy=SavePolicy.BEST, name="churn"))
    assert saving_rows.due(engine) == []

    assert verdict_rows.finish(taken(engine, run), run, {}, VERDICT)
    assert saving_rows.due(engine) == [run.id]


def test_a_judge_that_stood_still_beyond_its_lease_writes_nothing(engine: Engine) -> None:
    run = an_ended_run(engine)
    slow = taken(engine, run, lease_s=0)
    heir = taken(engine, run)

    assert not verdict_rows.finish(slow, run, {}, replace(VERDICT, sentence="another"))
    assert verdict_rows.of_run(engine, run.id) is None
    assert verdict_rows.finish(heir, run, {}, VERDICT)
    assert verdict_rows.of_run(engine, run.id) == VERDICT
    assert len(ends_told(engine, run)) == 1


def test_of_many_judges_at_once_one_takes_the_run(engine: Engine) -> None:
    run = an_ended_run(engine)
    found: list[RowLease | None] = []
    judges = [
        Thread(target=lambda: found.append(verdict_rows.take(engine, run.id, lease_s=60))) for _ in range(8)
    ]
    for judge in judges:
        judge.start()
    for judge in judges:
        judge.join()

    assert sum(lease is not None for lease in found) == 1


def test_a_run_that_could_not_be_judged_is_due_again_later(engine: Engine) -> None:
    run = an_ended_run(engine)

    assert verdict_rows.postpone(taken(engine, run), "ValueError: no", by_s=60)
    assert verdict_rows.due(engine) == []
    assert verdict_rows.is_pending(engine, run.id)


def test_a_cancelled_run_is_judged_too(engine: Engine) -> None:
    run, _ = a_stored_run(engine, 2)
    cancellation.cancel_run(engine, run.id)

    assert verdict_rows.due(engine) == [run.id]


def test_a_result_that_is_taken_over_brings_the_sketches_of_its_metrics(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    sketches = {"f1": b"one", "accuracy": b"two"}
    assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job), sketches=sketches)
    again = a_run()
    over = a_job(again, state=JobState.COMPLETED, ended_at=NOON)
    result = a_result(over, reused_from=job.id, metrics={"f1": 0.75})
    assert run_rows.create(engine, again, [], [(over, result)])

    assert verdict_rows.sketches_of(engine, over.id) == {"f1": b"one"}
    assert verdict_rows.sketches_of_run(engine, again.id, "f1") == {over.id: b"one"}
    assert verdict_rows.sketches_of_run(engine, run.id, "accuracy") == {job.id: b"two"}


def test_a_result_whose_lease_was_lost_leaves_no_sketch(engine: Engine) -> None:
    _, [job] = a_stored_run(engine)
    lost = claim(engine, job, lease_s=0).lease
    leased_jobs.expire(engine)

    assert not leased_jobs.complete(engine, lost, a_result(job), sketches={"f1": b"one"})
    assert verdict_rows.sketches_of(engine, job.id) == {}


@pytest.mark.parametrize("known", [b"", b"\x00\xff" * 5000])
def test_sketches_are_kept_byte_for_byte(engine: Engine, known: bytes) -> None:
    _, [job] = a_stored_run(engine)
    assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job), sketches={"f1": known})

    assert verdict_rows.sketches_of(engine, job.id) == {"f1": known}


def an_old_run(engine: Engine) -> Run:
    """One that ended before there were verdicts and sketches."""
    run, [job] = a_stored_run(engine)
    assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job))
    with writing(engine) as connection:
        connection.execute(delete(all_tables.verdicts).where(all_tables.verdicts.c.run_id == run.id))
    return run_rows.get(engine, run.id)


def test_the_verdict_of_an_old_run_is_written_once_and_its_end_is_not_told_again(engine: Engine) -> None:
    run, open_run = an_old_run(engine), a_stored_run(engine)[0]
    assert verdict_rows.without_verdict(engine) == [run.id]
    assert not verdict_rows.has_row(engine, open_run.id)

    assert verdict_rows.write_later(engine, run.id, VERDICT)
    assert not verdict_rows.write_later(engine, run.id, replace(VERDICT, sentence="another"))

    assert verdict_rows.of_run(engine, run.id) == VERDICT
    assert ends_told(engine, run) == []
    assert verdict_rows.without_verdict(engine) == []


def test_sketches_that_are_there_are_not_replaced_by_later_ones(engine: Engine) -> None:
    run = an_old_run(engine)
    [result] = job_queries.results_of_run(engine, run.id)
    known = {"f1": Interval(low=0.25, high=0.75)}

    def sketch(content: bytes) -> bool:
        return verdict_rows.sketch_later(
            engine, result.evaluation_id, by_metric={"f1": content}, intervals=known
        )

    assert sketch(b"one")
    assert not sketch(b"two")
    assert verdict_rows.sketches_of(engine, result.evaluation_id) == {"f1": b"one"}
    assert job_queries.result_of(engine, result.evaluation_id).intervals == known


def test_the_verdicts_on_a_split_are_read_in_the_order_in_which_they_were_written(engine: Engine) -> None:
    later, earlier, third = (an_ended_run(engine) for _ in range(3))
    split = later.dataset.split_id
    other = replace(VERDICT, metric="accuracy")
    assert verdict_rows.finish(taken(engine, earlier), earlier, {}, VERDICT)
    assert verdict_rows.finish(taken(engine, later), later, {}, other)

    assert [one.metric for one in verdict_rows.on_split(engine, split, but=third.id)] == ["f1", "accuracy"]
    [known] = verdict_rows.on_split(engine, split, but=later.id)
    assert known == EarlierVerdict(
        metric="f1", minimum_detectable_difference=0.25, opened_sealed_rows=True, spending=SPENDING
    )
    assert verdict_rows.on_split(engine, "another split", but=third.id) == []


SAVING = SaveRequest(policy=SavePolicy.BEST, name="flowers")


def test_runs_that_the_saver_judges_can_be_asked_for_alone(engine: Engine) -> None:
    plain, saving = an_ended_run(engine, options={"strict": True}), an_ended_run(engine, save=SAVING)
    checked = an_ended_run(engine, options={"shuffleCheck": True})

    assert set(verdict_rows.due(engine)) == {plain.id, saving.id, checked.id}
    assert verdict_rows.due(engine, for_saver=True) == [saving.id, checked.id]


def test_refits_to_shuffled_labels_are_told_in_order_and_those_of_other_code_are_not(engine: Engine) -> None:
    first, second = (job.id for job in a_stored_run(engine, 2)[1])
    for place, score in enumerate((0.25, -0.5)):
        shuffled_refit_rows.keep(engine, first, place, score, made_of="now")

    assert shuffled_refit_rows.scores_above_chance(engine, first, made_of="now") == [0.25, -0.5]
    assert shuffled_refit_rows.scores_above_chance(engine, first, made_of="before") == []
    assert shuffled_refit_rows.scores_above_chance(engine, second, made_of="now") == []
    shuffled_refit_rows.keep(engine, first, 0, 0.125, made_of="later")
    assert shuffled_refit_rows.scores_above_chance(engine, first, made_of="later") == [0.125]
    assert shuffled_refit_rows.scores_above_chance(engine, first, made_of="now") == []


def test_a_verdict_is_pending_from_the_end_of_the_run_until_it_is_there(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    assert (verdict_rows.pending_since(engine, run.id), verdict_rows.are_open(engine)) == (None, False)
    assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job))
    ended = run_rows.get(engine, run.id)
    assert (verdict_rows.pending_since(engine, run.id), verdict_rows.are_open(engine)) == (
        ended.ended_at,
        True,
    )

    lease = taken(engine, ended, lease_s=60)
    while_judged = verdict_rows.pending_since(engine, run.id)
    assert while_judged is not None
    assert ended.ended_at is not None
    assert (while_judged - ended.ended_at).total_seconds() >= 60
    assert verdict_rows.finish(lease, ended, {}, VERDICT)
    assert (verdict_rows.pending_since(engine, run.id), verdict_rows.are_open(engine)) == (None, False)


def test_what_was_asked_of_production_is_kept_with_the_verdict(engine: Engine) -> None:
    asked = ProductionScores(name="flowers", version="1.0.0", metrics={"f1": 0.5, "recall": None})
    compared = ReferenceComparison(
        reference=asked.title,
        candidate="m0",
        outcome=Against.BETTER,
        difference=0.25,
        low=0.1,
        high=0.4,
        p_value=0.01,
        n_eff=50.0,
    )
    run = an_ended_run(engine, save=SAVING)
    told = replace(VERDICT, production=asked, references=(compared,))
    assert verdict_rows.finish(taken(engine, run), run, {}, told)

    found = verdict_rows.of_run(engine, run.id)
    assert found == told
    assert found.against_production("m0") == compared
    assert found.against_production("m1") is None


def test_a_verdict_of_before_production_was_asked_is_still_read() -> None:
    stored = {key: value for key, value in VERDICT.to_data().items() if key != "production"}

    assert RunVerdict.from_data(stored) == VERDICT


def test_the_results_of_an_evaluation_are_its_own_and_those_taken_over_newest_first(engine: Engine) -> None:
    first, [job] = a_stored_run(engine)
    result = a_result(job)
    assert leased_jobs.complete(engine, claim(engine, job).lease, result)
    later = a_run()
    taken_over = replace(a_job(later), state=JobState.COMPLETED, ended_at=NOON)
    copy = replace(
        result,
        evaluation_id=taken_over.id,
        run_id=later.id,
        reused_from=job.id,
        timestamp=NOON + timedelta(hours=1),
    )
    assert run_rows.create(engine, later, [], [(taken_over, copy)])
    a_stored_run(engine)

    assert [one.run_id for one in job_queries.results_from(engine, job.id, limit=5)] == [later.id, first.id]
    assert len(job_queries.results_from(engine, job.id, limit=1)) == 1
