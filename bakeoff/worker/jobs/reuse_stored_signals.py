"""Signals that need not be computed again, because the model gave them before under the same fingerprint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bakeoff.domain.runs.result import Fit, Provenance, digest_of, fingerprint
from bakeoff.domain.signal import ModelOutput, SignalJobInputs, SignalOrder
from bakeoff.evaluation.reuse.job_provenance import PartsOf
from bakeoff.evaluation.reuse.used_files_unchanged import first_change
from bakeoff.evaluation.signals.signal_inputs_and_fingerprint import parts_of_answers
from bakeoff.operations.context import Context
from bakeoff.store.bakeoffs import run_rows
from bakeoff.store.bakeoffs.queue.claims import Claim
from bakeoff.store.bakeoffs.results import earlier_fits
from bakeoff.store.signals import stored_answers_of_signal_models
from registry.code.candidate_code import class_modules, code_at
from registry.code.library_versions import cell_environment


@dataclass(frozen=True, kw_only=True)
class KnownSignals:
    answers: Mapping[str, ModelOutput] = field(default_factory=dict)  #: by symbol
    covered: frozenset[str] = frozenset()  #: symbols the model was given, those without a signal too
    fingerprint: str = ""  #: under which the answers are stored


def known_signals(context: Context, claim: Claim) -> KnownSignals:
    """The known signals; empty if anything that decides the answers of the model has changed since."""
    engine, root = context.engine, context.configuration.root.resolve()
    (order, signal_inputs), job = order_and_inputs(claim), claim.job
    if order.fresh or signal_inputs.fingerprint != _present_fingerprint(claim, root):
        return KnownSignals()
    past = earlier_fits.with_fingerprints(engine, {signal_inputs.fingerprint}).get(
        signal_inputs.fingerprint, ()
    )
    # Fits of another model of the same class are left out: its signals are kept under its own id.
    valid = [fit for fit in past if fit.result.model_id == job.candidate.id and _is_unchanged(fit, root)]
    if not valid:
        return KnownSignals()
    key = _key_of(valid[0])
    orders = (run_rows.get(engine, fit.result.run_id).signals for fit in valid if _key_of(fit) == key)
    covered = frozenset(symbol for past_order in orders if past_order for symbol in past_order.symbols)
    return KnownSignals(
        answers=stored_answers_of_signal_models.known_answers(
            engine,
            model_id=job.candidate.id,
            fingerprint=key,
            as_of=order.as_of,
            symbols=order.symbols,
        ),
        covered=covered & frozenset(order.symbols),
        fingerprint=key,
    )


def kept_under(provenance: Provenance, job_id: str) -> str:
    """The fingerprint under which new signals are stored. It includes files that the cell was seen to read.

    If it is not known what the signals depend on, the fingerprint is one that no other job has.
    """
    if provenance.obstacle:
        return digest_of([provenance.fingerprint, job_id])
    if provenance.seen:
        return digest_of([provenance.fingerprint, sorted(provenance.seen.items())])
    return provenance.fingerprint


def order_and_inputs(claim: Claim) -> tuple[SignalOrder, SignalJobInputs]:
    """The order of the whole run, and the inputs of the job's model."""
    order, signal_inputs = claim.run.signals, claim.job.signal_inputs
    assert order is not None and signal_inputs is not None  # noqa: S101, PT018 - jobs of signals have both
    return order, signal_inputs


def parts_for(claim: Claim) -> PartsOf:
    """A function that returns everything the answers of this job depend on."""
    order, signal_inputs = order_and_inputs(claim)
    return partial(
        parts_of_answers,
        claim.job.candidate,
        signal_inputs.artefacts,
        dataset=claim.run.dataset,
        as_of=order.as_of,
    )


def _key_of(fit: Fit) -> str:
    return kept_under(fit.provenance, fit.result.evaluation_id)


def _present_fingerprint(claim: Claim, root: Path) -> str:
    """The fingerprint that the answers would have now, on this machine."""
    code = code_at(class_modules(claim.job.candidate), root=root)
    return fingerprint(parts_for(claim)(code=code, surroundings=cell_environment()))


def _is_unchanged(fit: Fit, root: Path) -> bool:
    return not fit.provenance.obstacle and first_change(fit.provenance.seen, root=root) is None
