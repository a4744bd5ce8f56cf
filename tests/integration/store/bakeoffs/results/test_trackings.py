"""Whose turn it is to log a run to a tracking server, on SQLite and PostgreSQL."""

from datetime import timedelta

from fixtures.values.samples import NOON, a_result
from fixtures.values.stored import a_stored_run, claim
from sqlalchemy import Engine, update

from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.runs.experiment_tracking import TrackedAddress, Tracking
from bakeoff.domain.runs.model_saving import SavePolicy, SaveRequest, SavingOutcome
from bakeoff.store.bakeoffs import leased_jobs, run_rows, saving_rows
from bakeoff.store.bakeoffs.results import tracking_rows, verdict_rows
from bakeoff.store.bakeoffs.row_lease import RowLease
from bakeoff.store.database.all_tables import trackings
from bakeoff.store.database.engine_and_transactions import writing

ADDRESS = TrackedAddress(uri="http://here", experiment="churn", experiment_id="1", run_id="abc")


def a_judged_run(engine: Engine, *, save: SaveRequest | None = None, track: bool = True) -> str:
    run, [job] = a_stored_run(engine, save=save)
    assert leased_jobs.complete(engine, claim(engine, job).lease, a_result(job))
    lease = verdict_rows.take(engine, run.id, lease_s=60)
    assert lease is not None
    summary = run_rows.summary(engine, run.id)
    assert verdict_rows.finish(lease, summary.run, summary.jobs, None, track=track)
    return run.id


def taken(engine: Engine, run_id: str, lease_s: float = 60) -> RowLease:
    lease = tracking_rows.take(engine, run_id, lease_s=lease_s)
    assert lease is not None
    return lease


def tracking(engine: Engine, run_id: str) -> Tracking:
    found = tracking_rows.of_run(engine, run_id)
    assert found is not None
    return found


def test_a_run_is_due_once_it_is_judged_where_a_server_is_named_and_else_never(engine: Engine) -> None:
    logged, silent = a_judged_run(engine), a_judged_run(engine, track=False)

    assert tracking_rows.due(engine) == [logged]
    assert tracking_rows.of_run(engine, silent) is None
    assert tracking(engine, logged).to_record()["state"] == "waiting"


def test_a_run_that_saves_models_waits_for_them_but_not_for_ever(engine: Engine) -> None:
    request = SaveRequest(policy=SavePolicy.BEST, name="churn")
    saved, unlucky = a_judged_run(engine, save=request), a_judged_run(engine, save=request)
    assert tracking_rows.due(engine) == []

    lease = saving_rows.take(engine, saved, lease_s=60)
    assert lease is not None
    assert saving_rows.finish(lease, SavingOutcome())
    assert tracking_rows.due(engine) == [saved]

    for _ in range(3):
        lease = saving_rows.take(engine, unlucky, lease_s=60)
        assert lease is not None
        assert saving_rows.postpone(lease, SavingOutcome(error="away"), by_s=0)
    assert tracking_rows.due(engine) == [saved, unlucky]


def test_what_fails_is_due_again_later_and_so_is_all_that_would_find_the_same(engine: Engine) -> None:
    first, second = a_judged_run(engine), a_judged_run(engine)
    tracking_rows.postpone(taken(engine, first), "away")

    assert tracking_rows.due(engine) == []
    assert (tracking(engine, first).error, tracking(engine, second).error) == ("away", "")
    assert tracking(engine, second).due_at > utc_now() + timedelta(seconds=1)
    waiting = tracking_rows.waiting(engine)
    assert (waiting.runs, waiting.failing, waiting.error) == (2, 1, "away")


def test_a_run_that_is_never_taken_does_not_keep_others_from_their_turn(engine: Engine) -> None:
    odd, other = a_judged_run(engine), a_judged_run(engine)
    assert tracking_rows.postpone(taken(engine, odd), "a name that MLflow refuses") == 2

    assert tracking(engine, other).due_at < tracking(engine, odd).due_at
    with writing(engine) as connection:
        connection.execute(update(trackings).where(trackings.c.run_id == other).values(due_at=NOON))
    assert tracking_rows.postpone(taken(engine, other), "away") == 4  # as of the second attempt in all


def test_the_pause_after_weeks_of_attempts_is_still_the_longest(engine: Engine) -> None:
    run_id = a_judged_run(engine)
    with writing(engine) as connection:
        connection.execute(update(trackings).where(trackings.c.run_id == run_id).values(tries=5000))
    lease = taken(engine, run_id)

    assert lease.pause_s == 600
    assert tracking_rows.postpone(lease, "away") == 600


def test_a_lease_that_has_run_out_is_anothers_and_its_first_holder_writes_nothing(engine: Engine) -> None:
    run_id = a_judged_run(engine)
    dead, heir = taken(engine, run_id, lease_s=0), taken(engine, run_id)

    assert not tracking_rows.finish(dead, ADDRESS)
    assert tracking_rows.finish(heir, ADDRESS)
    assert tracking(engine, run_id).address == ADDRESS
    assert tracking_rows.due(engine) == []


def test_who_asks_makes_a_run_due_whether_it_was_logged_failed_or_never_was_to_be(engine: Engine) -> None:
    done, failed, silent = (a_judged_run(engine, track=track) for track in (True, True, False))
    assert tracking_rows.finish(taken(engine, done), ADDRESS)
    tracking_rows.postpone(taken(engine, failed), "away")
    for run_id in (done, failed, silent):
        tracking_rows.ask(engine, run_id)

    assert set(tracking_rows.due(engine)) == {done, failed, silent}
    assert tracking(engine, done).address == ADDRESS  # where it was logged before
    assert tracking(engine, failed).error == ""


def test_who_asks_need_not_wait_because_another_run_failed(engine: Engine) -> None:
    failed, put_off = a_judged_run(engine), a_judged_run(engine)
    tracking_rows.postpone(taken(engine, failed), "away")
    tracking_rows.ask(engine, put_off)

    assert tracking_rows.due(engine) == [put_off]


def test_who_asks_for_a_run_that_is_being_logged_disturbs_nobody(engine: Engine) -> None:
    run_id = a_judged_run(engine)
    lease = taken(engine, run_id)
    tracking_rows.ask(engine, run_id)

    assert tracking_rows.take(engine, run_id, lease_s=60) is None
    assert tracking_rows.finish(lease, ADDRESS)
