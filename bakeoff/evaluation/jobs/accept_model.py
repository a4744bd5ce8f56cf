"""What the supervisor takes over of a model that a cell has fitted: it hashes the files, and unpickles none.

Strangers may have written anything. What cannot be understood is a model that is not kept.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.job import Job
from bakeoff.domain.result import FittedModel, NotKept
from bakeoff.domain.run import Run
from bakeoff.evaluation.jobs import leave_model
from bakeoff.evaluation.reuse.audit_check import sha256
from registry.columns.signature import Signature

_LONGEST_PROBLEM = 500
_DESCRIPTION = {
    "type": str,
    "hyperparameters": dict,
    "signature": dict,
    "input_example": dict,
    "feature_names": list,
    "libraries": dict,
}


def outputs_at(model: Path) -> dict[str, Path]:
    """Where the outputs of the cell go, by name; the preprocessor stands beside the model."""
    return {leave_model.MODEL: model, leave_model.PREPROCESSOR: model.with_suffix(".preprocessor.pkl")}


def harvest(
    report: Any, model: Path, *, job: Job, run: Run, classes: Sequence[str | int | float | bool]
) -> FittedModel | NotKept:
    """`report` is what the cell returned."""
    told = report.get("fitted") if isinstance(report, Mapping) else None
    said = told if isinstance(told, Mapping) else {}
    if isinstance(said.get("problem"), str):
        return NotKept(problem=said["problem"][:_LONGEST_PROBLEM])
    if not (model.exists() and _is_description(said.get("description"))):
        return NotKept(problem="what its cell says of it cannot be understood")
    preprocessor = outputs_at(model)[leave_model.PREPROCESSOR]
    return FittedModel(
        file=model.name,
        digest=sha256(model),
        preprocessor=preprocessor.name if preprocessor.exists() else None,
        preprocessor_digest=sha256(preprocessor) if preprocessor.exists() else None,
        description=said["description"],
        metadata=_metadata(job, run, classes),
    )


def remarked(details: Mapping[str, Any], fitted: FittedModel | NotKept | None) -> Mapping[str, Any]:
    """With one more warning, if the model cannot be saved."""
    if not isinstance(fitted, NotKept):
        return details
    return {**details, "warnings": [*details["warnings"], f"not saved: {fitted.problem}"]}


def _is_description(said: Any) -> bool:
    if not isinstance(said, Mapping) or said.keys() != _DESCRIPTION.keys():
        return False
    if not all(isinstance(said[key], kind) for key, kind in _DESCRIPTION.items()):
        return False
    texts = [*said["feature_names"], *said["libraries"], *said["libraries"].values()]
    return all(isinstance(text, str) for text in texts) and _is_signature(said["signature"])


def _is_signature(said: Mapping[str, Any]) -> bool:
    try:
        Signature.from_json(said)
    except (InvalidInputError, KeyError, TypeError, ValueError):
        return False
    return True


def _metadata(job: Job, run: Run, classes: Sequence[str | int | float | bool]) -> Mapping[str, Any]:
    """What whoever predicts with it must know, and what it was measured by."""
    return {
        "outputKind": job.candidate.output_kind,
        "threshold": run.rules.threshold,
        "positiveLabel": run.rules.positive_label,
        "average": run.rules.average,
        "classes": list(classes),
        "target": run.dataset.target,
        "targetKind": run.dataset.target_kind,
        "seed": run.seed,
    }
