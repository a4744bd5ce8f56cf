"""Whose turn it is, and who has to wait for it."""

from datetime import UTC, datetime, timedelta

import pytest
from fixtures.values.samples import a_result
from fixtures.values.stored import PLENTY, a_stored_run, claim, states, try_claim
from sqlalchemy import Engine, select

from bakeoff.domain.runs.job import Job
from bakeoff.domain.runs.run import Run
from bakeoff.store.bakeoffs import cancellation, leased_jobs, run_rows
from bakeoff.store.bakeoffs.queue import claims
from bakeoff.store.bakeoffs.queue.claims import Caps, Claim, ClaimRefusal, Holder, NextClaim
from bakeoff.store.bakeoffs.queue.queue_order import NEXT_RUN, next_jobs
from bakeoff.store.database.engine_and_transactions import reading

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def stored(engine: Engine, number: int, *, hour: int = 0, priority: int = 0) -> tuple[Run, list[Job]]:
    """The run that was made so many hours after noon."""
    return a_stored_run(
        engine, number, name=f"run {hour}", created_at=NOON + timedelta(hours=hour), priority=priority
    )


def line(engine: Engine, limit: int = 10) -> list[str]:
    """`0 m1` is the second job of the run that was made at noon. A claim sees the first of them as we do."""
    front = next_jobs(engine, limit=limit)
    with reading(engine) as connection:
        in_line = connection.execute(select(NEXT_RUN)).scalar()
    assert [in_line] == [waiting.run_id for waiting in front[:1]] or limit == 0
    return [f"{waiting.run_name.removeprefix('run ')} {waiting.model_id}" for waiting in front]


def complete(engine: Engine, *claims: Claim) -> None:
    for taken in claims:
        assert leased_jobs.complete(engine, taken.lease, a_result(taken.job))


def test_who_comes_next_is_told_with_what_a_doorbell_says(engine: Engine) -> None:
    run, [job] = stored(engine, 1)

    [waiting] = next_jobs(engine, limit=3)

    assert (waiting.job_id, waiting.run_id) == (job.id, run.id)
    assert (waiting.run_name, waiting.model_id) == ("run 0", "m0")


def test_the_jobs_of_a_run_go_in_their_order_and_no_more_are_told_than_asked_for(engine: Engine) -> None:
    stored(engine, 4)

    assert line(engine) == ["0 m0", "0 m1", "0 m2", "0 m3"]
    assert line(engine, limit=2) == ["0 m0", "0 m1"]
    assert line(engine, limit=0) == []


def test_runs_take_turns_so_that_a_small_one_waits_for_one_job_of_a_large_one(engine: Engine) -> None:
    stored(engine, 5)
    stored(engine, 2, hour=1)

    assert line(engine) == ["0 m0", "1 m0", "0 m1", "1 m1", "0 m2", "0 m3", "0 m4"]


def test_the_run_with_fewest_running_jobs_goes_first(engine: Engine) -> None:
    _, old = stored(engine, 5)
    claim(engine, old[0])
    claim(engine, old[1])
    stored(engine, 4, hour=1)

    assert line(engine) == ["1 m0", "1 m1", "0 m2", "1 m2", "0 m3", "1 m3", "0 m4"]


def test_that_goes_for_one_that_was_served_last_too(engine: Engine) -> None:
    _, old = stored(engine, 2)
    _, young = stored(engine, 2, hour=1)
    claim(engine, old[0])
    complete(engine, claim(engine, young[0]))

    assert line(engine) == ["1 m1", "0 m1"]


def test_a_run_that_was_never_served_goes_before_one_that_was(engine: Engine) -> None:
    _, old = stored(engine, 2)
    complete(engine, claim(engine, old[0]))
    stored(engine, 1, hour=1)

    assert line(engine) == ["1 m0", "0 m1"]


def test_of_runs_that_were_served_the_one_goes_first_that_has_waited_longest(engine: Engine) -> None:
    young, old = stored(engine, 2, hour=1)[1], stored(engine, 2)[1]
    complete(engine, claim(engine, old[0]), claim(engine, young[0]))
    assert line(engine) == ["0 m1", "1 m1"]

    leased_jobs.release(engine, claim(engine, old[1]).lease)

    assert line(engine) == ["1 m1", "0 m1"]


def test_the_highest_priority_goes_first_whatever_else(engine: Engine) -> None:
    _, urgent = stored(engine, 3, hour=2, priority=1)
    stored(engine, 1, hour=1, priority=-100)
    stored(engine, 1)
    claim(engine, urgent[0])

    assert line(engine) == ["2 m1", "2 m2", "0 m0", "1 m0"]


def test_a_priority_can_be_changed_until_the_run_is_over(engine: Engine) -> None:
    stored(engine, 1)
    run, [job] = stored(engine, 1, hour=1)

    assert run_rows.prioritise(engine, run.id, 100)
    assert line(engine) == ["1 m0", "0 m0"]
    complete(engine, claim(engine, job))

    assert not run_rows.prioritise(engine, run.id, 7)
    assert run_rows.get(engine, run.id).priority == 100


