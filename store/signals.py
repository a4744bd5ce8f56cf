"""What signal models said, by the fingerprint of all that it depends on, and what the ensemble made of it."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from domain.ensemble import combine
from domain.event import EventType
from domain.job import Job, JobState
from domain.run import Run
from domain.signal import EnsembleSignal, ModelOutput, SignalType
from store import outbox
from store.engine import reading
from store.rows import job_from_row
from store.tables import ensemble_signals, jobs, model_signals

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


def close(connection: Connection, run: Run, at: datetime) -> None:
    """Part of the transaction that ends a run of signals: combine, keep, and tell."""
    if run.signals is None or not run.signals.persist:
        return
    order, asked = run.signals, _jobs_of(connection, run)
    answers = _answers(connection, run, asked)
    signals = combine(answers, as_of=order.as_of, weights=order.weights, rules=order.rules)
    if signals:
        keep(connection, run.id, signals, at, told=_models(asked))


def keep(
    connection: Connection,
    run_id: str,
    signals: Sequence[EnsembleSignal],
    at: datetime,
    *,
    told: Mapping[str, Any],
) -> None:
    """The last word on each symbol and date; and the event that says so."""
    _upsert(connection, ensemble_signals, [_to_row(signal, run_id, at) for signal in signals])
    outbox.add(connection, EventType.SIGNAL_GENERATED, run_id, [_summary(signals) | dict(told)], at)


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


def _models(asked: Iterable[Job]) -> dict[str, Any]:
    done = [job for job in asked if job.state is JobState.COMPLETED]
    return {
        "models": [{"modelId": job.candidate.id, "modelVersion": job.candidate.version} for job in done],
        "failed": [job.candidate.id for job in asked if job not in done],
    }


def _summary(signals: Sequence[EnsembleSignal]) -> dict[str, Any]:
    counts = Counter(signal.signal for signal in signals)
    return {
        "asOf": signals[0].as_of.isoformat(),
        "symbols": len(signals),
        "conflicts": sum(signal.conflict for signal in signals),
        "distribution": {kind: counts[kind] for kind in SignalType},
    }


def _to_row(signal: EnsembleSignal, run_id: str, at: datetime) -> dict[str, Any]:
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
