"""The scoring rules of a run: the options of its request, checked, with the defaults filled in.

Also here: which test rows are scored. Sealed rows are those on which only the winner is scored, after it has
been chosen. Which they are follows from the split alone, so they are the same in every run on it.
"""

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.errors import InvalidInputError, in_field
from bakeoff.domain.metric_names_and_scoring_rules import (
    AVERAGED_METRICS,
    CLASSIFICATION_METRICS,
    EXPECTED_COST,
    RARE_CLASS_METRICS,
    REGRESSION_METRICS,
    TUNED,
    Average,
    MetricFacts,
    ScoringRules,
)
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.domain.tuning import Costs
from bakeoff.domain.wording import joined, nearest, quoted
from bakeoff.evaluation.metrics import metric_names
from registry.columns.classes_from_predictions import Label, code_of

_BINARY = 2
_COST_KEYS = frozenset({"false_positive", "false_negative"})


def resolve_rules(
    *,
    target_kind: TargetKind,
    classes: Sequence[Label],
    metrics: Sequence[str] | None = None,
    positive_label: Label | None = None,
    threshold: float | str | None = None,
    costs: Mapping[str, float] | None = None,
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
    with in_field("costs"):
        costing = _costs(costs, kind)
    with in_field("metrics"):
        if metrics is None:
            names = (*([EXPECTED_COST] if costing else []), *_default(kind, rare=has_rare_class))
        else:
            names = _metrics(metrics, kind, costing, facts)
    with in_field("positiveLabel"):
        positive = _positive_label(positive_label, kind, classes)
    with in_field("threshold"):
        cut = _threshold(threshold, kind)
    with in_field("average"):
        how = _average(average, kind, names)
    with in_field("zeroDivision"):
        zero_division = _zero_division(zero_division)
    return ScoringRules(
        metrics=names,
        positive_label=positive,
        threshold=cut,
        tuned=threshold == TUNED,
        costs=costing,
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


def _costs(given: Mapping[str, float] | None, kind: TargetKind) -> Costs | None:
    if given is None:
        return None
    if kind is not TargetKind.BINARY:
        raise InvalidInputError(
            f"costs are those of two classes, and the target is {kind}: leave them out, or give a metric of "
            "your own that knows what each answer costs"
        )
    wrong = sorted(given.keys() - _COST_KEYS) or sorted(_COST_KEYS - given.keys())
    if wrong:
        is_unknown = wrong[0] in given
        raise InvalidInputError(
            f"costs {'name' if is_unknown else 'do not say'} {joined(wrong)}: write "
            "`--costs false_positive=1,false_negative=10`, with numbers of yours"
        )
    for name, cost in given.items():
        if not (math.isfinite(cost) and cost >= 0):
            raise InvalidInputError(f"the cost of a {name} is {cost:g}: it is a number of at least 0")
    if not any(given.values()):
        raise InvalidInputError("both costs are 0: then all answers are as good; give one that is above 0")
    return Costs(**given)


def _metrics(
    names: Sequence[str], kind: TargetKind, costs: Costs | None, facts: Sequence[MetricFacts]
) -> tuple[str, ...]:
    if isinstance(names, str) or not names:
        raise InvalidInputError(
            f"metrics must be a list of one name at least, got {names!r}; such as [f1, recall]"
        )
    metric_names.check_metrics(names, kind, {one.name: one for one in facts})
    if EXPECTED_COST in names and costs is None:
        raise InvalidInputError(
            f"the metric {EXPECTED_COST} needs to know what wrong answers cost: add "
            "`--costs false_positive=1,false_negative=10`, with numbers of yours"
        )
    return tuple(dict.fromkeys(names))


def _positive_label(label: Label | None, kind: TargetKind, classes: Sequence[Label]) -> str | None:
    if kind is not TargetKind.BINARY:
        _refuse("positive label", label, kind)
        return None
    place = 1 if label is None else code_of(label, classes)
    if place is None:
        raise InvalidInputError(
            f"positive label {quoted(label)} is not a class of the target; the classes are "
            f"{_listed(classes)}{nearest(str(label), map(str, np.asarray(classes).tolist()))}"
        )
    return str(np.asarray(classes).tolist()[place])


def _threshold(threshold: float | str | None, kind: TargetKind) -> float | None:
    """None for one that is tuned: each candidate has its own."""
    if kind is not TargetKind.BINARY:
        _refuse("threshold", threshold, kind)
    if threshold is None or threshold == TUNED:
        return None
    if isinstance(threshold, str) or not math.isfinite(threshold):
        raise InvalidInputError(
            f"threshold must be a finite number, got {threshold!r}; such as 0.5, or {TUNED}"
        )
    return float(threshold)


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


def rows_to_score(split: str, rows: int, rules: ScoringRules, *, sealed: bool) -> NDArray[np.intp]:
    """The numbers of the sealed rows, or of the others, in order."""
    count = rows - rules.open_rows(rows)
    shuffled = np.random.RandomState(zlib.crc32(split.encode())).permutation(rows)  # its stream is frozen
    return np.sort(shuffled[:count] if sealed else shuffled[count:])
