"""What models said, what the ensemble made of it when their run ended, and how it is read."""

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from fixtures.values.events import misfits
from fixtures.values.samples import NOON, a_job, a_result, a_run, a_signal
from fixtures.values.stored import an_error, claim
from sqlalchemy import Engine, text

from bakeoff.domain.errors import InfrastructureError
from bakeoff.domain.event import Event
from bakeoff.domain.runs.job import Job, JobKind
from bakeoff.domain.runs.run import Run
from bakeoff.domain.signal import (
    EnsembleRules,
    EnsembleSignal,
    ModelOutput,
    SignalJobInputs,
    SignalOrder,
    SignalType,
    Strategy,
)
from bakeoff.store.bakeoffs import cancellation, leased_jobs, outbox, run_rows
from bakeoff.store.database.engine_and_transactions import writing
from bakeoff.store.signals import ensemble_signals
from bakeoff.store.signals import stored_answers_of_signal_models as signals

FRIDAY = date(2026, 11, 20)
MONDAY = FRIDAY + timedelta(days=3)
BUY, HOLD, SELL = SignalType.BUY, SignalType.HOLD, SignalType.SELL


def says(symbol: str, signal: SignalType, confidence: float = 0.7, expected: float = 0.1) -> ModelOutput:
    return ModelOutput(symbol, signal, confidence, expected, rank=1, metadata={"why": ["momentum", 3]})


def an_order(**changed: Any) -> SignalOrder:
    plain: dict[str, Any] = {
        "symbols": ("AAA", "BBB"),
        "as_of": FRIDAY,
        "weights": {"m0": 0.6, "m1": 0.4, "m2": 1.0},
        "rules": EnsembleRules(),
    }
    return SignalOrder(**plain | changed)


def a_stored_run(engine: Engine, models: int = 2, **ordered: Any) -> tuple[Run, list[Job]]:
    run = a_run(signals=an_order(**ordered))
    asked = [
        a_job(run, place, kind=JobKind.SIGNALS, signal_inputs=SignalJobInputs(fingerprint=f"under-{place}"))
        for place in range(models)
    ]
    assert run_rows.create(engine, run, asked)
    return run, asked


def answer(engine: Engine, job: Job, *said: ModelOutput, fingerprint: str | None = None) -> None:
    assert job.signal_inputs is not None
    taken = claim(engine, job)
    assert taken.run.signals is not None
    result = a_result(job, metrics={"signals": len(said), "known": 0})
    also_write = signals.write_at_end(
        result,
        said,
        as_of=taken.run.signals.as_of,
        signal_inputs=SignalJobInputs(fingerprint=fingerprint or job.signal_inputs.fingerprint),
    )
    assert leased_jobs.complete(engine, taken.lease, result, also_write=also_write)


def keep_said(
    engine: Engine, model_id: str, fingerprint: str, *said: ModelOutput, as_of: date = FRIDAY
) -> None:
    with writing(engine) as connection:
        signals.write_answers(
            connection,
            model_id=model_id,
            model_version="1.0",
            fingerprint=fingerprint,
            as_of=as_of,
            answers=said,
            at=NOON,
        )


def told(engine: Engine) -> list[Event]:
    return [pending.event for pending in outbox.pending(engine, limit=1000)]


def store(engine: Engine, *kept: EnsembleSignal) -> None:
    ensemble_signals.add(engine, kept, models={"m0": "1.0", "m1": "1.0"}, failed=())


def symbols(kept: list[Any]) -> list[str]:
    return [one.signal.symbol for one in kept]


def test_what_a_model_said_is_read_under_its_fingerprint_and_for_its_date_alone(engine: Engine) -> None:
    for fingerprint, as_of, confidence in (("one", FRIDAY, 0.7), ("one", MONDAY, 0.8), ("two", FRIDAY, 0.9)):
        said = [says("AAA", BUY, confidence), says("BBB", HOLD, confidence)]
        keep_said(engine, "m0", fingerprint, *said, as_of=as_of)

    found = signals.known_answers(
        engine, model_id="m0", fingerprint="one", as_of=FRIDAY, symbols=["AAA", "CCC"]
    )

    assert found == {"AAA": says("AAA", BUY, 0.7)}
    assert (
        signals.known_answers(engine, model_id="m1", fingerprint="one", as_of=FRIDAY, symbols=["AAA"]) == {}
    )


