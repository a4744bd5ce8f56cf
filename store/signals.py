"""What signal models said, by the fingerprint of all that it depends on, and what the ensemble made of it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, bindparam, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from domain.ensemble import combine
from domain.event import EventType
from domain.identity import new_id
from domain.job import Job, JobState
from domain.run import Run
from domain.signal import EnsembleSignal, KeptSignal, ModelOutput, SignalOrder, SignalType
from store import outbox
from store.engine import now, reading, writing
from store.rows import job_from_row
from store.tables import ensemble_signals, jobs, model_signals


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What all the signals of a date come to."""

    distribution: Mapping[SignalType, int]
    conflicts: int


_SAID = select(model_signals).where(
    model_signals.c.model_id == bindparam("model"),
    model_signals.c.fingerprint == bindparam("under"),
    model_signals.c.as_of == bindparam("on"),
)
_JOBS = select(jobs).where(jobs.c.run_id == bindparam("run")).order_by(jobs.c.position)


def said(
    engine: Engine, *, model_id: str, fingerprint: str, as_of: date, symbols: Collection[str]
) -> dict[str, ModelOutput]:
    """By symbol: what is known already, and need not be asked for again."""
    with reading(engine) as connection:
        return _said(connection, model_id, fingerprint, as_of, symbols)


def keep_said(
    connection: Connection,
    *,
    model_id: str,
    model_version: str,
    fingerprint: str,
    as_of: date,
    answers: Iterable[ModelOutput],
    at: datetime,
) -> None:
    """Part of the transaction that ends a job; what was known under the same fingerprint is written over."""
    known = {"model_id": model_id, "model_version": model_version, "fingerprint": fingerprint, "as_of": as_of}
    _upsert(
        connection,
        model_signals,
        [
            {
                **known,
                "symbol": answer.symbol,
                "signal": answer.signal,
                "confidence": answer.confidence,
                "expected_return": answer.expected_return,
                "rank": answer.rank,
                "metadata": dict(answer.metadata),
                "generated_at": at,
            }
            for answer in answers
        ],
    )


def answers_of_run(engine: Engine, run: Run) -> dict[str, tuple[ModelOutput, ...]]:
    """By model: what those of its jobs that completed had to say."""
    with reading(engine) as connection:
        return _answers(connection, run, _jobs_of(connection, run))


def ensemble_of_run(engine: Engine, run: Run) -> tuple[EnsembleSignal, ...]:
    """What its models come to, whatever was made of the same symbols since."""
    if run.signals is None:
        return ()
    return _combined(run.signals, answers_of_run(engine, run))


def close(connection: Connection, run: Run, at: datetime) -> None:
    """Part of the transaction that ends a run of signals: combine, keep, and tell."""
    if run.signals is None or not run.signals.persist:
        return
    asked = _jobs_of(connection, run)
    signals = _combined(run.signals, _answers(connection, run, asked))
    if signals:
        _keep(connection, signals, run.id, at)
        _tell(connection, run.id, signals, at, models=_completed(asked), failed=_failed(asked))


def keep(
    engine: Engine,
    signals: Sequence[EnsembleSignal],
    *,
    models: Mapping[str, str],
    failed: Sequence[str],
) -> None:
    """What was generated without a run. `models`: the versions of those that answered, by id."""
    if signals:
        with writing(engine) as connection:
            at = now(connection)
            _keep(connection, signals, None, at)
            _tell(connection, new_id(), signals, at, models=models, failed=failed)


def get(engine: Engine, symbol: str, as_of: date) -> KeptSignal | None:
    wanted = select(ensemble_signals).where(
        ensemble_signals.c.as_of == as_of, ensemble_signals.c.symbol == symbol
    )
    with reading(engine) as connection:
        row = connection.execute(wanted).first()
    return None if row is None else _kept(row)


def latest(engine: Engine, symbol: str | None = None) -> date | None:
    """The newest date that there are signals of; None when there are none."""
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
    after: tuple[int, str] | None = None,
    signal: SignalType | None = None,
    conflict: bool | None = None,
) -> list[KeptSignal]:
    """The best first. `after`: rank and symbol of the last one of the page before."""
    place = (ensemble_signals.c.rank, ensemble_signals.c.symbol)
    wanted = select(ensemble_signals).where(ensemble_signals.c.as_of == as_of).order_by(*place).limit(limit)
    if signal is not None:
        wanted = wanted.where(ensemble_signals.c.signal == signal)
    if conflict is not None:
        wanted = wanted.where(ensemble_signals.c.conflict.is_(conflict))
    if after is not None:
        wanted = wanted.where(tuple_(*place) > tuple_(*map(literal, after)))
    with reading(engine) as connection:
        return [_kept(row) for row in connection.execute(wanted)]


