"""The scoring rules of a run: the options of its request, checked, with the defaults filled in."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.dataset import TargetKind
from bakeoff.domain.errors import InvalidInputError, in_field
from bakeoff.domain.metric import (
    AVERAGED_METRICS,
    CLASSIFICATION_METRICS,
    RARE_CLASS_METRICS,
    REGRESSION_METRICS,
    Average,
    MetricFacts,
    ScoringRules,
)
from bakeoff.domain.wording import quoted
from bakeoff.evaluation.metrics import metric_names
from registry.columns.class_predictions import Label, code_of

_BINARY = 2


def resolve_rules(
    *,
    target_kind: TargetKind,
    classes: Sequence[Label],
    metrics: Sequence[str] | None = None,
    positive_label: Label | None = None,
    threshold: float | None = None,
    average: str | None = None,
    zero_division: float = 0.0,
    seal: float = 0.0,
    facts: Sequence[MetricFacts] = (),
    has_rare_class: bool = False,
) -> ScoringRules:
    """Check all rules before anything is enqueued.

    `classes` are in sort order; `facts`: of the custom metrics; `has_rare_class`: whether few of the test
    rows are of one class, which adds to the metrics of a request that names none.
    """
    kind = _kind(target_kind, classes)
    with in_field("metrics"):
        names = _default(kind, rare=has_rare_class) if metrics is None else _metrics(metrics, kind, facts)
    with in_field("positiveLabel"):
        positive = _positive_label(positive_label, kind, classes)
    with in_field("threshold"):
        threshold = _threshold(threshold, kind)
    with in_field("average"):
        how = _average(average, kind, names)
    with in_field("zeroDivision"):
        zero_division = _zero_division(zero_division)
    return ScoringRules(
        metrics=names,
        positive_label=positive,
        threshold=threshold,
        average=how,
        zero_division=zero_division,
        seal=seal,
        facts=tuple(one for one in facts if one.name in names),
    )


def _kind(target_kind: TargetKind, classes: Sequence[Label]) -> TargetKind:
    if target_kind is TargetKind.REGRESSION:
        return target_kind
    if len(classes) < _BINARY:
        raise InvalidInputError(
            f"a {target_kind} target needs two classes at least, got {_listed(classes)}: "
            f"choose another target column, or task: regression"
        )
    return TargetKind.BINARY if len(classes) == _BINARY else TargetKind.MULTICLASS


def _default(kind: TargetKind, *, rare: bool) -> tuple[str, ...]:
    if kind is TargetKind.REGRESSION:
        return REGRESSION_METRICS
    more = RARE_CLASS_METRICS if rare and kind is TargetKind.BINARY else ()
    return (*CLASSIFICATION_METRICS, *more)


_RARE = 0.1


def has_rare_class(labels: NDArray[Any]) -> bool:
    """Whether at most a tenth of the labels are of one of the classes."""
    _, counts = np.unique(labels, return_counts=True)
    return bool(counts.min() <= _RARE * counts.sum())


def _metrics(names: Sequence[str], kind: TargetKind, facts: Sequence[MetricFacts]) -> tuple[str, ...]:
    if isinstance(names, str) or not names:
        raise InvalidInputError(
            f"metrics must be a list of one name at least, got {names!r}; such as [f1, recall]"
        )
    metric_names.check_metrics(names, kind, {one.name: one for one in facts})
    return tuple(dict.fromkeys(names))


def _positive_label(label: Label | None, kind: TargetKind, classes: Sequence[Label]) -> str | None:
    if kind is not TargetKind.BINARY:
        _refuse("positive label", label, kind)
        return None
    place = 1 if label is None else code_of(label, classes)
    if place is None:
        raise InvalidInputError(
            f"positive label {quoted(label)} is not a class of the target; the classes are {_listed(classes)}"
        )
    return str(np.asarray(classes).tolist()[place])


def _threshold(threshold: float | None, kind: TargetKind) -> float | None:
    if kind is not TargetKind.BINARY:
        _refuse("threshold", threshold, kind)
    if threshold is not None and not math.isfinite(threshold):
        raise InvalidInputError(f"threshold must be a finite number, got {threshold!r}; such as 0.5")
    return threshold


def _average(average: str | None, kind: TargetKind, metrics: Sequence[str]) -> Average | None:
    if kind is TargetKind.REGRESSION:
        _refuse("average", average, kind)
        return None
    if average is None:
        return Average.BINARY if kind is TargetKind.BINARY else Average.MACRO
    if average not in list(Average):
        raise InvalidInputError(f"unknown average {average!r}; expected one of {', '.join(Average)}")
    if AVERAGED_METRICS.isdisjoint(metrics):
        raise InvalidInputError(
            f"average '{average}' changes none of the metrics {', '.join(metrics)}: leave it out, or name "
            f"one of {', '.join(sorted(AVERAGED_METRICS))}; a scorer of scikit-learn has it in its name, "
            "such as f1_macro"
        )
    if average == Average.BINARY and kind is TargetKind.MULTICLASS:
        raise InvalidInputError(
            "average 'binary' needs a target of two classes; use macro, micro or weighted"
        )
    return Average(average)


def _zero_division(value: float) -> float:
    if value in (0, 1) or math.isnan(value):
        return float(value)
    raise InvalidInputError(f"zero division must be 0, 1 or nan, got {value!r}")


def _refuse(what: str, value: object, kind: TargetKind) -> None:
    if value is not None:
        raise InvalidInputError(f"a {kind} target has no {what}, got {quoted(value)}: leave it out")


def _listed(classes: Sequence[Label]) -> str:
    return ", ".join(map(str, np.asarray(classes).tolist())) or "none"
