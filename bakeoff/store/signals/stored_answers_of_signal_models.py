"""The answers of signal models, by the fingerprint of all that they depend on, and the ensemble of a run."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, bindparam, select, update

from bakeoff.domain.ensemble import combine
from bakeoff.domain.runs.job import Job, JobState
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.run import Run
from bakeoff.domain.signal import EnsembleSignal, ModelOutput, SignalJobInputs, SignalOrder, SignalType
from bakeoff.store.bakeoffs.row_mapping import job_from_row
from bakeoff.store.database.all_tables import jobs, model_signals
from bakeoff.store.database.engine_and_transactions import reading, upsert
from bakeoff.store.signals import ensemble_signals

_KNOWN = select(model_signals).where(
    model_signals.c.model_id == bindparam("model"),
    model_signals.c.fingerprint == bindparam("under"),
    model_signals.c.as_of == bindparam("on"),
)
_JOBS = select(jobs).where(jobs.c.run_id == bindparam("run")).order_by(jobs.c.position)
# No `values`: the SET comes from the execution parameters, which are `signal_inputs` alone.
_SET_INPUTS = update(jobs).where(jobs.c.id == bindparam("job"))


def known_answers(
    engine: Engine, *, model_id: str, fingerprint: str, as_of: date, symbols: Collection[str]
) -> dict[str, ModelOutput]:
    """The stored answers by symbol, which the model need not predict again."""
    with reading(engine) as connection:
        return _known(connection, model_id, fingerprint, as_of, symbols)


def write_answers(
    connection: Connection,
    *,
    model_id: str,
    model_version: str,
    fingerprint: str,
    as_of: date,
    answers: Iterable[ModelOutput],
    at: datetime,
) -> None:
    """Writes answers in the caller's transaction; those under the same fingerprint are overwritten."""
    key = {"model_id": model_id, "model_version": model_version, "fingerprint": fingerprint, "as_of": as_of}
    upsert(
        connection,
        model_signals,
        [
            {
                **key,
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


def write_at_end(
    result: Result, answers: Sequence[ModelOutput], *, as_of: date, signal_inputs: SignalJobInputs
) -> Callable[[Connection, datetime], None]:
    """What is written beside the result when a job of signals ends; for `leases.complete`.

    The fingerprint of `signal_inputs` is the final one: only now it is known what the answers depend on.
    """

    def write(connection: Connection, at: datetime) -> None:
        connection.execute(_SET_INPUTS, {"job": result.evaluation_id, "commission": signal_inputs.to_json()})
        write_answers(
            connection,
            model_id=result.model_id,
            model_version=result.model_version,
            fingerprint=signal_inputs.fingerprint,
            as_of=as_of,
            answers=answers,
            at=at,
        )

    return write


def answers_of_run(engine: Engine, run: Run) -> dict[str, tuple[ModelOutput, ...]]:
    """The answers of the completed jobs of a run, by model."""
    with reading(engine) as connection:
        return _answers(connection, run, _jobs_of(connection, run))


def ensemble_of_run(engine: Engine, run: Run) -> tuple[EnsembleSignal, ...]:
    """The ensemble of this run's answers, whatever other runs have stored for the same symbols since."""
    if run.signals is None:
        return ()
    return _combined(run.signals, answers_of_run(engine, run))


def write_ensemble(connection: Connection, run: Run, at: datetime) -> None:
    """Called in the transaction that ends a run of signals: stores the ensemble and adds its event."""
    if run.signals is None or not run.signals.persist:
        return
    all_jobs = _jobs_of(connection, run)
    completed = [job.candidate for job in all_jobs if job.state is JobState.COMPLETED]
    ensemble_signals.add_within(
        connection,
        _combined(run.signals, _answers(connection, run, all_jobs)),
        at,
        run_id=run.id,
        models={candidate.id: candidate.version for candidate in completed},
        failed=[job.candidate.id for job in all_jobs if job.state is not JobState.COMPLETED],
    )


def _combined(order: SignalOrder, answers: Mapping[str, Iterable[ModelOutput]]) -> tuple[EnsembleSignal, ...]:
    return combine(answers, as_of=order.as_of, weights=order.weights, rules=order.rules)


def _jobs_of(connection: Connection, run: Run) -> list[Job]:
    return [job_from_row(row) for row in connection.execute(_JOBS, {"run": run.id})]


def _answers(connection: Connection, run: Run, run_jobs: Iterable[Job]) -> dict[str, tuple[ModelOutput, ...]]:
    order = run.signals
    if order is None:
        return {}
    return {
        job.candidate.id: tuple(
            _known(
                connection, job.candidate.id, job.signal_inputs.fingerprint, order.as_of, order.symbols
            ).values()
        )
        for job in run_jobs
        if job.state is JobState.COMPLETED and job.signal_inputs is not None
    }


def _known(
    connection: Connection, model_id: str, fingerprint: str, as_of: date, symbols: Collection[str]
) -> dict[str, ModelOutput]:
    wanted = frozenset(symbols)
    rows = connection.execute(_KNOWN, {"model": model_id, "under": fingerprint, "on": as_of})
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
