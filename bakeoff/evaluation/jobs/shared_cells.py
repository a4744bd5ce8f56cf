"""Which evaluations may run one after another in the same cell: those of nothing but known, installed code.

A cell costs more than a cheap candidate computes, and its walls are for the code of strangers. A class of
scikit-learn with parameters from a catalog is no such code. The supervisor decides, from what it reads on the
disk itself: neither the candidate nor its cell has a say.

What a cell does between two of them is in `bakeoff.cell.inside.process_traces`.
"""

from collections.abc import Iterable

from bakeoff.domain.candidate import Candidate, CandidateKind
from bakeoff.evaluation.jobs.evaluation_under_way import EvaluationUnderWay
from registry.code.code_reading import Code, class_modules
from registry.code.distributions import canonical, holds


def may_share_cell(evaluation: EvaluationUnderWay, code: Code) -> bool:
    """`code` is that of the candidate, as it lies on the disk now.

    Each fold has a cell of its own in any case: the rows that it must not see are training rows of another.
    So have fits that are repeated to compare them: what one leaves could hide how they differ.
    """
    if not evaluation.shared_cells or evaluation.part is not None or evaluation.run.repeat_check:
        return False
    candidate = evaluation.job.candidate
    return _asks_for_nothing_special(candidate) and is_installed_code(
        candidate, code, packages=evaluation.shared_cells
    )


def _asks_for_nothing_special(candidate: Candidate) -> bool:
    """A search for parameters takes long, and keeps its trials in a file that other cells must not reach."""
    return (
        candidate.kind is CandidateKind.CANDIDATE
        and not candidate.chooses
        and not candidate.env
        and not candidate.readable
    )


def is_installed_code(candidate: Candidate, code: Code, *, packages: Iterable[str]) -> bool:
    """Whether each class and object of the candidate, nested ones too, is a file of one of these packages.

    A module of the project that hides an installed one of the same name is one of the project: `code` names
    what a cell would import.
    """
    if code.modules or code.compiled or code.missing:
        return False
    allowed = {canonical(name) for name in packages}
    found = {canonical(name) for name in code.distributions}
    return found <= allowed and all(
        any(holds(name, module) for name in found) for module in class_modules(candidate)
    )
