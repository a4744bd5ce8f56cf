"""What a signal model is known to say: what it said before, under the same fingerprint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from bakeoff.domain.job import Job
from bakeoff.domain.result import Fit, Provenance, digest_of, fingerprint
from bakeoff.domain.signal import Commission, ModelOutput, SignalOrder
from bakeoff.evaluation.reuse.audit_check import first_change
from bakeoff.evaluation.reuse.job_provenance import PartsOf
from bakeoff.evaluation.signals.signal_job_inputs import parts_of_answers
from bakeoff.operations import process_context
from bakeoff.store.bakeoffs import earlier_fits, run_rows
from bakeoff.store.bakeoffs.leases import Claim
from bakeoff.store.signals import model_signals
from registry.code.code_reading import class_modules, code_at
from registry.code.library_versions import cell_environment


@dataclass(frozen=True, kw_only=True)
class Known:
    answers: Mapping[str, ModelOutput] = field(default_factory=dict)  #: by symbol
    asked: frozenset[str] = frozenset()  #: on the others of these it has no opinion
    fingerprint: str = ""  #: under which they are kept


def known_to(claim: Claim) -> Known:
    """As long as all that decides it is as it was: else it may say something else today."""
    order, commission = asked_of(claim)
    if order.fresh or commission.fingerprint != _present(claim):
        return Known()
    valid = list(filter(_is_as_it_was, _past_of(claim.job, commission.fingerprint)))
    if not valid:
        return Known()
    key = _key_of(valid[0])
    return Known(
        answers=model_signals.known_answers(
            process_context.engine(),
            model_id=claim.job.candidate.id,
            fingerprint=key,
            as_of=order.as_of,
            symbols=order.symbols,
        ),
        asked=_symbols_of([fit for fit in valid if _key_of(fit) == key]) & frozenset(order.symbols),
        fingerprint=key,
    )


def kept_under(provenance: Provenance, job_id: str) -> str:
    """What it was seen to use besides decides, too. If nobody can tell what does, it is of this job alone."""
    if provenance.obstacle:
        return digest_of([provenance.fingerprint, job_id])
    if provenance.seen:
        return digest_of([provenance.fingerprint, sorted(provenance.seen.items())])
    return provenance.fingerprint


def asked_of(claim: Claim) -> tuple[SignalOrder, Commission]:
    """What a job of signals is about."""
    order, commission = claim.run.signals, claim.job.commission
    assert order is not None and commission is not None  # noqa: S101, PT018 - such a job it is
    return order, commission


def parts_for(claim: Claim) -> PartsOf:
    """Of the answers of this job."""
    order, commission = asked_of(claim)
    return partial(
        parts_of_answers,
        claim.job.candidate,
        commission.artefacts,
        dataset=claim.run.dataset,
        as_of=order.as_of,
    )


def _key_of(fit: Fit) -> str:
    return kept_under(fit.provenance, fit.result.evaluation_id)


def _present(claim: Claim) -> str:
    """The fingerprint that it has on this machine, now."""
    root = process_context.configuration().root.resolve()
    code = code_at(class_modules(claim.job.candidate), root=root)
    return fingerprint(parts_for(claim)(code=code, surroundings=cell_environment()))


def _past_of(job: Job, fingerprint: str) -> list[Fit]:
    """Newest first. Another model may be of the same class: what it says is kept under its own name."""
    found = earlier_fits.with_fingerprints(process_context.engine(), {fingerprint}).get(fingerprint, ())
    return [fit for fit in found if fit.result.model_id == job.candidate.id]


def _symbols_of(fits: list[Fit]) -> frozenset[str]:
    asked = (run_rows.get(process_context.engine(), fit.result.run_id).signals for fit in fits)
    return frozenset(symbol for order in asked if order for symbol in order.symbols)


def _is_as_it_was(fit: Fit) -> bool:
    if fit.provenance.obstacle:
        return False
    return first_change(fit.provenance.seen, root=process_context.configuration().root.resolve()) is None
