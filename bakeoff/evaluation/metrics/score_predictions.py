"""Scores: the metrics of one candidate's predictions, and the details behind them, all of it JSON.

A metric that cannot be computed is None and a warning says why; the other metrics stand.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import EXPECTED_COST, Average, ScoringRules
from bakeoff.domain.runs.verdict import Interval
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.metrics import built_in_metrics, result_details, sklearn_scorers
from bakeoff.evaluation.metrics.built_in_metrics import Counts
from bakeoff.evaluation.metrics.custom_metric_function import NO_FUNCTIONS, MetricFunction
from bakeoff.evaluation.metrics.result_details import bounded, finite_or_none, printable, value_or_nan
from bakeoff.evaluation.metrics.run_scoring_options import rows_to_score
from bakeoff.evaluation.metrics.score_curves import label_curves, value_curves
from bakeoff.evaluation.metrics.score_sketches import sketches_of
from bakeoff.evaluation.metrics.sklearn_scorers import AlreadyPredicted
from bakeoff.evaluation.statistics.score_intervals import interval
from bakeoff.evaluation.statistics.sketches.metric_sketches import (
    LabelAnswers,
    exact_label_metrics,
    exact_value_metrics,
    label_sketches,
    value_sketches,
)
from bakeoff.evaluation.statistics.sketches.row_blocks import BlockMap, deal_groups, deal_rows
from bakeoff.evaluation.statistics.sketches.sketch import Sketch
from registry.columns.check_predictions import BadPredictionsError, Predictions, check_numbers
from registry.columns.classes_from_predictions import (
    ClassPredictions,
    Label,
    codes_of,
    plain_labels,
    positive_code,
    to_class_predictions,
)

_MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Scores:
    metrics: dict[str, float | None]  #: None where a metric is undefined for these predictions
    details: dict[str, Any]  #: classes, classCount, perClass and confusion, or residuals; and always warnings
    sketches: dict[str, Sketch]  #: by metric, what its intervals are computed from; absent if unknown
    curves: dict[str, Any]  #: what charts are drawn from, of bounded size; empty if there are only labels

    @property
    def intervals(self) -> dict[str, Interval]:
        found = {name: interval(sketch) for name, sketch in self.sketches.items()}
        return {name: one for name, one in found.items() if one is not None}

    def why_not_estimated(self, metric: str) -> str:
        """Why a metric has no sketch, in words: what its warning says, if there is one."""
        said = (
            one for one in self.details["warnings"] if one.startswith(f"{metric} ") or repr(metric) in one
        )
        is_known = self.metrics.get(metric) is not None
        return next(said, f"its {metric} {'has no interval' if is_known else 'is undefined on these rows'}")


@dataclass(frozen=True, kw_only=True)
class _Case:
    """One candidate's predictions and the truth, in the form that each kind of metric needs."""

    quick: Mapping[str, Callable[[], float]]  #: the built-in metrics
    true: NDArray[Any]  #: for custom metrics, as is `predicted`
    predicted: NDArray[Any]
    true_for_scorers: NDArray[Any]
    model: AlreadyPredicted
    functions: Mapping[str, MetricFunction]  #: of the custom metrics
    block_map: BlockMap
    weights: NDArray[Any] | None  #: of these rows; None: all count alike
    exact_names: frozenset[str]  #: metrics whose influence functions are known for these predictions
    exact: Callable[[Iterable[str]], dict[str, Sketch]]

    def of(self, rows: NDArray[np.intp]) -> "_Case":
        """The same case with some of the rows only, for metrics that are not built in."""
        return replace(
            self,
            true=self.true[rows],
            predicted=self.predicted[rows],
            true_for_scorers=self.true_for_scorers[rows],
            model=self.model.of(rows),
            weights=None if self.weights is None else self.weights[rows],
        )


def score(
    y_true: NDArray[Any],
    predictions: Predictions,
    *,
    rules: ScoringRules,
    target_kind: TargetKind,
    classes: Sequence[Label],
    split: str = "",
    groups: NDArray[Any] | None = None,
    weights: NDArray[Any] | None = None,
    sealed: bool = False,
    sketched: bool = True,
    functions: Mapping[str, MetricFunction] = NO_FUNCTIONS,
) -> Scores:
    """Computes the metrics. BadPredictionsError if the predictions cannot be used.

    `split` is the address of the split: only scores of the same split can be compared. `groups` names the
    group of each row; without it each row stands for itself. `weights` say how much each row counts.

    `functions`: those of the custom metrics among the rules; only cells have them.

    If the rules seal rows of the split, `sealed` scores those alone, and without it all others are scored.

    The predictions are checked again, although our code in the cell checked them: untrusted code may have
    written the file.
    """
    true = np.asarray(y_true)
    if len(predictions.values) != len(true):
        raise BadPredictionsError(f"there are {len(predictions.values)} predictions for {len(true)} rows")
    if rules.seal:
        rows = rows_to_score(split, len(true), rules, sealed=sealed)
        true, predictions = true[rows], predictions.of(rows)
        groups = None if groups is None else groups[rows]
        weights = None if weights is None else weights[rows]
        split = f"{split}, {'sealed' if sealed else 'open'} with {rules.seal}"
    block_map = block_map_of(len(true), split=split, groups=groups, weights=weights)
    return score_rows(
        true,
        predictions,
        block_map,
        rules=rules,
        target_kind=target_kind,
        classes=classes,
        sketched=sketched,
        functions=functions,
    )


