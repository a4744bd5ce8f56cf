import pytest
from fixtures.values.samples import NOON, a_result
from fixtures.values.stored import a_stored_run, claim, judge_all
from sqlalchemy import Engine, insert

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.event import EventType
from bakeoff.domain.ids_and_times import new_id
from bakeoff.store.bakeoffs import leased_jobs, outbox
from bakeoff.store.bakeoffs.row_mapping import result_to_row
from bakeoff.store.database import all_tables
from bakeoff.store.database.engine_and_transactions import writing


def _tell(engine: Engine, *names: str) -> None:
    with writing(engine) as connection:
        outbox.add(connection, EventType.RUN_COMPLETED, new_id(), [{"name": name} for name in names], NOON)


def _pending(engine: Engine, limit: int = 100) -> list[str]:
    return [pending.event.payload["name"] for pending in outbox.pending(engine, limit=limit)]


def test_events_wait_in_the_order_in_which_they_happened(engine: Engine) -> None:
    _tell(engine, "first", "second")
    _tell(engine, "third")

    positions = [pending.position for pending in outbox.pending(engine, limit=100)]

    assert _pending(engine) == ["first", "second", "third"]
    assert _pending(engine, limit=2) == ["first", "second"]
    assert positions == sorted(set(positions))


def test_what_is_published_waits_no_more(engine: Engine) -> None:
    _tell(engine, "first", "second", "third")
    waiting = outbox.pending(engine, limit=100)

    outbox.mark_published(engine, [waiting[0].position, waiting[2].position])

    assert _pending(engine) == ["second"]


def test_an_event_keeps_its_id_until_it_is_published(engine: Engine) -> None:
    _tell(engine, "first")

    [once] = outbox.pending(engine, limit=1)
    [again] = outbox.pending(engine, limit=1)

    assert once == again
    assert once.event.occurred_at == NOON
    assert len(once.event.id) == 36


def test_positions_are_not_used_again(engine: Engine) -> None:
    _tell(engine, "first")
    [first] = outbox.pending(engine, limit=1)
    with writing(engine) as connection:
        connection.execute(all_tables.outbox.delete())

    _tell(engine, "second")
    [second] = outbox.pending(engine, limit=1)

    assert second.position > first.position


def test_nothing_is_told_and_nothing_is_marked_for_nothing(engine: Engine) -> None:
    _tell(engine)
    outbox.mark_published(engine, [])

    assert _pending(engine) == []


def test_a_change_that_cannot_be_committed_is_not_told(engine: Engine) -> None:
    """The result is refused, as there is one already: the job goes on and nobody hears of an end."""
    _, [job] = a_stored_run(engine)
    taken = claim(engine, job)
    with writing(engine) as connection:
        connection.execute(insert(all_tables.results), result_to_row(a_result(job)))
    before = [pending.event.type for pending in outbox.pending(engine, limit=100)]

    with pytest.raises(InfrastructureError):
        leased_jobs.complete(engine, taken.lease, a_result(job))

    assert [pending.event.type for pending in outbox.pending(engine, limit=100)] == before
    assert leased_jobs.renew(engine, taken.lease, lease_s=60)


def test_the_events_of_a_run_are_read_from_a_position_on_published_or_not(engine: Engine) -> None:
    run, (first, second) = a_stored_run(engine, 2)
    a_stored_run(engine, 1, priority=-1)
    for job in (first, second):
        leased_jobs.complete(engine, claim(engine, job).lease, a_result(job))
    judge_all(engine)
    outbox.mark_published(engine, [outbox.pending(engine, limit=1)[0].position])

    told = outbox.of_run(engine, run.id, after=0, limit=10)
    rest = outbox.of_run(engine, run.id, after=told[1].position, limit=2)

    assert [pending.event.type for pending in told] == [
        "evaluation.started",
        "evaluation.completed",
        "evaluation.started",
        "evaluation.completed",
        "run.completed",
    ]
    assert rest == told[2:4]
    assert outbox.of_run(engine, run.id, after=told[-1].position, limit=10) == []
