"""The inputs of a signal model in a run: its saved models, and the fingerprint of its answers.

Answers with the same fingerprint are the same, so they are taken from earlier jobs.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from bakeoff.domain.candidate import Candidate
from bakeoff.domain.errors import NotFoundError
from bakeoff.domain.runs.result import Part, Parts, digest_of, fingerprint
from bakeoff.domain.signal import Artefact, ConfidenceMeaning, SignalJobInputs
from bakeoff.domain.snapshot_reference_and_split_design import DatasetRef
from bakeoff.evaluation.reuse.job_provenance import parts_of
from bakeoff.evaluation.signals.artefacts_for_signal_cell import resolve_artefacts
from registry.code.candidate_code import Code, class_modules, code_at
from registry.models.registry_interface import BaseModelRegistry

#: The seed of each cell that answers: a signal model gets the same random numbers each time.
SEED = 0


def inputs_of(
    candidate: Candidate,
    *,
    dataset: DatasetRef,
    as_of: date,
    registry: BaseModelRegistry | None,
    root: Path,
    surroundings: Mapping[str, str],
) -> SignalJobInputs:
    """`registry`: None where nothing was ever saved."""
    found, obstacle = _resolved(candidate, registry, as_of)
    parts = parts_of_answers(
        candidate,
        found,
        dataset=dataset,
        as_of=as_of,
        code=code_at(class_modules(candidate), root=root),
        surroundings=surroundings,
    )
    return SignalJobInputs(fingerprint=fingerprint(parts), artefacts=found, obstacle=obstacle)


def _resolved(
    candidate: Candidate, registry: BaseModelRegistry | None, as_of: date
) -> tuple[tuple[Artefact, ...], str]:
    try:
        return resolve_artefacts(candidate, registry, as_of=as_of), ""
    except NotFoundError as exc:
        return (), str(exc)


def parts_of_answers(
    candidate: Candidate,
    artefacts: tuple[Artefact, ...],
    *,
    dataset: DatasetRef,
    as_of: date,
    code: Code,
    surroundings: Mapping[str, str],
) -> Parts:
    """The parts of the fingerprint. Symbols are none: the answer for one does not depend on the others."""
    parts = parts_of(candidate, dataset=dataset, seed=SEED, code=code, surroundings=surroundings)
    saved: list[Any] = [[artefact.name, artefact.version, artefact.digest] for artefact in artefacts]
    if candidate.confidence is not ConfidenceMeaning.PROBABILITY:  # answers are stored as probabilities
        saved.append(candidate.confidence)
    return {
        **parts,
        Part.PARAMETERS: digest_of([parts[Part.PARAMETERS], saved]),
        Part.DATA: digest_of([parts[Part.DATA], as_of.isoformat()]),
    }