def block_map_of(
    rows: int,
    *,
    split: str = "",
    groups: NDArray[Any] | None = None,
    weights: NDArray[Any] | None = None,
) -> BlockMap:
    block_map = deal_rows(rows, split=split) if groups is None else deal_groups(groups, split=split)
    return block_map if weights is None else block_map.weighted(weights)


def score_rows(
    true: NDArray[Any],
    predictions: Predictions,
    block_map: BlockMap,
    *,
    rules: ScoringRules,
    target_kind: TargetKind,
    classes: Sequence[Label],
    sketched: bool = True,
    curved: bool = True,
    functions: Mapping[str, MetricFunction] = NO_FUNCTIONS,
) -> Scores:
    """The same for rows whose blocks are known: those of a fold are blocks of the whole data.

    `sketched`: with sketches, which for metrics of unknown influence take many times as long as the metric.
    `curved`: with curves.
    """
    if target_kind is TargetKind.REGRESSION:
        return _score_values(
            true.astype(np.float64),
            predictions,
            rules,
            block_map,
            functions=functions,
            sketched=sketched,
            curved=curved,
        )
    known = np.unique(plain_labels(classes))
    return _score_labels(
        plain_labels(true),
        predictions,
        rules,
        known,
        block_map,
        functions=functions,
        sketched=sketched,
        curved=curved,
    )


def _score_values(
    true: NDArray[np.float64],
    predictions: Predictions,
    rules: ScoringRules,
    block_map: BlockMap,
    *,
    functions: Mapping[str, MetricFunction],
    sketched: bool,
    curved: bool,
) -> Scores:
    predicted = check_numbers(predictions.values, rows=len(true))
    case = _Case(
        quick={
            "r2": partial(built_in_metrics.r2, true, predicted),
            "mae": partial(built_in_metrics.mae, true, predicted),
            "rmse": partial(built_in_metrics.rmse, true, predicted),
        },
        true=true,
        predicted=predicted,
        true_for_scorers=true,
        model=AlreadyPredicted(predicted, classes=None),
        functions=functions,
        block_map=block_map,
        weights=block_map.weights,
        exact_names=exact_value_metrics(),
        exact=lambda names: value_sketches(names, true, predicted, block_map),
    )
    notes: list[str] = []
    with np.errstate(all="ignore"):  # squares that overflow are infinite, and infinite metrics become None
        metrics = {name: _measured(name, case, notes) for name in rules.metrics}
        sketches = _sketched(metrics, case, notes) if sketched else {}
        residuals = result_details.without_nan(built_in_metrics.residuals(true, predicted))
        curves = value_curves(true, predicted) if curved else {}
    details = {"residuals": residuals, "warnings": bounded(notes)}
    return Scores(metrics=metrics, details=details, sketches=sketches, curves=curves)


def _score_labels(
    true: NDArray[Any],
    predictions: Predictions,
    rules: ScoringRules,
    classes: NDArray[Any],
    block_map: BlockMap,
    *,
    functions: Mapping[str, MetricFunction],
    sketched: bool,
    curved: bool,
) -> Scores:
    answered = to_class_predictions(predictions, classes, rules)
    true_codes = _true_codes(true, classes)
    positive = positive_code(classes, rules)
    counts = built_in_metrics.count(true_codes, answered.codes, len(classes) + len(answered.unseen))
    label_answers = LabelAnswers(
        true=true_codes,
        predicted=answered.codes,
        classes=len(classes),
        unseen=len(answered.unseen),
        positive=positive,
        average=(rules.average or Average.MACRO).value,
        zero_division=rules.zero_division,
        costs=(rules.costs.false_positive, rules.costs.false_negative) if rules.costs else None,
        probabilities=answered.probabilities,
        scores=answered.decisions,
    )
    case = _Case(
        quick=_quick(counts, rules, positive),
        true=true,
        predicted=answered.labels,
        true_for_scorers=_positive_is_1(true_codes, positive),
        model=_model(answered, len(classes), positive),
        functions=functions,
        block_map=block_map,
        weights=block_map.weights,
        exact_names=exact_label_metrics(label_answers),
        exact=lambda names: label_sketches(names, label_answers, block_map),
    )
    notes = [*answered.warnings, *_unseen_note(answered, counts, classes)]
    metrics = {name: _measured(name, case, notes) for name in rules.metrics}
    sketches = _sketched(metrics, case, notes) if sketched else {}
    labels = [*classes.tolist(), *answered.unseen.tolist()]
    return Scores(
        metrics=metrics,
        details={**result_details.of_classes(counts, labels, rules), "warnings": bounded(notes)},
        sketches=sketches,
        curves=label_curves(
            true_codes,
            answered.codes,
            positive=positive,
            probabilities=answered.probabilities,
            decisions=answered.decisions,
        )
        if curved
        else {},
    )


