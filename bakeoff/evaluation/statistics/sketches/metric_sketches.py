"""Sketches by the names of metrics: which are computed exactly, and what their intervals need to know.

precision, recall, f1     by the run's average and zero division
f1_macro, ...             as scikit-learn's scorers of these names
neg_log_loss, ...         scikit-learn's names for minus a loss
anything else             by the block jackknife, see `other_sketch`
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bakeoff.evaluation.statistics.sketches import influence_on_label_metrics, influence_on_score_metrics
from bakeoff.evaluation.statistics.sketches.influence_on_label_metrics import Average, LabelCounts, Ratio
from bakeoff.evaluation.statistics.sketches.influence_on_score_metrics import Influence
from bakeoff.evaluation.statistics.sketches.row_blocks import BlockMap, Floats, Ints, jackknife
from bakeoff.evaluation.statistics.sketches.sketch import IntervalKind, Sketch, make_sketch

_RATIOS: tuple[Ratio, ...] = ("precision", "recall", "f1")
_AVERAGES: tuple[Average, ...] = ("macro", "micro", "weighted")

#: What the name says, beside the ratio.
_RATIO_OF: dict[str, tuple[Ratio, Average | None]] = {ratio: (ratio, None) for ratio in _RATIOS} | {
    f"{ratio}_{average}": (ratio, average) for ratio in _RATIOS for average in _AVERAGES
}

#: scikit-learn's names of minus a loss, and ours of the loss.
_MINUS = {
    "neg_log_loss": "log_loss",
    "neg_brier_score": "brier",
    "neg_mean_absolute_error": "mae",
    "neg_mean_squared_error": "mse",
    "neg_root_mean_squared_error": "rmse",
}

_OF_VALUES: dict[str, Callable[[Floats, Floats, Floats | None], Influence]] = {
    "mae": influence_on_score_metrics.mae,
    "mse": influence_on_score_metrics.mse,
    "rmse": influence_on_score_metrics.rmse,
    "r2": influence_on_score_metrics.r2,
}

_OF_ANSWERS = frozenset({"accuracy", "balanced_accuracy", *_RATIO_OF})
_EXPECTED_COST = "expected_cost"
_OF_PROBABILITIES = frozenset({"log_loss", "brier", "neg_log_loss", "neg_brier_score"})
_OF_SCORES = frozenset({"roc_auc", "average_precision"})

#: Metrics from 0 to 1 among those that are left to the jackknife.
_BOUNDED = frozenset(
    {
        "completeness_score",
        "fowlkes_mallows_score",
        "homogeneity_score",
        "jaccard",
        "jaccard_macro",
        "jaccard_micro",
        "jaccard_weighted",
        "normalized_mutual_info_score",
        "rand_score",
        "roc_auc_ovo",
        "roc_auc_ovo_weighted",
        "roc_auc_ovr",
        "roc_auc_ovr_weighted",
        "top_k_accuracy",
        "v_measure_score",
    }
)


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelAnswers:
    """What a candidate answered for a classification, beside the truth."""

    true: Ints  #: codes from 0 to classes - 1
    predicted: Ints  #: codes; labels that are no class of the dataset have codes from `classes` on
    classes: int
    unseen: int = 0  #: how many such labels there are
    positive: int | None = None  #: the code of the positive class, of two
    costs: tuple[float, float] | None = None  #: of a false positive and of a false negative, of two classes
    average: Average = "macro"
    zero_division: float = 0.0
    probabilities: NDArray[Any] | None = None  #: (rows, classes)
    scores: NDArray[Any] | None = (
        None  #: the higher, the surer of the positive class; else its probability is taken
    )

    @cached_property
    def is_positive(self) -> NDArray[np.bool_]:
        is_positive: NDArray[np.bool_] = self.true == self.positive
        return is_positive

    @property
    def positive_scores(self) -> NDArray[Any] | None:
        if self.positive is None:
            return None
        if self.scores is None and self.probabilities is not None:
            return self.probabilities[:, self.positive]
        return self.scores


def exact_label_metrics(answers: LabelAnswers) -> frozenset[str]:
    """The names that `label_sketches` takes for such answers."""
    names = _OF_ANSWERS
    if answers.costs is not None and answers.positive is not None:
        names |= {_EXPECTED_COST}
    if answers.probabilities is not None:
        names |= _OF_PROBABILITIES
    if answers.classes == 2 and answers.positive_scores is not None:  # noqa: PLR2004 - two classes
        names |= _OF_SCORES
    return names


def exact_value_metrics() -> frozenset[str]:
    """The names that `value_sketches` takes."""
    return frozenset({*_OF_VALUES, *(name for name, loss in _MINUS.items() if loss in _OF_VALUES)})


def label_sketches(names: Iterable[str], answers: LabelAnswers, block_map: BlockMap) -> dict[str, Sketch]:
    """Every name must be one of `exact_label_metrics`. The answers are counted once for all of them."""
    wanted = list(names)
    _refuse_others(wanted, exact_label_metrics(answers), "these answers")
    counts = influence_on_label_metrics.count_labels(
        answers.true, answers.predicted, answers.classes + answers.unseen, block_map
    )
    return {name: _label_sketch(name, answers, counts) for name in wanted}


def value_sketches(
    names: Iterable[str], true: Floats, predicted: Floats, block_map: BlockMap
) -> dict[str, Sketch]:
    """Every name must be one of `exact_value_metrics`."""
    wanted = list(names)
    _refuse_others(wanted, exact_value_metrics(), "a regression")
    return {name: _value_sketch(name, true, predicted, block_map) for name in wanted}


def other_sketch(
    name: str, metric: Callable[[Ints], float], block_map: BlockMap, *, base: int | None = None
) -> Sketch:
    """The sketch of any metric: `metric` is given the places of the rows to look at (see `jackknife`).

    `base` is what a perfect score rests on: the rows of the rarest class; None: all rows.
    """
    value, sums = jackknife(metric, block_map)
    kind = _kind_of_other(name)
    is_loss = kind is IntervalKind.LOSS
    if is_loss:  # the name is that of minus a loss
        value, sums = -value, -sums
    sketch = make_sketch(name, value, sums, block_map, kind=kind, base=base or block_map.rows)
    return sketch.minus() if is_loss else sketch


def _kind_of_other(name: str) -> IntervalKind:
    if name.startswith("neg_"):
        return IntervalKind.LOSS
    if name.startswith("d2_") or name == "explained_variance":
        return IntervalKind.EXPLAINED
    return IntervalKind.BOUNDED if name in _BOUNDED else IntervalKind.FREE


def _label_sketch(name: str, answers: LabelAnswers, counts: LabelCounts) -> Sketch:
    if name in _MINUS:
        return replace(_label_sketch(_MINUS[name], answers, counts).minus(), metric=name)
    if name in _OF_PROBABILITIES or name in _OF_SCORES:
        return _score_sketch(name, answers, counts)
    if name in _RATIO_OF:
        ratio, average = _RATIO_OF[name]
        if average is not None:  # what scikit-learn's scorers of these names do
            answers = replace(answers, average=average, zero_division=0.0)
        return _ratio_sketch(name, ratio, answers, counts)
    if name == _EXPECTED_COST:
        return _cost_sketch(name, answers, counts)
    if name == "accuracy":
        return _accuracy_sketch(name, counts)
    influence = influence_on_label_metrics.balanced_accuracy(counts)
    return make_sketch(
        name,
        influence.value,
        influence.sums(counts),
        counts.block_map,
        kind=IntervalKind.BOUNDED,
        base=counts.rarest,
    )


def _cost_sketch(name: str, answers: LabelAnswers, counts: LabelCounts) -> Sketch:
    assert answers.costs is not None  # noqa: S101 - `exact_label_metrics` has looked
    assert answers.positive is not None  # noqa: S101 - as above
    false_positive, false_negative = answers.costs
    influence = influence_on_label_metrics.expected_cost(
        counts,
        positive=answers.positive,
        false_positive=false_positive,
        false_negative=false_negative,
    )
    return make_sketch(
        name,
        influence.value,
        influence.sums(counts),
        counts.block_map,
        kind=IntervalKind.BOUNDED_LOSS,
        base=counts.block_map.rows,
    )


def _accuracy_sketch(name: str, counts: LabelCounts) -> Sketch:
    influence = influence_on_label_metrics.accuracy(counts)
    rows = counts.block_map.rows
    return make_sketch(
        name,
        influence.value,
        influence.sums(counts),
        counts.block_map,
        kind=IntervalKind.PROPORTION,
        base=rows,
        trials=rows,
        hits=int(counts.hit_rows.sum()),
    )


def _ratio_sketch(name: str, ratio: Ratio, answers: LabelAnswers, counts: LabelCounts) -> Sketch:
    average = answers.average
    if average == "micro":
        return _accuracy_sketch(name, counts)
    influence = influence_on_label_metrics.averaged(
        ratio, counts, average=average, positive=answers.positive, zero_division=answers.zero_division
    )
    sums = influence.sums(counts)
    if average != "binary" or answers.positive is None:
        return make_sketch(
            name, influence.value, sums, counts.block_map, kind=IntervalKind.BOUNDED, base=counts.rarest
        )
    place = answers.positive
    hits, true, called = (
        int(rows[place]) for rows in (counts.hit_rows, counts.true_rows, counts.predicted_rows)
    )
    trials = {"precision": called, "recall": true, "f1": true + called - hits}[ratio]
    kind = IntervalKind.JACCARD if ratio == "f1" else IntervalKind.PROPORTION
    return make_sketch(
        name, influence.value, sums, counts.block_map, kind=kind, base=trials, trials=trials, hits=hits
    )


def _score_sketch(name: str, answers: LabelAnswers, counts: LabelCounts) -> Sketch:
    block_map = counts.block_map
    weights = block_map.weights
    if name in _OF_PROBABILITIES:
        of_probabilities = (
            influence_on_score_metrics.log_loss if name == "log_loss" else influence_on_score_metrics.brier
        )
        influence = of_probabilities(answers.true, np.asarray(answers.probabilities), weights)
        kind = IntervalKind.LOSS if name == "log_loss" else IntervalKind.BOUNDED_LOSS
        base = block_map.rows
    else:
        of_scores = (
            influence_on_score_metrics.roc_auc
            if name == "roc_auc"
            else influence_on_score_metrics.average_precision
        )
        influence = of_scores(answers.is_positive, np.asarray(answers.positive_scores), weights)
        kind = IntervalKind.BOUNDED
        positives = int(answers.is_positive.sum())
        base = positives if name == "average_precision" else min(positives, block_map.rows - positives)
    return make_sketch(
        name, influence.value, block_map.sums(influence.of_rows), block_map, kind=kind, base=base
    )


def _value_sketch(name: str, true: Floats, predicted: Floats, block_map: BlockMap) -> Sketch:
    if name in _MINUS:
        return replace(_value_sketch(_MINUS[name], true, predicted, block_map).minus(), metric=name)
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large to be squared comes out undefined
        influence = _OF_VALUES[name](true, predicted, block_map.weights)
        sums = block_map.sums(influence.of_rows)
    kind = IntervalKind.EXPLAINED if name == "r2" else IntervalKind.LOSS
    return make_sketch(name, influence.value, sums, block_map, kind=kind, base=block_map.rows)


def _refuse_others(wanted: list[str], exact: frozenset[str], what: str) -> None:
    others = sorted(set(wanted) - exact)
    if others:
        raise ValueError(
            f"no exact sketch of {', '.join(others)} for {what}; expected {', '.join(sorted(exact))}, "
            f"or use other_sketch"
        )
