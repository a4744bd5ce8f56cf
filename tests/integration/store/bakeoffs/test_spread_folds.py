"""Folds that are jobs of their own: claimed like any other, and told of and counted as their whole."""

from dataclasses import replace

import pytest
from fixtures.values.samples import DATASET, a_job, a_result, a_run
from fixtures.values.stored import PLENTY, an_error, claim, try_claim
from sqlalchemy import Engine

from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.result import Cost, FoldResult
from bakeoff.domain.runs.run import Run, RunState
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.operations.runs.start_run import with_folds
from bakeoff.store.bakeoffs import cancellation, job_queries, leased_jobs, outbox, run_progress_rows, run_rows
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.claims import ClaimRefusal, Holder
from bakeoff.store.bakeoffs.results import fold_rows

DESIGN = Design(folds=3)


def a_fold(place: int) -> FoldResult:
    cost = Cost(fit_s=1.0, predict_s=0.5, cpu_s=1.0, peak_memory_mb=80.0, granted_threads=1)
    return FoldResult(place=place, metrics={"accuracy": 0.5}, cost=cost, duration_s=2.0)


def a_spread_run(engine: Engine, number: int = 1) -> tuple[Run, list[Job]]:
    """Returns all jobs in the order of the queue."""
    run = a_run(dataset=replace(DATASET, design=DESIGN), options={"spread": True})
    jobs = with_folds(DESIGN.fits, [a_job(run, place) for place in range(number)])
    assert run_rows.create(engine, run, jobs)
    return run, jobs


def claim_whole_before(engine: Engine, part: Job, whole: Job) -> claims.Lease:
    """The whole is at work, and the part is queued again, as after the shutdown of its worker."""
    begun = claim(engine, part).lease
    lease = claim(engine, whole).lease
    assert leased_jobs.release(engine, begun)
    return lease


def told(engine: Engine, run: Run) -> list[tuple[str, str]]:
    """What was told of jobs, and of which."""
    pending = outbox.of_run(engine, run.id, after=0, limit=100)
    payloads = [(str(one.event.type), one.event.payload) for one in pending]
    return [(kind, payload["evaluationId"]) for kind, payload in payloads if "evaluationId" in payload]


def states(engine: Engine, jobs: list[Job]) -> list[JobState]:
    return [job_queries.get(engine, job.id).state for job in jobs]


def test_the_folds_of_the_next_candidate_come_before_the_join_of_one(engine: Engine) -> None:
    _, jobs = a_spread_run(engine, 3)

    order = [f"{job.candidate.id}{'' if job.place is None else f':{job.place}'}" for job in jobs]
    assert order == [
        *("m0:0", "m0:1", "m0:2", "m1:0", "m1:1", "m1:2", "m0"),
        *("m2:0", "m2:1", "m2:2", "m1", "m2"),
    ]  # fmt: skip
    assert [job.position for job in jobs] == list(range(12))


def test_a_join_holds_no_slot_while_a_fold_of_it_waits_for_one(engine: Engine) -> None:
    _, [begun, rung, again, whole] = a_spread_run(engine)
    claim(engine, begun)
    claim(engine, again)
    holder = Holder(node="here", worker="w1")

    # Whoever gets the message of the fold begins it. With one slot left, nobody could if the join had it.
    assert claims.claim_next(engine, excluded=[rung.id], holder=holder, caps=PLENTY, lease_s=60) is None
    assert try_claim(engine, whole) is ClaimRefusal.FOLDS_WAIT

    claim(engine, rung)
    assert claims.claim_next(engine, excluded=[rung.id], holder=holder, caps=PLENTY, lease_s=60) is not None


def test_behind_a_join_that_waits_for_its_folds_the_next_candidate_goes_on(engine: Engine) -> None:
    _, jobs = a_spread_run(engine, 3)
    rung, *begun, _join, behind = jobs[:8]
    for job in begun:
        claim(engine, job)

    holder = Holder(node="here", worker="w1")
    found = claims.claim_next(engine, excluded=[rung.id], holder=holder, caps=PLENTY, lease_s=60)
    assert found is not None
    assert found.job.id == behind.id


def test_what_scores_earlier_predictions_again_has_no_jobs_of_folds() -> None:
    run = a_run()

    [job] = with_folds(3, [a_job(run, reuses="an evaluation")])
    assert job.part_of is None


def test_a_run_counts_and_lists_its_candidates_and_not_their_folds(engine: Engine) -> None:
    run, jobs = a_spread_run(engine, 2)

    assert run_rows.summary(engine, run.id).jobs == {JobState.QUEUED: 2}
    assert [job.candidate.id for job in job_queries.of_run(engine, run.id)] == ["m0", "m1"]
    assert job_queries.backlog(engine).queued == len(jobs)


