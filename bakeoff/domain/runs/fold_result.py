"""What one fit of an evaluation with folds or seeds gave.

It is kept at once, so that a job that dies goes on where it was.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from bakeoff.domain.design import Design
from bakeoff.domain.runs.result import CodeManifest, Cost, Part, Provenance


@dataclass(frozen=True, kw_only=True)
class FoldResult:
    place: int  #: among the fits of the design, from 0
    metrics: Mapping[str, float | None]  #: of this fold alone; None where a metric is undefined
    cost: Cost
    duration_s: float
    warnings: tuple[str, ...] = ()
    uses_seed: bool = True  #: false: its cell saw that another seed would change nothing
    deterministic: bool | None = None  #: whether a second fit predicted the same; None: there was none
    provenance: Provenance | None = None  #: None where nothing is kept
    choices: Mapping[str, Any] = field(default_factory=dict)  #: parameters and thresholds, as in details

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            **{
                **data,
                "cost": Cost.from_json(data["cost"]),
                "warnings": tuple(data["warnings"]),
                "provenance": None if data["provenance"] is None else _provenance(data["provenance"]),
            }
        )


def fold_record(design: Design, place: int, metrics: Mapping[str, float | None]) -> dict[str, Any]:
    """A fold as JSON, in the details of a result and wherever folds are shown."""
    seed, split = divmod(place, design.splits)
    repeat, fold = divmod(split, design.folds)
    return {"seed": seed + 1, "repeat": repeat + 1, "fold": fold + 1, "metrics": dict(metrics)}


def _provenance(data: Mapping[str, Any]) -> Provenance:
    parts = {part: data["parts"][part] for part in Part}
    return Provenance(**{**data, "parts": parts, "manifest": CodeManifest(**data["manifest"])})
