"""What happens in a cell when candidates are checked: each is imported and constructed, none is fitted."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.candidate import Candidate, CandidateKind
from registry.importer import LoadError, find_class
from registry.loader import build

if TYPE_CHECKING:
    from cell.inside import Inside


def probe(payload: Mapping[str, Any], inside: "Inside") -> list[dict[str, str] | None]:
    """For each candidate None, or why it cannot take part."""
    root = Path(payload["root"])
    return [_fault_of(Candidate.from_json(data), root, inside) for data in payload["candidates"]]


def _fault_of(candidate: Candidate, root: Path, inside: "Inside") -> dict[str, str] | None:
    try:
        if candidate.kind is CandidateKind.SIGNAL and candidate.path:
            find_class(candidate.path, root=root)
        else:
            build(candidate, root=root, seed=0, entering=inside.phase)
    except LoadError as exc:
        return {"cause": exc.cause, "fix": exc.fix, "traceback": exc.traceback}
    return None
