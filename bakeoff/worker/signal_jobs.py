"""A job of signals: a signal model is asked, in a cell, for what is not known already."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial

from bakeoff.cell.host.cell_client import WarmParent
from bakeoff.domain.errors import InvalidInputError, TamperedError
from bakeoff.domain.identity import utc_now
from bakeoff.domain.job import Job, JobError, JobState, Phase
from bakeoff.domain.result import Cost, Result
from bakeoff.domain.signal import ModelOutput, ranked
from bakeoff.evaluation.jobs.cell_failure import Faulty, Killed, Stopped
from bakeoff.evaluation.signals.signal_cell import Answered, SignalInputs, answers_from_cell
from bakeoff.operations import process_context
from bakeoff.operations.signal_inputs import a_desk
from bakeoff.store.bakeoffs import leases
from bakeoff.store.bakeoffs.leases import Claim
from bakeoff.store.signals import model_signals
from bakeoff.worker.job_kinds import Completed, Ending, grant_for
from bakeoff.worker.lease_monitor import LeaseMonitor
from bakeoff.worker.signal_cache import Known, asked_of, kept_under, known_to, parts_for
from tasks.signal_runs import cure_of


def work(claim: Claim, watch: LeaseMonitor, warm: Callable[[], WarmParent]) -> Ending:
    began = time.monotonic()
    order, commission = asked_of(claim)
    if commission.obstacle:
        return _not_possible(claim.job, commission.obstacle)
    known = known_to(claim)
    missing = [symbol for symbol in order.symbols if symbol not in known.asked]
    said = _ask(claim, missing, watch, warm) if missing else None
    if isinstance(said, Faulty | Killed | Stopped):
        return said
    new = said.answers if said else ()
    answers = ranked((*known.answers.values(), *new))
    result = _result(claim, known, said, answers, duration_s=time.monotonic() - began)
    under = kept_under(said.provenance, claim.job.id) if said else known.fingerprint
    return Completed(
        write=partial(_write, claim, result, said, answers, under=under),
        said=f"{len(answers)} signals, {len(new)} of them new",
    )


def _ask(
    claim: Claim, symbols: Sequence[str], watch: LeaseMonitor, warm: Callable[[], WarmParent]
) -> Answered | Faulty | Killed | Stopped:
    with ExitStack() as stack:
        try:
            desk = stack.enter_context(_desk(claim))
        except (InvalidInputError, TamperedError) as exc:
            return _not_possible(claim.job, str(exc))
        return answers_from_cell(
            desk,
            symbols,
            parts=parts_for(claim),
            grant=grant_for(claim.job.candidate),
            wall_s=claim.job.timeout_s,
            attempt=claim.job.attempt,
            warm=warm(),
            permission=watch,
        )


def _desk(claim: Claim) -> AbstractContextManager[SignalInputs]:
    job, (order, commission) = claim.job, asked_of(claim)
    return a_desk(
        job.candidate,
        commission.artefacts,
        dataset=claim.run.dataset,
        as_of=order.as_of,
        log=process_context.configuration().log_of(job.run_id, job.id),
        job=job,
    )


def _not_possible(job: Job, why: str) -> Faulty:
    """It would end alike as often as it is tried."""
    error = JobError(
        type="NoSavedModel",
        message=why,
        phase=Phase.START,
        hint=f"{cure_of(job.candidate)}; then `bakeoff retry {job.run_id[:8]}`",
    )
    return Faulty(state=JobState.FAILED, error=error)


_NOTHING = Cost(fit_s=0.0, predict_s=0.0, cpu_s=0.0, peak_memory_mb=0.0, granted_threads=1)


def _result(
    claim: Claim, known: Known, said: Answered | None, answers: Sequence[ModelOutput], *, duration_s: float
) -> Result:
    """What it said is kept elsewhere; here it is counted."""
    job, run = claim.job, claim.run
    return Result(
        evaluation_id=job.id,
        run_id=run.id,
        model_id=job.candidate.id,
        model_version=job.candidate.version,
        dataset_id=run.dataset.dataset_id,
        dataset_name=run.dataset.name,
        split_id=run.dataset.split_id,
        seed=run.seed,
        metrics={"signals": len(answers), "known": len(known.asked)},
        details={"warnings": list(said.warnings) if said else []},
        timestamp=utc_now(),
        duration_s=duration_s,
        cost=said.cost if said else _NOTHING,
        attempt=job.attempt,
    )


def _write(
    claim: Claim, result: Result, said: Answered | None, answers: Sequence[ModelOutput], *, under: str
) -> bool:
    order, commission = asked_of(claim)
    return leases.complete(
        process_context.engine(),
        claim.lease,
        result,
        provenance=said.provenance if said else None,
        also_write=model_signals.write_at_end(
            result, answers, as_of=order.as_of, commission=replace(commission, fingerprint=under)
        ),
    )
