"""In the cell: what a model that predicts labels says beside them: probabilities, or else scores."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bakeoff.cell.inside.cell_api import EntryFailure
from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from registry.columns.check_predictions import check_predictions


@dataclass(frozen=True, kw_only=True)
class BesideLabels:
    """At most one of the two is there."""

    probabilities: NDArray[Any] | None = None
    scores: NDArray[Any] | None = None  #: of two classes


@contextmanager
def overhearing(model: Any, X: Any, *, wanted: bool = True) -> Iterator[list[Any]]:
    """While its `predict` runs: the probabilities of these rows that it asks itself for, if it does.

    Forests and bags choose the label of the greatest one. Asked again, they would
    compute all of them again. Only models of scikit-learn are overheard: that their methods bear to be
    replaced on an object is known of no others.
    """
    heard: list[Any] = []
    ask = getattr(model, "predict_proba", None) if wanted and _is_of_sklearn(model) else None
    if ask is None:
        yield heard
        return

    def predict_proba(asked: Any, *others: Any, **named: Any) -> Any:
        answer = ask(asked, *others, **named)
        if asked is X:
            heard.append(answer)
        return answer

    model.predict_proba = predict_proba
    try:
        yield heard
    finally:
        del model.predict_proba


def _is_of_sklearn(model: Any) -> bool:
    return type(model).__module__.partition(".")[0] == "sklearn"


def beside_labels(model: Any, X: Any, kind: TargetKind, *, heard: Sequence[Any] = ()) -> BesideLabels:
    """BadPredictionsError if what the model returns is neither. `heard`: its probabilities of these rows."""
    if hasattr(model, "predict_proba"):
        raw = heard[0] if heard else model.predict_proba(X)
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
