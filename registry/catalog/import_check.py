"""What happens in a cell when candidates are checked: each is imported and constructed, none is fitted.

A signal model is not constructed, for that takes data; its class is looked at.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.domain.candidate import Candidate, CandidateKind, Learns
from registry.code.class_import import LoadError
from registry.code.model_building import build, find_signal_class

if TYPE_CHECKING:
    from bakeoff.cell.inside.cell_api import CellApi

_LEARNS = {"classifier": Learns.CLASSES, "regressor": Learns.NUMBERS}


def check_candidates(payload: Mapping[str, Any], inside: "CellApi") -> list[dict[str, Any]]:
    """For each candidate what it says of itself, or why it cannot take part."""
    root = Path(payload["root"])
    return [_examine(Candidate.from_json(data), root, inside) for data in payload["candidates"]]


def _examine(candidate: Candidate, root: Path, inside: "CellApi") -> dict[str, Any]:
    try:
        if candidate.kind is CandidateKind.SIGNAL:
            found = find_signal_class(candidate, root=root, entering=inside.phase)
            return {"learns": None, "artefacts": list(found.artefacts)}
        model = build(candidate, root=root, seed=0, entering=inside.phase)
        return {"learns": _what_learns(model.steps[-1][1] if candidate.steps else model), "artefacts": []}
    except LoadError as exc:
        return {"cause": exc.cause, "fix": exc.fix, "traceback": exc.traceback}


def _what_learns(model: Any) -> Learns | None:
    """What estimators say of themselves. It is no obligation: one that raises has not said it."""
    try:
        tags = model.__sklearn_tags__() if hasattr(model, "__sklearn_tags__") else None
        told = getattr(tags, "estimator_type", None) or getattr(model, "_estimator_type", None)
        return _LEARNS.get(str(told))
    except Exception:  # noqa: BLE001 - strangers' code answers
        return None
