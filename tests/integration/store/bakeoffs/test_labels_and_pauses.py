"""Labels of runs, and schedules that are paused."""

from datetime import timedelta

import pytest
from fixtures.values.stored import a_stored_run
from sqlalchemy import Engine, select, update

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.run import RunState
from bakeoff.domain.runs.schedule import Every, Missed, Schedule
from bakeoff.store.bakeoffs import cancellation, delete_old_runs, run_label_rows, run_rows, schedule_slots
from bakeoff.store.database.all_tables import outbox, schedules, verdicts
from bakeoff.store.database.engine_and_transactions import now, reading, writing

OFTEN = Schedule(name="often", rule=Every.parse("1h"), missed=Missed.ALL)


def labels(engine: Engine, run_id: str) -> list[str]:
    return list(run_label_rows.of_runs(engine, [run_id]).get(run_id, []))


def test_a_label_is_kept_once_and_taken_away(engine: Engine) -> None:
    run, _ = a_stored_run(engine)

    assert run_label_rows.add(engine, run.id, " keep ", by="ada")
    assert not run_label_rows.add(engine, run.id, "keep", by="ben")
    assert labels(engine, run.id) == ["keep"]
    assert run_label_rows.remove(engine, run.id, "keep")
    assert not run_label_rows.remove(engine, run.id, "keep")


def test_runs_are_found_by_their_label(engine: Engine) -> None:
    (one, _), (other, _) = a_stored_run(engine), a_stored_run(engine)
    for label in ("keep", "paper"):
        run_label_rows.add(engine, one.id, label, by="ada")
    run_label_rows.add(engine, other.id, "paper", by="ada")

    assert [found.run.id for found in run_rows.page(engine, limit=9, label="keep")] == [one.id]
    assert {found.run.id for found in run_rows.page(engine, limit=9, label="paper")} == {one.id, other.id}
    assert run_rows.page(engine, limit=9, label="nothing") == []


@pytest.mark.parametrize("label", ["", "  ", "x" * 61, "a,b", "a\x1b[31m"])
def test_what_is_no_label_is_refused(engine: Engine, label: str) -> None:
    run, _ = a_stored_run(engine)

    with pytest.raises(InvalidInputError, match=r"is no label: expected 1 to 60 characters"):
        run_label_rows.add(engine, run.id, label, by="ada")


def test_a_run_has_at_most_twenty_labels(engine: Engine) -> None:
    run, _ = a_stored_run(engine)
    for number in range(20):
        run_label_rows.add(engine, run.id, f"l{number}", by="ada")

    with pytest.raises(InvalidInputError, match="20 labels, which is the most"):
        run_label_rows.add(engine, run.id, "another", by="ada")


def test_labels_are_added_and_removed_together_or_not_at_all(engine: Engine) -> None:
    run, _ = a_stored_run(engine)
    assert run_label_rows.add(engine, run.id, "keep", "paper", by="ada")

    with pytest.raises(InvalidInputError, match="is no label"):
        run_label_rows.add(engine, run.id, "new", "a,b", by="ada")
    with pytest.raises(InvalidInputError, match="has 2 of 20 labels, which is the most"):
        run_label_rows.add(engine, run.id, *(f"l{number}" for number in range(19)), by="ada")
    assert not run_label_rows.remove(engine, run.id, "keep", "papre")
    assert labels(engine, run.id) == ["keep", "paper"]

    assert run_label_rows.remove(engine, run.id, "keep", "paper")
    assert labels(engine, run.id) == []


def test_a_run_with_labels_can_be_removed(engine: Engine) -> None:
    run, _ = a_stored_run(engine)
    run_label_rows.add(engine, run.id, "keep", by="ada")
    cancellation.cancel_run(engine, run.id)
    with writing(engine) as connection:
        connection.execute(update(outbox).values(published_at=now(connection)))
        connection.execute(update(verdicts).values(done_at=now(connection)))

    assert run_rows.get(engine, run.id).state is RunState.CANCELLED
    assert delete_old_runs.delete_outdated(engine, timedelta(0)) == 1
    assert labels(engine, run.id) == []


def set_back(engine: Engine, *, hours: int) -> None:
    with writing(engine) as connection:
        connection.execute(update(schedules).values(noted_until=now(connection) - timedelta(hours=hours)))


def test_a_paused_schedule_notes_no_slot_and_says_who_paused_it(engine: Engine) -> None:
    schedule_slots.note(engine, OFTEN)
    assert schedule_slots.pause(engine, "often", by="ada")
    assert not schedule_slots.pause(engine, "often", by="ben")
    set_back(engine, hours=5)

    assert schedule_slots.note(engine, OFTEN) == 0
    assert schedule_slots.paused(engine)["often"].by == "ada"


def test_a_slot_that_was_due_is_not_started_any_more_after_the_pause(engine: Engine) -> None:
    schedule_slots.note(engine, OFTEN)
    set_back(engine, hours=1)
    schedule_slots.note(engine, OFTEN)
    (slot, *_) = schedule_slots.due(
        engine, ["often"]
    )  # seen before the pause by a process that starts it now
    schedule_slots.pause(engine, "often", by="ada")

    assert schedule_slots.take(engine, slot, lease_s=60) is None


def test_after_a_pause_nothing_is_caught_up(engine: Engine) -> None:
    schedule_slots.note(engine, OFTEN)
    set_back(engine, hours=5)
    assert schedule_slots.note(engine, OFTEN) == 5  # due, and open, when it is paused
    schedule_slots.pause(engine, "often", by="ada")

    assert schedule_slots.resume(engine, OFTEN)
    assert not schedule_slots.resume(engine, OFTEN)

    assert schedule_slots.paused(engine) == {}
    assert schedule_slots.due(engine, ["often"]) == []
    with reading(engine) as connection:
        noted_until, at = connection.execute(select(schedules.c.noted_until)).scalar_one(), now(connection)
    assert at - noted_until < timedelta(minutes=1)  # so the next slot is the first one after the pause
