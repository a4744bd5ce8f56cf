"""Ensemble signals: the latest one of each symbol and date, and the event that some were stored."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, func, select

from bakeoff.domain.event import EventType
from bakeoff.domain.ids_and_times import new_id
from bakeoff.domain.signal import EnsembleSignal, KeptSignal, SignalType
from bakeoff.store.bakeoffs import outbox
from bakeoff.store.database.all_tables import ensemble_signals
from bakeoff.store.database.engine_and_transactions import now, reading, upsert, writing


@dataclass(frozen=True, kw_only=True)
class SignalTally:
    """How many signals of each kind a date has."""

    distribution: Mapping[SignalType, int]
    conflicts: int


def add(
    engine: Engine,
    signals: Sequence[EnsembleSignal],
    *,
    models: Mapping[str, str],
    failed: Sequence[str],
) -> None:
    """Store signals that were generated without a run. `models`: versions of those that answered, by id."""
    with writing(engine) as connection:
        add_within(connection, signals, now(connection), run_id=None, models=models, failed=failed)


def add_within(
    connection: Connection,
    signals: Sequence[EnsembleSignal],
    at: datetime,
    *,
    run_id: str | None,
    models: Mapping[str, str],
    failed: Sequence[str],
) -> None:
    """Adds the rows and their event in the caller's transaction; nothing if there are no signals."""
    if not signals:
        return
    upsert(connection, ensemble_signals, [_to_row(signal, run_id, at) for signal in signals])
    payload = {
        "asOf": signals[0].as_of.isoformat(),
        "models": [{"modelId": model_id, "modelVersion": version} for model_id, version in models.items()],
        "failed": list(failed),
        "symbols": len(signals),
        "conflicts": sum(signal.conflict for signal in signals),
        "distribution": _distribution(signal.signal for signal in signals),
    }
    outbox.add(connection, EventType.SIGNAL_GENERATED, run_id or new_id(), [payload], at)


#: The rank among all signals of a date, whether or not they were generated together.
_RANK = func.row_number().over(
    order_by=(
        ensemble_signals.c.merit.desc(),
        ensemble_signals.c.ensemble_score.desc(),
        ensemble_signals.c.symbol,
    )
)
_RANKED = (
    select(ensemble_signals, _RANK.label("rank"))
    .where(ensemble_signals.c.as_of == bindparam("on", type_=ensemble_signals.c.as_of.type))
    .subquery()
)


def get(engine: Engine, symbol: str, as_of: date) -> KeptSignal | None:
    wanted = select(_RANKED).where(_RANKED.c.symbol == symbol)
    with reading(engine) as connection:
        row = connection.execute(wanted, {"on": as_of}).first()
    return None if row is None else _kept(row)


def latest_date(engine: Engine, symbol: str | None = None) -> date | None:
    """The newest date that has signals; None when there are none."""
    newest = select(func.max(ensemble_signals.c.as_of))
    if symbol is not None:
        newest = newest.where(ensemble_signals.c.symbol == symbol)
    with reading(engine) as connection:
        found: date | None = connection.execute(newest).scalar()
    return found


def page(
    engine: Engine,
    as_of: date,
    *,
    limit: int,
    after: int | None = None,
    signal: SignalType | None = None,
    conflict: bool | None = None,
) -> list[KeptSignal]:
    """Signals, the best first. `after`: the rank of the last one of the page before."""
    wanted = select(_RANKED).order_by(_RANKED.c.rank).limit(limit)
    if signal is not None:
        wanted = wanted.where(_RANKED.c.signal == signal)
    if conflict is not None:
        wanted = wanted.where(_RANKED.c.conflict.is_(conflict))
    if after is not None:
        wanted = wanted.where(_RANKED.c.rank > after)
    with reading(engine) as connection:
        return [_kept(row) for row in connection.execute(wanted, {"on": as_of})]


def tally(engine: Engine, as_of: date) -> SignalTally:
    each = select(ensemble_signals.c.signal, ensemble_signals.c.conflict).where(
        ensemble_signals.c.as_of == as_of
    )
    with reading(engine) as connection:
        rows = connection.execute(each).all()
    return SignalTally(
        distribution=_distribution(SignalType(row.signal) for row in rows),
        conflicts=sum(row.conflict for row in rows),
    )


def tally_of(signals: Sequence[EnsembleSignal]) -> SignalTally:
    return SignalTally(
        distribution=_distribution(signal.signal for signal in signals),
        conflicts=sum(signal.conflict for signal in signals),
    )


def _distribution(signals: Iterable[SignalType]) -> dict[SignalType, int]:
    counts = Counter(signals)
    return {signal: counts[signal] for signal in SignalType}


def _to_row(signal: EnsembleSignal, run_id: str | None, at: datetime) -> dict[str, Any]:
    return {
        "as_of": signal.as_of,
        "symbol": signal.symbol,
        "run_id": run_id,
        "signal": signal.signal,
        "ensemble_score": signal.ensemble_score,
        "model_signals": dict(signal.model_signals),
        "model_confidences": dict(signal.model_confidences),
        "conflict": signal.conflict,
        "conflict_reason": signal.conflict_reason,
        "expected_return": signal.expected_return,
        "merit": signal.merit,
        "generated_at": at,
    }


def _kept(row: Row[Any]) -> KeptSignal:
    signal = EnsembleSignal(
        symbol=row.symbol,
        as_of=row.as_of,
        signal=SignalType(row.signal),
        ensemble_score=row.ensemble_score,
        expected_return=row.expected_return,
        model_signals={model_id: SignalType(signal) for model_id, signal in row.model_signals.items()},
        model_confidences=row.model_confidences,
        conflict_reason=row.conflict_reason,
        rank=row.rank,
    )
    return KeptSignal(signal=signal, run_id=row.run_id, generated_at=row.generated_at)