def tally(engine: Engine, as_of: date) -> Tally:
    each = select(ensemble_signals.c.signal, ensemble_signals.c.conflict).where(
        ensemble_signals.c.as_of == as_of
    )
    with reading(engine) as connection:
        rows = connection.execute(each).all()
    return Tally(
        distribution=_distribution(SignalType(row.signal) for row in rows),
        conflicts=sum(row.conflict for row in rows),
    )


def _combined(order: SignalOrder, answers: Mapping[str, Iterable[ModelOutput]]) -> tuple[EnsembleSignal, ...]:
    return combine(answers, as_of=order.as_of, weights=order.weights, rules=order.rules)


def _jobs_of(connection: Connection, run: Run) -> list[Job]:
    return [job_from_row(row) for row in connection.execute(_JOBS, {"run": run.id})]


def _answers(connection: Connection, run: Run, asked: Iterable[Job]) -> dict[str, tuple[ModelOutput, ...]]:
    order = run.signals
    if order is None:
        return {}
    return {
        job.candidate.id: tuple(
            _said(
                connection, job.candidate.id, job.commission.fingerprint, order.as_of, order.symbols
            ).values()
        )
        for job in asked
        if job.state is JobState.COMPLETED and job.commission is not None
    }


def _said(
    connection: Connection, model_id: str, fingerprint: str, as_of: date, symbols: Collection[str]
) -> dict[str, ModelOutput]:
    wanted = frozenset(symbols)
    rows = connection.execute(_SAID, {"model": model_id, "under": fingerprint, "on": as_of})
    return {row.symbol: _output(row) for row in rows if row.symbol in wanted}


def _output(row: Row[Any]) -> ModelOutput:
    return ModelOutput(
        symbol=row.symbol,
        signal=SignalType(row.signal),
        confidence=row.confidence,
        expected_return=row.expected_return,
        rank=row.rank,
        metadata=row.metadata,
    )


def _completed(asked: Iterable[Job]) -> dict[str, str]:
    return {job.candidate.id: job.candidate.version for job in asked if job.state is JobState.COMPLETED}


def _failed(asked: Iterable[Job]) -> list[str]:
    return [job.candidate.id for job in asked if job.state is not JobState.COMPLETED]


def _tell(
    connection: Connection,
    run_id: str,
    signals: Sequence[EnsembleSignal],
    at: datetime,
    *,
    models: Mapping[str, str],
    failed: Sequence[str],
) -> None:
    told = {
        "asOf": signals[0].as_of.isoformat(),
        "models": [{"modelId": model_id, "modelVersion": version} for model_id, version in models.items()],
        "failed": list(failed),
        "symbols": len(signals),
        "conflicts": sum(signal.conflict for signal in signals),
        "distribution": _distribution(signal.signal for signal in signals),
    }
    outbox.add(connection, EventType.SIGNAL_GENERATED, run_id, [told], at)


def _distribution(signals: Iterable[SignalType]) -> dict[SignalType, int]:
    counts = Counter(signals)
    return {signal: counts[signal] for signal in SignalType}


def _keep(
    connection: Connection, signals: Iterable[EnsembleSignal], run_id: str | None, at: datetime
) -> None:
    _upsert(connection, ensemble_signals, [_to_row(signal, run_id, at) for signal in signals])


def _to_row(signal: EnsembleSignal, run_id: str | None, at: datetime) -> dict[str, Any]:
    return {
        "as_of": signal.as_of,
        "symbol": signal.symbol,
        "run_id": run_id,
        "signal": signal.signal,
        "ensemble_score": signal.ensemble_score,
        "confidence": signal.confidence,
        "model_signals": dict(signal.model_signals),
        "model_confidences": dict(signal.model_confidences),
        "conflict": signal.conflict,
        "conflict_reason": signal.conflict_reason,
        "signals_agree": signal.signals_agree,
        "rank": signal.rank,
        "models_contributing": list(signal.models_contributing),
        "generated_at": at,
    }


def _kept(row: Row[Any]) -> KeptSignal:
    signal = EnsembleSignal(
        symbol=row.symbol,
        as_of=row.as_of,
        signal=SignalType(row.signal),
        ensemble_score=row.ensemble_score,
        confidence=row.confidence,
        model_signals={model_id: SignalType(said) for model_id, said in row.model_signals.items()},
        model_confidences=row.model_confidences,
        conflict=row.conflict,
        conflict_reason=row.conflict_reason,
        signals_agree=row.signals_agree,
        rank=row.rank,
        models_contributing=tuple(row.models_contributing),
    )
    return KeptSignal(signal=signal, run_id=row.run_id, generated_at=row.generated_at)


def _upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """In the order of the keys: two that write the same rows wait for each other, and not in a circle."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    changed = {column.name: column for column in statement.excluded if column.name not in keys}
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changed),
        sorted(rows, key=lambda row: [row[key] for key in keys]),
    )