def test_what_is_said_again_under_the_same_fingerprint_takes_the_place_of_what_was_said(
    engine: Engine,
) -> None:
    for confidence in (0.6, 0.9):
        keep_said(engine, "m0", "one", says("AAA", BUY, confidence))

    found = signals.known_answers(engine, model_id="m0", fingerprint="one", as_of=FRIDAY, symbols=["AAA"])

    assert found == {"AAA": says("AAA", BUY, 0.9)}


def test_whoever_ends_the_last_job_of_a_run_keeps_its_ensemble_and_tells_of_it(engine: Engine) -> None:
    run, (first, second) = a_stored_run(engine)
    answer(engine, first, says("AAA", BUY, 0.8), says("BBB", BUY, 0.7))

    assert ensemble_signals.latest_date(engine) is None
    answer(engine, second, says("AAA", BUY, 0.7), says("BBB", SELL, 0.6))

    agreed = ensemble_signals.get(engine, "AAA", FRIDAY)
    assert agreed is not None
    assert agreed.run_id == run.id
    assert agreed.signal == EnsembleSignal(
        symbol="AAA",
        as_of=FRIDAY,
        signal=BUY,
        ensemble_score=0.76,
        expected_return=pytest.approx(0.1),
        model_signals={"m0": BUY, "m1": BUY},
        model_confidences={"m0": 0.8, "m1": 0.7},
        conflict_reason=None,
        rank=1,
    )
    assert (agreed.signal.confidence, agreed.signal.conflict) == (0.76, False)
    assert (agreed.signal.signals_agree, agreed.signal.models_contributing) == (True, ("m0", "m1"))
    at_odds = ensemble_signals.get(engine, "BBB", FRIDAY)
    assert at_odds is not None
    assert (at_odds.signal.signal, at_odds.signal.conflict_reason) == (HOLD, "m0=BUY, m1=SELL")
    assert [event.type for event in told(engine)][-3:] == [
        "evaluation.completed",
        "SIGNAL_GENERATED",
        "run.completed",
    ]
    assert told(engine)[-2].run_id == run.id
    assert misfits(told(engine)) == []
    assert told(engine)[-2].payload == {
        "asOf": "2026-11-20",
        "models": [{"modelId": "m0", "modelVersion": "1.0"}, {"modelId": "m1", "modelVersion": "1.0"}],
        "failed": [],
        "symbols": 2,
        "conflicts": 1,
        "distribution": {"STRONG_BUY": 0, "BUY": 1, "HOLD": 1, "SELL": 0, "STRONG_SELL": 0},
    }


def test_a_run_combines_its_own_answers_whatever_others_say_meanwhile(engine: Engine) -> None:
    _, (first, second) = a_stored_run(engine)
    answer(engine, first, says("AAA", BUY), fingerprint="as-it-turned-out")
    keep_said(engine, "m0", "another", says("AAA", SELL))
    answer(engine, second, says("AAA", BUY))

    kept = ensemble_signals.get(engine, "AAA", FRIDAY)

    assert kept is not None
    assert kept.signal.model_signals == {"m0": BUY, "m1": BUY}


def test_who_has_lost_the_lease_keeps_nothing_of_what_it_heard(engine: Engine) -> None:
    run, [first, second] = a_stored_run(engine)
    ghost = claim(engine, first).lease
    leased_jobs.release(engine, ghost)
    answer(engine, first, says("AAA", SELL))

    also_write = signals.write_at_end(
        a_result(first),
        [says("AAA", BUY), says("BBB", BUY)],
        as_of=FRIDAY,
        signal_inputs=SignalJobInputs(fingerprint="another"),
    )
    kept = leased_jobs.complete(engine, ghost, a_result(first), also_write=also_write)
    answer(engine, second, says("AAA", SELL))

    assert not kept
    assert signals.answers_of_run(engine, run) == {"m0": (says("AAA", SELL),), "m1": (says("AAA", SELL),)}
    assert [str(event.type) for event in told(engine)].count("SIGNAL_GENERATED") == 1


