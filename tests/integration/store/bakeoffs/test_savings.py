"""Whose turn it is to save the models of a run, on SQLite and PostgreSQL."""

from threading import Thread

import pytest
from fixtures.values.samples import NOON, a_job, a_result, a_run
from fixtures.values.stored import a_stored_run, an_error, claim, judge_all
from sqlalchemy import Engine

from bakeoff.domain.runs.job import JobState
from bakeoff.domain.runs.model_saving import (
    NotSaved,
    PromotionOutcome,
    Saved,
    SavePolicy,
    SaveRequest,
    SavingOutcome,
)
from bakeoff.domain.runs.result import FittedModel, NotKept
from bakeoff.domain.runs.run import RunState
from bakeoff.store.bakeoffs import cancellation, job_queries, leased_jobs, run_rows, saving_rows
from bakeoff.store.bakeoffs.row_lease import RowLease

BEST = SaveRequest(policy=SavePolicy.BEST, name="churn")
OUTCOME = SavingOutcome(
    saved=(Saved(candidate="tree", run_id="r", evaluation_id="e", name="churn", version="1.0.0"),),
    not_saved=(NotSaved(candidate="stub", evaluation_id="f", reason="no"),),
    promotion=PromotionOutcome(
        version="1.0.0", stage="Production", promoted=True, replaced="0.9.0", failed_hooks=("a: no",)
    ),
    remark="one",
    error="two",
)


def an_ended_run(engine: Engine, save: SaveRequest | None = BEST) -> str:
    run, [job] = a_stored_run(engine, save=save)
    taken = claim(engine, job)
    assert leased_jobs.complete(engine, taken.lease, a_result(job))
    judge_all(engine)
    return run.id


def taken(engine: Engine, run_id: str, lease_s: float = 60) -> RowLease:
    lease = saving_rows.take(engine, run_id, lease_s=lease_s)
    assert lease is not None
    return lease


def test_a_saving_is_due_as_soon_as_its_run_is_judged_and_not_before(engine: Engine) -> None:
    run, [first, second] = a_stored_run(engine, 2, save=BEST)
    assert leased_jobs.complete(engine, claim(engine, first).lease, a_result(first))
    assert (saving_rows.due(engine), saving_rows.of_run(engine, run.id)) == ([], None)

    assert leased_jobs.fail(engine, claim(engine, second).lease, an_error())
    assert saving_rows.due(engine) == []
    judge_all(engine)
    assert saving_rows.due(engine) == [run.id]
    saving = saving_rows.of_run(engine, run.id)
    assert saving is not None
    assert (saving.tries, saving.outcome, saving.done_at) == (0, None, None)


def test_what_a_run_wants_to_save_is_kept_with_it(engine: Engine) -> None:
    run, _ = a_stored_run(engine, save=SaveRequest(policy=SavePolicy.ALL, name="churn"))

    assert run_rows.get(engine, run.id).save == SaveRequest(policy=SavePolicy.ALL, name="churn")


def test_a_cancelled_run_has_its_saving_too(engine: Engine) -> None:
    run, _ = a_stored_run(engine, save=BEST)
    cancellation.cancel_run(engine, run.id)
    judge_all(engine)

    assert run_rows.get(engine, run.id).state is RunState.CANCELLED
    assert saving_rows.due(engine) == [run.id]


def test_a_retry_of_nothing_but_reused_results_is_due_at_once(engine: Engine) -> None:
    run, [job] = a_stored_run(engine)
    again = a_run(save=BEST, retry_of=run.id)
    over = a_job(again, state=JobState.COMPLETED, ended_at=NOON)
    assert run_rows.create(engine, again, [], [(over, a_result(over, reused_from=job.id))])
    judge_all(engine)

    assert saving_rows.due(engine) == [again.id]


def test_a_run_that_saves_nothing_is_never_due(engine: Engine) -> None:
    run_id = an_ended_run(engine, save=None)

    assert saving_rows.due(engine) == []
    assert saving_rows.of_run(engine, run_id) is None


def test_of_many_at_once_one_takes_the_lease(engine: Engine) -> None:
    run_id = an_ended_run(engine)
    found: list[RowLease | None] = []

    def take() -> None:
        found.append(saving_rows.take(engine, run_id, lease_s=60))

    takers = [Thread(target=take) for _ in range(6)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join(60)

    assert [lease.attempt for lease in found if lease] == [1]
    assert saving_rows.due(engine) == []


def test_a_lease_that_has_run_out_is_taken_by_another_and_the_first_can_write_nothing(
    engine: Engine,
) -> None:
    run_id = an_ended_run(engine)
    dead = taken(engine, run_id, lease_s=0)
    heir = taken(engine, run_id)

    assert heir.attempt == 2
    assert not dead.renew(lease_s=60)
    assert not saving_rows.postpone(dead, OUTCOME, by_s=0)
    assert not saving_rows.finish(dead, OUTCOME)
    assert saving_rows.finish(heir, SavingOutcome())


def test_a_lease_that_is_renewed_is_nobody_elses(engine: Engine) -> None:
    run_id = an_ended_run(engine)
    lease = taken(engine, run_id, lease_s=0)
    assert lease.renew(lease_s=60)

    assert saving_rows.take(engine, run_id, lease_s=60) is None


def test_what_is_postponed_is_due_again_later_and_the_reason_can_be_read(engine: Engine) -> None:
    run_id = an_ended_run(engine)
    later = taken(engine, run_id)
    assert saving_rows.postpone(later, SavingOutcome(error="away"), by_s=60)
    assert saving_rows.due(engine) == []

    saving = saving_rows.of_run(engine, run_id)
    assert saving is not None
    assert saving.outcome == SavingOutcome(error="away")
    assert saving.done_at is None


@pytest.mark.parametrize("outcome", [OUTCOME, SavingOutcome()])
def test_what_is_done_is_never_due_again_and_tells_all_that_came_of_it(
    engine: Engine, outcome: SavingOutcome
) -> None:
    run_id = an_ended_run(engine)
    lease = taken(engine, run_id, lease_s=0)
    assert saving_rows.finish(lease, outcome)

    assert saving_rows.due(engine) == []
    assert saving_rows.take(engine, run_id, lease_s=0) is None
    assert not lease.renew(lease_s=0)
    saving = saving_rows.of_run(engine, run_id)
    assert saving is not None
    assert saving.outcome == outcome
    assert saving.done_at is not None


@pytest.mark.parametrize(
    "left",
    [
        NotKept(problem="it cannot be pickled"),
        FittedModel(
            file="a.pkl", digest="d" * 64, description={"type": "Tree"}, metadata={"classes": [0, 1]}
        ),
    ],
)
def test_what_a_cell_left_of_its_model_comes_back_as_it_was(
    engine: Engine, left: FittedModel | NotKept
) -> None:
    _, [job] = a_stored_run(engine, save=BEST)
    assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job), left)

    assert job_queries.fitted_in(engine, job.id) == left


def test_a_holder_that_lost_its_lease_leaves_no_model(engine: Engine) -> None:
    _, [job] = a_stored_run(engine, save=BEST)
    lost = claim(engine, job).lease
    assert leased_jobs.release(engine, lost)

    assert not leased_jobs.complete(engine, lost, a_result(job), NotKept(problem="no"))
    assert job_queries.fitted_in(engine, job.id) is None
