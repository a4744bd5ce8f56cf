"""What signal models said, by the fingerprint of all that it depends on, and what becomes of it."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, select

from bakeoff.domain.ensemble import combine
from bakeoff.domain.job import Job, JobState
from bakeoff.domain.run import Run
from bakeoff.domain.signal import EnsembleSignal, ModelOutput, SignalOrder, SignalType
from bakeoff.store.bakeoffs.row_mapping import job_from_row
from bakeoff.store.database.engine import reading, upsert
from bakeoff.store.database.tables import jobs, model_signals
from bakeoff.store.signals import ensemble_signals

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
    upsert(
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
        ensemble_signals.write(connection, signals, run.id, at)
        ensemble_signals.tell(
            connection, run.id, signals, at, models=_completed(asked), failed=_failed(asked)
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