def test_what_was_said_under_other_conditions_than_foreseen_is_kept_under_those(engine: Engine) -> None:
    run, [job] = a_stored_run(engine, models=1)
    answer(engine, job, says("AAA", BUY), fingerprint="what it was indeed")

    assert signals.answers_of_run(engine, run) == {"m0": (says("AAA", BUY),)}
    assert (
        signals.known_answers(engine, model_id="m0", fingerprint="under-0", as_of=FRIDAY, symbols=["AAA"])
        == {}
    )


def test_one_that_fails_leaves_the_others_their_ensemble(engine: Engine) -> None:
    _, (first, second, third) = a_stored_run(engine, models=3)
    keep_said(engine, "m2", "under-2", says("AAA", SELL))
    answer(engine, first, says("AAA", BUY, 0.8))
    leased_jobs.fail(engine, claim(engine, third).lease, an_error())
    answer(engine, second, says("AAA", BUY, 0.6))

    kept = ensemble_signals.get(engine, "AAA", FRIDAY)

    assert kept is not None
    assert kept.signal.ensemble_score == pytest.approx(0.6 * 0.8 + 0.4 * 0.6)
    assert kept.signal.models_contributing == ("m0", "m1")
    assert told(engine)[-2].payload["failed"] == ["m2"]


def test_what_fewer_than_two_answered_for_is_no_signal_and_no_event(engine: Engine) -> None:
    _, (first, second) = a_stored_run(engine)
    answer(engine, first, says("AAA", BUY))
    leased_jobs.fail(engine, claim(engine, second).lease, an_error())

    assert ensemble_signals.latest_date(engine) is None
    assert [event.type for event in told(engine)][-2:] == ["evaluation.failed", "run.completed"]


def test_a_run_that_is_not_to_keep_its_ensemble_keeps_what_its_models_said(engine: Engine) -> None:
    run, (first, second) = a_stored_run(engine, persist=False)
    answer(engine, first, says("AAA", BUY))
    answer(engine, second, says("AAA", HOLD))

    assert ensemble_signals.latest_date(engine) is None
    assert "SIGNAL_GENERATED" not in [event.type for event in told(engine)]
    assert signals.answers_of_run(engine, run) == {"m0": (says("AAA", BUY),), "m1": (says("AAA", HOLD),)}


def test_a_run_that_somebody_stopped_leaves_no_ensemble(engine: Engine) -> None:
    run, (first, second, _) = a_stored_run(engine, models=3)
    answer(engine, first, says("AAA", BUY))
    answer(engine, second, says("AAA", BUY))

    cancellation.cancel_run(engine, run.id)

    assert run_rows.get(engine, run.id).state == "cancelled"
    assert ensemble_signals.latest_date(engine) is None


def test_the_rules_of_the_order_decide_and_not_those_of_today(engine: Engine) -> None:
    rules = EnsembleRules(conflict_strategy=Strategy.CONFIDENCE_BASED, flag_conflicts=False)
    _, (first, second) = a_stored_run(engine, rules=rules)
    answer(engine, first, says("AAA", BUY, 0.9))
    answer(engine, second, says("AAA", SELL, 0.9))

    kept = ensemble_signals.get(engine, "AAA", FRIDAY)

    assert kept is not None
    assert (kept.signal.signal, kept.signal.conflict) == ("STRONG_BUY", False)


def test_the_last_word_on_a_symbol_and_date_wins(engine: Engine) -> None:
    store(engine, a_signal("AAA", signal=BUY), a_signal("BBB", 2))
    store(engine, a_signal("AAA", as_of=MONDAY))
    store(engine, a_signal("AAA", signal=SELL, conflict_reason="m0=BUY, m1=SELL"))

    last = ensemble_signals.get(engine, "AAA", FRIDAY)

    assert last is not None
    assert last.signal == a_signal("AAA", signal=SELL, conflict_reason="m0=BUY, m1=SELL")
    assert symbols(ensemble_signals.page(engine, FRIDAY, limit=10)) == ["AAA", "BBB"]
    assert symbols(ensemble_signals.page(engine, MONDAY, limit=10)) == ["AAA"]
    assert ensemble_signals.get(engine, "BBB", MONDAY) is None
    assert (
        ensemble_signals.latest_date(engine),
        ensemble_signals.latest_date(engine, "BBB"),
        ensemble_signals.latest_date(engine, "CCC"),
    ) == (
        MONDAY,
        FRIDAY,
        None,
    )


