"""Checks candidates inside a cell: each is imported and constructed, none is fitted.

A signal model is not constructed, since that needs data; only its class is checked. This is a module of its
own because a cell imports it as its entry.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from bakeoff.cell.inside.exception_report import hint_for
from bakeoff.domain.candidate import Candidate, CandidateKind, Learns
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.runs.job import Phase
from registry.catalog.search_space import with_first_values
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
        model = build(with_first_values(candidate), root=root, seed=0, entering=inside.phase)
        inside.keep(model)
        return _found_of_model(candidate, model)
    except LoadError as exc:
        return {"cause": exc.cause, "fix": hint_for(exc.__cause__) or exc.fix, "traceback": exc.traceback}
    except InvalidInputError as exc:  # of its search, which names what the class does not take
        return {"cause": str(exc), "fix": "correct its `tune`", "traceback": ""}


def _found_of_model(candidate: Candidate, model: Any) -> dict[str, Any]:
    last_path, last = candidate.path, model
    if candidate.steps:
        last_path, last = candidate.steps[-1].path, model.steps[-1][1]
    tags = _Tags.of(last)
    if tags.several_targets:
        raise LoadError(
            Phase.CONSTRUCT,
            f"{last_path} learns several targets at once, and a bake-off has one",
            "take its counterpart for one target (for MultiTaskLasso that is Lasso), or its inner estimator",
        )
    return {"learns": tags.learns, "artefacts": []}


@dataclass(frozen=True, kw_only=True)
class _Tags:
    """What a model says of itself by its scikit-learn tags; nothing, if it has none."""

    learns: Learns | None = None
    several_targets: bool = False  #: it refuses a single target

    @classmethod
    def of(cls, model: Any) -> Self:
        try:
            tags = model.__sklearn_tags__() if hasattr(model, "__sklearn_tags__") else None
            estimator_type = getattr(tags, "estimator_type", None) or getattr(model, "_estimator_type", None)
            single = getattr(getattr(tags, "target_tags", None), "single_output", True)
            return cls(learns=_LEARNS.get(str(estimator_type)), several_targets=single is False)
        except Exception:  # noqa: BLE001 - plugin code runs; tags are no obligation, so a failure means none
            return cls()
