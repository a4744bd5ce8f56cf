"""Turns the predictions of a classifier into one class per row, by the scoring rules of the run.

A label is represented by its code: its position among the classes in sort order. Labels that are not among
the classes get the codes after them, and so are never right. Needs numpy alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from registry.columns.check_predictions import BadPredictionsError, Predictions, check_predictions

Label = str | int | float | bool


def plain_labels(labels: Any) -> NDArray[Any]:
    """In a plain numpy type: text that pandas holds as objects becomes numpy text."""
    array = np.asarray(labels)
    return array if array.dtype.kind in "biufU" else np.asarray(array.tolist())


def code_of(label: Label, classes: Sequence[Label]) -> int | None:
    """The position of a label among the classes, by value or else by its text; None if it is no class."""
    plain: list[Label] = np.asarray(classes).tolist()
    if label in plain:
        return plain.index(label)
    texts = [str(known) for known in plain]
    return texts.index(str(label)) if str(label) in texts else None


def codes_of(values: NDArray[Any], classes: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """The code of each value, and the values that are none of the classes.

    `classes` are sorted. Values that are none of them get the codes after the last class, in sort order.
    """
    if (values.dtype.kind == "U") != (classes.dtype.kind == "U"):
        unseen, codes = np.unique(values, return_inverse=True)
        return codes + len(classes), unseen
    if (quick := _codes_in_a_row(values, classes)) is not None:
        return quick, values[:0]
    codes = np.minimum(np.searchsorted(classes, values), len(classes) - 1)
    is_unseen = classes[codes] != values
    unseen, places = np.unique(values[is_unseen], return_inverse=True)
    codes[is_unseen] = places + len(classes)
    return codes, unseen


def _codes_in_a_row(values: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp] | None:
    """The same, where the classes are integers without a gap, such as 0 and 1: no value is searched for."""
    if not (len(values) and len(classes) and values.dtype == classes.dtype == np.int64):
        return None
    if int(classes[-1]) - int(classes[0]) != len(classes) - 1:
        return None
    codes: NDArray[np.intp] = values - classes[0]
    return codes if codes.min() >= 0 and codes.max() < len(classes) else None


_DEFAULT_THRESHOLD = {OutputKind.PROBA: 0.5, OutputKind.SCORE: 0.0}


@dataclass(frozen=True, kw_only=True)
class ClassPredictions:
    codes: NDArray[np.intp]
    unseen: NDArray[Any]  #: predicted labels that are none of the classes, in sort order
    labels: NDArray[Any]  #: the label predicted for each row
    probabilities: NDArray[Any] | None  #: (rows, classes)
    decisions: NDArray[Any] | None  #: of the positive one of two classes, else (rows, classes)
    warnings: tuple[str, ...] = ()


def to_class_predictions(
    predictions: Predictions, classes: NDArray[Any], rules: ScoringRules
) -> ClassPredictions:
    """With a threshold, labels of two classes are decided by what stands beside them."""
    if predictions.output_kind is OutputKind.LABELS and threshold_decides(classes, rules):
        return to_class_predictions(_beside_alone(predictions, rules), classes, rules)
    rows = len(predictions.values)
    values = check_predictions(predictions.values, rows=rows, output_kind=predictions.output_kind)
    extra, warnings = _extra_probabilities(predictions, classes, rules)
    if predictions.output_kind is OutputKind.LABELS:
        codes, unseen = codes_of(values, classes)
        labels = values if unseen.size else classes[codes]
        return ClassPredictions(
            codes=codes,
            unseen=unseen,
            labels=labels,
            probabilities=extra,
            decisions=_extra_decisions(predictions, classes, rules),
            warnings=warnings,
        )
    columns = columns_of(values, predictions.output_kind, classes, rules)
    codes = _decided(columns, predictions.output_kind, classes, rules)
    is_proba = predictions.output_kind is OutputKind.PROBA
    return ClassPredictions(
        codes=codes,
        unseen=classes[:0],
        labels=classes[codes],
        probabilities=columns if is_proba else extra,
        decisions=None if is_proba else decisions_of(columns, classes, rules),
        warnings=warnings,
    )


def positive_code(classes: NDArray[Any], rules: ScoringRules) -> int | None:
    """The code of the positive class; None unless there are two classes."""
    if rules.positive_label is None:
        return None
    return code_of(rules.positive_label, classes.tolist())


def threshold_decides(classes: NDArray[Any], rules: ScoringRules) -> bool:
    """Whether the rules have a threshold for labels, which has a meaning for two classes only."""
    return rules.threshold is not None and positive_code(classes, rules) is not None


def of_decision_function(values: NDArray[Any]) -> NDArray[Any]:
    """A column for each of two classes: a `decision_function` says how much a row is of the greater one."""
    return values if values.ndim > 1 else np.column_stack([np.zeros_like(values), values])


def _beside_alone(predictions: Predictions, rules: ScoringRules) -> Predictions:
    if predictions.probabilities is not None:
        return Predictions(values=predictions.probabilities, output_kind=OutputKind.PROBA)
    if predictions.scores is not None:
        return Predictions(values=of_decision_function(predictions.scores), output_kind=OutputKind.SCORE)
    raise BadPredictionsError(
        f"threshold {rules.threshold:g} has nothing to act on: there are labels alone",
        "leave the threshold out, or predict probabilities and declare output_kind: proba",
    )


def _extra_decisions(
    predictions: Predictions, classes: NDArray[Any], rules: ScoringRules
) -> NDArray[Any] | None:
    """Scores that were returned beside labels; bad ones are left out, as if there were none."""
    if predictions.scores is None or positive_code(classes, rules) is None:
        return None
    try:
        checked = check_predictions(
            predictions.scores, rows=len(predictions.values), output_kind=OutputKind.SCORE
        )
        columns = columns_of(of_decision_function(checked), OutputKind.SCORE, classes, rules)
    except BadPredictionsError:
        return None
    return decisions_of(columns, classes, rules)


def _extra_probabilities(
    predictions: Predictions, classes: NDArray[Any], rules: ScoringRules
) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    """Probabilities that were returned beside labels or scores; bad ones are left out, with a warning."""
    if predictions.probabilities is None:
        return None, ()
    try:
        checked = check_predictions(
            predictions.probabilities, rows=len(predictions.values), output_kind=OutputKind.PROBA
        )
        return columns_of(checked, OutputKind.PROBA, classes, rules), ()
    except BadPredictionsError as exc:
        return None, (f"the probabilities were left out: {exc}",)


def columns_of(
    values: NDArray[Any], kind: OutputKind, classes: NDArray[Any], rules: ScoringRules
) -> NDArray[Any]:
    """One column per class, in sort order. A single column of a binary target gets the other one."""
    if values.ndim == 2:  # noqa: PLR2004 - rows and columns
        if values.shape[1] == len(classes):
            return values
        raise BadPredictionsError(
            f"predict returned {values.shape[1]} columns for {len(classes)} classes",
            "return one column per class, in the sort order of the classes",
        )
    positive = positive_code(classes, rules)
    if positive is None:
        raise BadPredictionsError(
            f"predict returned one {kind} per row for {len(classes)} classes",
            "return one column per class, in the sort order of the classes, or declare output_kind: labels",
        )
    other = 1 - values if kind is OutputKind.PROBA else np.zeros_like(values)
    return np.column_stack([values, other] if positive == 0 else [other, values])


def _decided(
    columns: NDArray[Any], kind: OutputKind, classes: NDArray[Any], rules: ScoringRules
) -> NDArray[np.intp]:
    """The predicted class: of two the positive one from the threshold on; of more the largest value."""
    positive = positive_code(classes, rules)
    if positive is None:
        return np.asarray(columns.argmax(axis=1))
    measured: NDArray[Any] = (
        columns[:, positive] if kind is OutputKind.PROBA else decisions_of(columns, classes, rules)
    )
    threshold = _DEFAULT_THRESHOLD[kind] if rules.threshold is None else rules.threshold
    return np.where(measured >= threshold, positive, 1 - positive)


def decisions_of(columns: NDArray[Any], classes: NDArray[Any], rules: ScoringRules) -> NDArray[Any]:
    positive = positive_code(classes, rules)
    return columns if positive is None else columns[:, positive] - columns[:, 1 - positive]
