"""Interprets the output of a saved model in the same way as the run that scored it.

The run has written the rules into the metadata (`outputKind`, `classes`, `positiveLabel`, `threshold`).
Without them, `predict` is assumed to return labels, the classes are the model's own, and of two classes the
greater one is positive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.model_version import ModelVersion
from bakeoff.domain.wording import listed
from registry.columns.check_predictions import (
    BadPredictionsError,
    Predictions,
    check_numbers,
    check_predictions,
)
from registry.columns.classes_from_predictions import (
    code_of,
    columns_of,
    decisions_of,
    of_decision_function,
    positive_code,
    threshold_decides,
    to_class_predictions,
)

_TWO = 2


@dataclass(frozen=True, kw_only=True)
class OutputRules:
    output_kind: OutputKind
    classes: NDArray[Any] | None  #: in sort order; empty where numbers are predicted, None when unknown
    rules: ScoringRules  #: only the positive label and the threshold are used

    @classmethod
    def of(cls, version: ModelVersion, model: Any) -> "OutputRules":
        noted = version.metadata
        try:
            kind = OutputKind(noted.get("outputKind", OutputKind.LABELS))
            classes = _classes(noted["classes"] if "classes" in noted else getattr(model, "classes_", None))
            return cls(output_kind=kind, classes=classes, rules=_rules(noted, classes))
        except (TypeError, ValueError) as exc:
            raise InvalidInputError(
                f"the metadata of {version.uri} do not say how its answers are read ({exc}): save it again"
            ) from exc

    @property
    def positive(self) -> int | None:
        """The index of the positive class; None unless there are two classes."""
        return None if self.classes is None else positive_code(self.classes, self.rules)

    @property
    def threshold_decides(self) -> bool:
        """Whether the labels that `predict` returns do not count, but the threshold does."""
        return (
            self.output_kind is OutputKind.LABELS
            and self.classes is not None
            and threshold_decides(self.classes, self.rules)
        )

    @property
    def beside(self) -> OutputKind:
        """What the model can return beside labels: probabilities or scores."""
        return OutputKind.SCORE if self.output_kind is OutputKind.SCORE else OutputKind.PROBA

    def predictions(self, raw: Any, *, rows: int) -> NDArray[Any]:
        """Labels or numbers, from what `predict` returned."""
        if self.classes is None and self.output_kind is not OutputKind.LABELS:
            raise BadPredictionsError(
                f"it predicts a {self.output_kind}, and its classes are unknown",
                "save it again with `classes` in its metadata",
            )
        if self.classes is None:
            return check_predictions(raw, rows=rows, output_kind=OutputKind.LABELS)
        if not self.classes.size:
            return check_numbers(raw, rows=rows)
        values = check_predictions(raw, rows=rows, output_kind=self.output_kind)
        return to_class_predictions(
            Predictions(values=values, output_kind=self.output_kind), self.classes, self.rules
        ).labels

    def labels_by_threshold(self, raw: Any, kind: OutputKind, *, rows: int) -> NDArray[Any]:
        """Labels, from what `predict_proba` or `decision_function` returned, for which `kind` stands."""
        values = check_predictions(raw, rows=rows, output_kind=kind)
        if kind is OutputKind.SCORE:
            values = of_decision_function(values)
        predictions = Predictions(values=values, output_kind=kind)
        return to_class_predictions(predictions, np.asarray(self.classes), self.rules).labels

    def probabilities(self, raw: Any, *, rows: int) -> NDArray[Any]:
        """Probabilities or scores: of the positive one of two classes, else a column for each class."""
        values = check_predictions(raw, rows=rows, output_kind=self.beside)
        if self.classes is None:
            return values[:, 1] if values.ndim == _TWO and values.shape[1] == _TWO else values
        columns = columns_of(values, self.beside, self.classes, self.rules)
        if self.beside is OutputKind.SCORE:
            return decisions_of(columns, self.classes, self.rules)
        return columns if self.positive is None else columns[:, self.positive]


def _classes(given: Any) -> NDArray[Any] | None:
    """The classes; None if they are unknown, or the model has several targets."""
    found = None if given is None else np.asarray(np.asarray(given).tolist())
    return np.unique(found) if found is not None and found.ndim == 1 else None


def _rules(noted: Mapping[str, Any], classes: NDArray[Any] | None) -> ScoringRules:
    threshold = noted.get("threshold")
    return ScoringRules(
        metrics=(),
        positive_label=_positive(noted.get("positiveLabel"), classes),
        threshold=None if threshold is None else float(threshold),
    )


def _positive(noted: Any, classes: NDArray[Any] | None) -> str | None:
    if classes is None or len(classes) != _TWO:
        return None
    place = 1 if noted is None else code_of(noted, classes.tolist())
    if place is None:
        raise ValueError(f"the positive label {noted!r} is none of the classes {listed(map(str, classes))}")
    return str(classes.tolist()[place])