def _sketched(metrics: Mapping[str, float | None], case: _Case, notes: list[str]) -> dict[str, Sketch]:
    """The sketches. A metric that fails on some of the rows has no interval, and one note says so."""

    def of_rows(name: str, rows: NDArray[np.intp]) -> float:
        return _value(name, case.of(rows), [])

    return sketches_of(
        metrics,
        exact_names=case.exact_names,
        exact=case.exact,
        of_rows=of_rows,
        block_map=case.block_map,
        notes=notes,
    )


def _measured(name: str, case: _Case, notes: list[str]) -> float | None:
    if case.weights is not None and name in case.exact_names:
        weighted = case.exact([name])[name].value
        return finite_or_none(name, float("nan") if weighted is None else weighted, notes)
    value = case.quick[name]() if name in case.quick else _value(name, case, notes)
    return finite_or_none(name, value, notes)


def _value(name: str, case: _Case, notes: list[str]) -> float:
    """The value of a metric that is not built in."""
    if (function := case.functions.get(name)) is not None:
        return value_or_nan(name, lambda: _measured_by_function(function, case), notes)

    def measured() -> float:
        return sklearn_scorers.measure(name, case.model, case.true_for_scorers, case.weights)

    return value_or_nan(name, measured, notes)


def _measured_by_function(function: MetricFunction, case: _Case) -> float:
    if function.facts.needs_probabilities:
        return function(case.true_for_scorers, case.model.predict_proba(None))
    return function(case.true, case.predicted)


def _quick(counts: Counts, rules: ScoringRules, positive: int | None) -> dict[str, Callable[[], float]]:
    averaged = partial(
        built_in_metrics.averaged,
        counts=counts,
        average=rules.average or Average.MACRO,
        positive=positive,
        zero_division=rules.zero_division,
    )
    known: dict[str, Callable[[], float]] = {
        "precision": partial(averaged, "precision"),
        "recall": partial(averaged, "recall"),
        "f1": partial(averaged, "f1"),
        "accuracy": partial(built_in_metrics.accuracy, counts),
        "balanced_accuracy": partial(built_in_metrics.balanced_accuracy, counts),
    }
    if rules.costs is not None and positive is not None:
        known[EXPECTED_COST] = partial(
            built_in_metrics.expected_cost,
            counts,
            positive=positive,
            false_positive=rules.costs.false_positive,
            false_negative=rules.costs.false_negative,
        )
    return known


def _true_codes(true: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp]:
    codes, unknown = codes_of(true, classes)
    if unknown.size:
        raise InvalidInputError(
            f"the true labels hold {_named(unknown)}, not among the classes {_named(classes)}: "
            f"give the classes of this dataset"
        )
    return codes


def _model(answered: ClassPredictions, classes: int, positive: int | None) -> AlreadyPredicted:
    proba = answered.probabilities
    return AlreadyPredicted(
        _positive_is_1(answered.codes, positive),
        classes=classes,
        probabilities=proba[:, ::-1] if proba is not None and positive == 0 else proba,
        decisions=answered.decisions,
    )


def _positive_is_1(codes: NDArray[np.intp], positive: int | None) -> NDArray[np.intp]:
    """Codes for scorers: of two classes the positive one becomes 1. Unknown labels keep their codes."""
    return np.where(codes < 2, 1 - codes, codes) if positive == 0 else codes  # noqa: PLR2004 - two classes


def _unseen_note(answered: ClassPredictions, counts: Counts, classes: NDArray[Any]) -> list[str]:
    if not answered.unseen.size:
        return []
    rows = int(counts.predicted[len(classes) :].sum())
    found, known = _named(answered.unseen), _named(classes)
    return [
        f"{rows} of {len(answered.codes)} predictions count as wrong: {found}, where the classes are {known}"
    ]


def _named(labels: NDArray[Any]) -> str:
    named = ", ".join(printable(repr(label), 40) for label in labels[:_MOST_NAMED].tolist())
    return f"{named}, ... ({len(labels)} in all)" if len(labels) > _MOST_NAMED else named
