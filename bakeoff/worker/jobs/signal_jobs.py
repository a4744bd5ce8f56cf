"""A job of signals: a signal model computes, in a cell, those signals that are not known already."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date

from bakeoff.domain.errors import InvalidInputError, TamperedError
from bakeoff.domain.ids_and_times import utc_now
from bakeoff.domain.runs.job import Job, JobError, JobState, Phase
from bakeoff.domain.runs.result import Cost, Result
from bakeoff.domain.signal import ModelOutput, ranked
from bakeoff.evaluation.jobs.cell_failure import Faulty, Killed, Stopped
from bakeoff.evaluation.signals.signal_cell import Answered, answers_from_cell
from bakeoff.operations.signals.signal_model_cells import prepared_inputs
from bakeoff.operations.signals.start_signals import how_to_train
from bakeoff.store.bakeoffs import leased_jobs
from bakeoff.store.bakeoffs.queue.claims import NextClaim
from bakeoff.store.signals import stored_answers_of_signal_models
from bakeoff.worker.jobs.job_at_work import Completed, Ending, JobAtWork
from bakeoff.worker.jobs.reuse_stored_signals import (
    KnownSignals,
    kept_under,
    known_signals,
    order_and_inputs,
    parts_for,
)
from registry.code.call_signal_model import artefact_version_of

_NO_COST = Cost(fit_s=0.0, predict_s=0.0, cpu_s=0.0, peak_memory_mb=0.0, granted_threads=1)


def work(at_work: JobAtWork) -> Ending:
    began = time.monotonic()
    claim, job = at_work.claim, at_work.job
    order, signal_inputs = order_and_inputs(claim)
    if signal_inputs.obstacle:
        return _not_possible(job, signal_inputs.obstacle, order.as_of)
    known = known_signals(at_work.context, claim)
    unknown = [symbol for symbol in order.symbols if symbol not in known.covered]
    answered = _answers_of_cell(at_work, unknown) if unknown else None
    if isinstance(answered, Faulty | Killed | Stopped):
        return answered
    new = answered.answers if answered else ()
    signals = ranked((*known.answers.values(), *new))
    result = _result(at_work, known, answered, signals, duration_s=time.monotonic() - began)
    fingerprint = kept_under(answered.provenance, job.id) if answered else known.fingerprint

    def write(then: NextClaim | None) -> bool:
        return leased_jobs.complete(
            at_work.context.engine,
            at_work.lease,
            result,
            provenance=answered.provenance if answered else None,
            also_write=stored_answers_of_signal_models.write_at_end(
                result,
                signals,
                as_of=order.as_of,
                signal_inputs=replace(signal_inputs, fingerprint=fingerprint),
            ),
            then=then,
        )

    return Completed(
        write=write,
        summary=f"{len(signals)} signals, {len(new)} of them new",
    )


def _answers_of_cell(at_work: JobAtWork, symbols: Sequence[str]) -> Answered | Faulty | Killed | Stopped:
    job, claim = at_work.job, at_work.claim
    order, signal_inputs = order_and_inputs(claim)
    with ExitStack() as stack:
        try:
            inputs = stack.enter_context(
                prepared_inputs(
                    at_work.context,
                    job.candidate,
                    signal_inputs.artefacts,
                    dataset=claim.run.dataset,
                    as_of=order.as_of,
                    log=at_work.context.configuration.log_of(job.run_id, job.id),
                    job=job,
                )
            )
        except (InvalidInputError, TamperedError) as exc:
            return _not_possible(job, str(exc), order.as_of)
        return answers_from_cell(
            inputs,
            symbols,
            parts=parts_for(claim),
            grant=at_work.grant,
            wall_s=job.timeout_s,
            attempt=job.attempt,
            warm=at_work.warm_parent(),
            permission=at_work.monitor,
        )


def _not_possible(job: Job, why: str, as_of: date) -> Faulty:
    """The end of a job that cannot succeed, however often it is tried."""
    # A retry takes the parameters that the run began with, and so the version that they name.
    then = "a new run" if artefact_version_of(job.candidate) else f"`bakeoff retry {job.run_id[:8]}`"
    error = JobError(
        type="NoSavedModel",
        message=why,
        phase=Phase.START,
        hint=f"{how_to_train(job.candidate, as_of)}; then {then}",
    )
    return Faulty(state=JobState.FAILED, error=error)


def _result(
    at_work: JobAtWork,
    known: KnownSignals,
    answered: Answered | None,
    signals: Sequence[ModelOutput],
    *,
    duration_s: float,
) -> Result:
    """The result of the job, which counts the signals. The signals themselves are in a table of their own."""
    job, run = at_work.job, at_work.run
    return Result(
        evaluation_id=job.id,
        run_id=run.id,
        model_id=job.candidate.id,
        model_version=job.candidate.version,
        dataset_id=run.dataset.dataset_id,
        dataset_name=run.dataset.name,
        split_id=run.dataset.split_id,
        seed=run.seed,
        metrics={"signals": len(signals), "known": len(known.covered)},
        details={"warnings": list(answered.warnings) if answered else []},
        timestamp=utc_now(),
        duration_s=duration_s,
        cost=answered.cost if answered else _NO_COST,
        attempt=job.attempt,
    )