def test_a_run_without_queued_jobs_is_in_nobody_s_way(engine: Engine) -> None:
    cancelled, _ = stored(engine, 2, priority=2)
    _, [busy] = stored(engine, 1, hour=1, priority=1)
    _, [waiting] = stored(engine, 1, hour=2)
    cancellation.cancel_run(engine, cancelled.id)
    claim(engine, busy)

    assert line(engine) == ["2 m0"]
    assert isinstance(try_claim(engine, waiting), Claim)


def test_a_job_is_refused_while_another_run_goes_first(engine: Engine) -> None:
    patient, [later] = stored(engine, 1, hour=1)
    _, [first] = stored(engine, 1)

    assert try_claim(engine, later) is ClaimRefusal.OUT_OF_TURN
    assert states(engine, patient) == ["queued"]
    assert isinstance(try_claim(engine, first), Claim)
    assert isinstance(try_claim(engine, later), Claim)


def test_any_job_may_be_taken_of_the_run_whose_turn_it_is(engine: Engine) -> None:
    _, queued = stored(engine, 3)

    assert isinstance(try_claim(engine, queued[2]), Claim)
    assert isinstance(try_claim(engine, queued[0]), Claim)


def test_on_a_full_machine_that_it_is_full_is_what_is_said(engine: Engine) -> None:
    """For then nobody has to be rung up instead."""
    _, [first, second] = stored(engine, 2)
    _, [later] = stored(engine, 1, hour=1, priority=-1)
    claim(engine, first)
    one = Caps(per_node=1, overall=1)

    assert [try_claim(engine, job, caps=one) for job in (second, later)] == [ClaimRefusal.FULL] * 2


@pytest.mark.parametrize("slots", [2, 3, 5])
def test_runs_share_the_slots_whichever_job_ends_first(engine: Engine, slots: int) -> None:
    run_ids = [stored(engine, number, hour=hour)[0].id for hour, number in enumerate((40, 10, 20))]
    running: list[Claim] = []
    for turn in range(20):
        while len(running) < slots:
            [waiting] = next_jobs(engine, limit=1)
            running.append(claim(engine, waiting.job_id))
        shares = [sum(taken.run.id == run_id for taken in running) for run_id in run_ids]
        assert max(shares) - min(shares) <= 1
        complete(engine, running.pop(turn**2 % slots))


def claim_next(engine: Engine, *but: Job, node: str = "here", caps: Caps = PLENTY) -> Claim | None:
    holder = Holder(node=node, worker="w1")
    return claims.claim_next(engine, excluded=[job.id for job in but], holder=holder, caps=caps, lease_s=60)


def test_who_asks_for_no_certain_job_gets_the_next_in_line_but_those_that_others_are_called_for(
    engine: Engine,
) -> None:
    _, [first, second, third] = stored(engine, 3)

    taken = [claim_next(engine, second), claim_next(engine, second), claim_next(engine, second)]

    assert [found and found.job.id for found in taken] == [first.id, third.id, None]
    assert try_claim(engine, second).__class__ is Claim


def test_who_asks_for_no_certain_job_gets_none_of_a_run_that_is_not_in_line(engine: Engine) -> None:
    _, [urgent] = stored(engine, 1, hour=1, priority=1)
    _, [patient] = stored(engine, 1)

    assert claim_next(engine, urgent) is None
    taken = [claim_next(engine), claim_next(engine)]
    assert [found and found.job.id for found in taken] == [urgent.id, patient.id]


def test_who_asks_for_no_certain_job_gets_none_where_it_is_full(engine: Engine) -> None:
    stored(engine, 3)
    caps = Caps(per_node=1, overall=2)

    taken = [claim_next(engine, caps=caps, node=node) for node in ("here", "here", "there", "elsewhere")]

    assert [found is not None for found in taken] == [True, False, True, False]


def end(engine: Engine, ended: Claim, *, then: NextClaim) -> bool:
    return leased_jobs.complete(engine, ended.lease, a_result(ended.job), then=then)


def wish(*but: Job, caps: Caps = PLENTY) -> NextClaim:
    holder = Holder(node="here", worker="w1")
    return NextClaim(excluded=[job.id for job in but], holder=holder, caps=caps, lease_s=60)


def test_the_next_job_may_be_claimed_as_one_ends_and_takes_the_slot_that_is_free_then(engine: Engine) -> None:
    run, [first, second, third] = stored(engine, 3)
    then = wish(second, caps=Caps(per_node=1, overall=1))

    assert end(engine, claim(engine, first), then=then)

    assert then.claimed is not None
    assert then.claimed.job.id == third.id
    assert then.claimed.job.attempt == 1
    assert states(engine, run) == ["completed", "queued", "running"]


def test_who_has_lost_the_lease_neither_ends_the_job_nor_claims_another(engine: Engine) -> None:
    run, [first, _] = stored(engine, 2)
    lost = claim(engine, first)
    leased_jobs.release(engine, lost.lease)
    then = wish()

    assert not end(engine, lost, then=then)

    assert then.claimed is None
    assert states(engine, run) == ["queued", "queued"]
