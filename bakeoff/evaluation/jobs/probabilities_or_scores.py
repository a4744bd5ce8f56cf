"""In the cell: what a model that predicts labels says beside them: probabilities, or else scores."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bakeoff.cell.inside.cell_api import EntryFailure
from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.dataset import TargetKind
from registry.columns.predictions import check_predictions


@dataclass(frozen=True, kw_only=True)
class BesideLabels:
    """At most one of the two is there."""

    probabilities: NDArray[Any] | None = None
    scores: NDArray[Any] | None = None  #: of two classes


def beside_labels(model: Any, X: Any, kind: TargetKind) -> BesideLabels:
    """BadPredictionsError if what the model returns is neither."""
    if hasattr(model, "predict_proba"):
        raw = model.predict_proba(X)
        return BesideLabels(probabilities=check_predictions(raw, rows=len(X), output_kind=OutputKind.PROBA))
    if kind is TargetKind.BINARY and hasattr(model, "decision_function"):
        raw = model.decision_function(X)
        return BesideLabels(scores=check_predictions(raw, rows=len(X), output_kind=OutputKind.SCORE))
    return BesideLabels()


def nothing_to_act_on(threshold: str, model: str) -> EntryFailure:
    """For a model that has labels alone, where a threshold is to decide."""
    return EntryFailure(
        type="NoProbabilities",
        message=f"threshold {threshold} has nothing to act on: {model} has neither predict_proba nor "
        "decision_function",
        hint="leave the threshold out, or predict probabilities and declare `output_kind: proba`",
    )