def test_a_candidate_begins_with_the_first_of_its_folds_which_is_told_once(engine: Engine) -> None:
    run, [first, second, third, whole] = a_spread_run(engine)

    claim(engine, first)
    claim(engine, second)

    assert [status.state for status in run_progress_rows.of_run(engine, run.id).jobs] == ["running"]
    assert told(engine, run) == [("evaluation.started", whole.id)]
    claim(engine, third)
    claim(engine, whole)
    assert len(told(engine, run)) == 1


def test_a_fold_is_kept_for_its_whole_which_joins_it_once(engine: Engine) -> None:
    run, [*parts, whole] = a_spread_run(engine)
    for part in parts:
        lease = claim(engine, part).lease
        assert fold_rows.keep(engine, lease, DESIGN, a_fold(part.place or 0), of=whole.id)
        assert leased_jobs.complete_part(engine, lease)
        assert not leased_jobs.complete_part(engine, lease)
    assert run_rows.get(engine, run.id).state is RunState.RUNNING

    lease = claim(engine, whole).lease
    assert list(fold_rows.of_job(engine, whole.id)) == [0, 1, 2]
    assert leased_jobs.complete(engine, lease, a_result(whole))

    done = [("evaluation.fold_completed", whole.id)] * 3
    ends = [("evaluation.completed", whole.id)]
    assert told(engine, run) == [("evaluation.started", whole.id), *done, *ends]
    assert run_rows.get(engine, run.id).state is RunState.COMPLETED


def test_a_fold_whose_lease_was_lost_keeps_nothing(engine: Engine) -> None:
    _, [part, *_, whole] = a_spread_run(engine)
    lost = claim(engine, part).lease
    leased_jobs.retry_or_fail(engine, lost, an_error())

    assert not fold_rows.keep(engine, lost, DESIGN, a_fold(0), of=whole.id)
    assert fold_rows.of_job(engine, whole.id) == {}


def test_folds_that_nobody_has_begun_end_with_their_whole_and_those_at_work_are_stopped(
    engine: Engine,
) -> None:
    run, [at_work, waiting, failing, whole] = a_spread_run(engine)
    held = claim(engine, at_work).lease
    leased_jobs.fail(engine, claim(engine, failing).lease, an_error())
    assert fold_rows.failed_job(engine, whole.id) is not None

    lease = claim_whole_before(engine, waiting, whole)
    leased_jobs.fail(engine, lease, an_error())

    assert states(engine, [at_work, waiting, failing, whole]) == ["running", "cancelled", "failed", "failed"]
    assert leased_jobs.standing(engine, held) is leased_jobs.LeaseStanding.CANCELLED
    assert run_rows.get(engine, run.id).state is RunState.RUNNING
    leased_jobs.cancel(engine, held)
    assert run_rows.get(engine, run.id).state is RunState.FAILED  # of candidates, none was cancelled
    ends = [("evaluation.failed", whole.id)]
    assert told(engine, run) == [("evaluation.started", whole.id), *ends]


def test_a_fold_is_taken_back_by_its_whole_only_while_nobody_has_begun_it(engine: Engine) -> None:
    _, [begun, waiting, other, whole] = a_spread_run(engine)
    claim(engine, begun)
    claim(engine, other)
    lease = claim_whole_before(engine, waiting, whole)

    assert not leased_jobs.take_part(engine, lease, begun.id)
    assert leased_jobs.take_part(engine, lease, waiting.id)
    assert not leased_jobs.take_part(engine, lease, waiting.id)
    assert states(engine, [begun, waiting]) == ["running", "cancelled"]


@pytest.mark.parametrize("by", ["whole", "fold"])
def test_to_cancel_a_candidate_or_one_of_its_folds_is_to_cancel_all_of_them(engine: Engine, by: str) -> None:
    run, [begun, waiting, other, whole] = a_spread_run(engine)
    held = claim(engine, begun).lease

    assert cancellation.cancel_job(engine, {"whole": whole, "fold": begun}[by].id)

    assert states(engine, [begun, waiting, other, whole]) == ["running", *["cancelled"] * 3]
    assert leased_jobs.standing(engine, held) is leased_jobs.LeaseStanding.CANCELLED
    leased_jobs.cancel(engine, held)
    assert run_rows.get(engine, run.id).state is RunState.CANCELLED
    ends = [("evaluation.cancelled", whole.id)]
    assert told(engine, run) == [("evaluation.started", whole.id), *ends]
