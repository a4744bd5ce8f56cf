"""Checks candidates inside a cell: each is imported and constructed, none is fitted.

A signal model is not constructed, since that needs data; only its class is checked. This is a module of its
own because a cell imports it as its entry.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.cell.inside.exception_report import hint_for
from bakeoff.domain.candidate import Candidate, CandidateKind, Learns
from registry.code.class_import import LoadError
from registry.code.model_building import build, find_signal_class

if TYPE_CHECKING:
    from bakeoff.cell.inside.cell_api import CellApi

_LEARNS = {"classifier": Learns.CLASSES, "regressor": Learns.NUMBERS}


def check_candidates(payload: Mapping[str, Any], inside: "CellApi") -> list[dict[str, Any]]:
    """The entry of the cell: returns for each candidate what was found out, or why it is rejected."""
    root = Path(payload["root"])
    return [_check(Candidate.from_json(data), root, inside) for data in payload["candidates"]]


def _check(candidate: Candidate, root: Path, inside: "CellApi") -> dict[str, Any]:
    try:
        if candidate.kind is CandidateKind.SIGNAL:
            found = find_signal_class(candidate, root=root, entering=inside.phase)
            return {"learns": None, "artefacts": list(found.artefacts)}
        model = build(candidate, root=root, seed=0, entering=inside.phase)
        return {"learns": _learns(model.steps[-1][1] if candidate.steps else model), "artefacts": []}
    except LoadError as exc:
        return {"cause": exc.cause, "fix": hint_for(exc.__cause__) or exc.fix, "traceback": exc.traceback}


def _learns(model: Any) -> Learns | None:
    """Whether it is a classifier or a regressor, by its scikit-learn tags; None when it has none."""
    try:
        tags = model.__sklearn_tags__() if hasattr(model, "__sklearn_tags__") else None
        estimator_type = getattr(tags, "estimator_type", None) or getattr(model, "_estimator_type", None)
        return _LEARNS.get(str(estimator_type))
    except Exception:  # noqa: BLE001 - plugin code runs; tags are no obligation, so a failure means none
        return None