def test_two_that_write_the_same_symbols_at_once_both_get_through(engine: Engine) -> None:
    forth = [a_signal(f"S{number:03}", number + 1) for number in range(200)]
    ends: list[BaseException | None] = []

    def write(kept: list[EnsembleSignal]) -> None:
        try:
            for _ in range(5):
                store(engine, *kept)
            ends.append(None)
        except BaseException as exc:  # noqa: BLE001 - it is looked at below
            ends.append(exc)

    writers = [threading.Thread(target=write, args=(kept,)) for kept in (forth, forth[::-1])]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert ends == [None, None]
    assert len(ensemble_signals.page(engine, FRIDAY, limit=1000)) == 200


def test_what_a_process_generates_by_itself_is_told_with_an_id_of_its_own(engine: Engine) -> None:
    store(engine, a_signal("AAA"))

    kept = ensemble_signals.get(engine, "AAA", FRIDAY)
    [event] = told(engine)

    assert kept is not None
    assert (kept.run_id, event.type, len(event.run_id)) == (None, "SIGNAL_GENERATED", 36)
    ensemble_signals.add(engine, (), models={}, failed=["m0"])
    assert len(told(engine)) == 1


def test_pages_begin_where_the_one_before_ended_the_best_first(engine: Engine) -> None:
    store(
        engine,
        *(a_signal(symbol, rank) for symbol, rank in (("D", 1), ("B", 2), ("C", 2), ("A", 3), ("E", 10))),
    )

    first = ensemble_signals.page(engine, FRIDAY, limit=2)
    second = ensemble_signals.page(engine, FRIDAY, limit=2, after=2)
    last = ensemble_signals.page(engine, FRIDAY, limit=2, after=4)

    assert [symbols(page) for page in (first, second, last)] == [["D", "B"], ["C", "A"], ["E"]]
    assert ensemble_signals.page(engine, MONDAY, limit=2) == []


def test_ranks_are_those_of_the_date_whatever_was_generated_together(engine: Engine) -> None:
    store(engine, a_signal("A", 1), a_signal("B", 2), a_signal("C", 3))
    store(engine, a_signal("B", 1, expected_return=-0.5), a_signal("D", 2, expected_return=0.98))

    kept = ensemble_signals.page(engine, FRIDAY, limit=9)
    bad = ensemble_signals.get(engine, "B", FRIDAY)

    assert [(one.signal.rank, one.signal.symbol) for one in kept] == [(1, "A"), (2, "D"), (3, "C"), (4, "B")]
    assert bad is not None
    assert bad.signal.rank == 4


def test_pages_can_be_of_one_signal_of_conflicts_or_of_neither(engine: Engine) -> None:
    at_odds = {"signal": HOLD, "conflict_reason": "m0=BUY, m1=SELL"}
    store(
        engine,
        a_signal("A", 1),
        a_signal("B", 2, signal=HOLD),
        a_signal("C", 3, **at_odds),
        a_signal("D", 4, signal=SELL),
    )

    assert symbols(ensemble_signals.page(engine, FRIDAY, limit=9, signal=HOLD)) == ["B", "C"]
    assert symbols(ensemble_signals.page(engine, FRIDAY, limit=9, conflict=True)) == ["C"]
    assert symbols(ensemble_signals.page(engine, FRIDAY, limit=9, signal=HOLD, conflict=False)) == ["B"]
    assert ensemble_signals.tally(engine, FRIDAY) == ensemble_signals.SignalTally(
        distribution={"STRONG_BUY": 0, "BUY": 1, "HOLD": 2, "SELL": 1, "STRONG_SELL": 0}, conflicts=1
    )


@pytest.mark.parametrize(
    "change",
    [
        "signal = 'MAYBE'",
        "ensemble_score = 1.5",
        "ensemble_score = -0.1",
        "conflict_reason = 'a=BUY, b=SELL'",
    ],
)
def test_what_is_no_signal_of_an_ensemble_cannot_be_written(engine: Engine, change: str) -> None:
    store(engine, a_signal("AAA"))

    with pytest.raises(InfrastructureError, match=r"(?i)check constraint"), writing(engine) as connection:
        connection.execute(text(f"UPDATE ensemble_signals SET {change}"))
