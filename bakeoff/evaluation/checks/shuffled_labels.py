"""The shuffle check: a candidate that learned from shuffled labels must predict the test rows as chance does.

Whoever still predicts them well knows them from somewhere else than the training labels: a file that lies
beside its code, a table of answers, a model that was fitted to these rows before. What the features give
away is not seen this way (a copy of the target says nothing to who learned from shuffled labels); the checks
of the data look for that.

One refit proves nothing, since a model that learned from noise may lean far to either side. So up to ten are
made, each with labels shuffled another way, and the first that is at chance or below it ends the check: a
candidate that is in order has two on average. All ten are above chance once in a thousand times.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bakeoff.domain.finding import Finding, Severity, ShuffleCheck
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.checks.numeric_sample import roc_auc
from registry.columns.check_predictions import Predictions, check_predictions
from registry.columns.classes_from_predictions import (
    Label,
    codes_of,
    plain_labels,
    positive_code,
    to_class_predictions,
)

#: So many refits above chance, with this mean, are a leak.
REFITS = 10
LEAK = 0.1

SLUGS = ("shuffled-labels-score", "shuffled-labels-unknown")


def above_chance(
    true: NDArray[np.generic],
    predictions: Predictions,
    *,
    target_kind: TargetKind,
    classes: Sequence[Label],
    rules: ScoringRules,
) -> float:
    """How far above chance the predictions are: 0 is chance, and with two classes or numbers 0.5 is perfect.

    The area under the ROC curve less 0.5; for labels alone, and for several classes, balanced accuracy less
    that of guessing; for numbers, half the rank correlation.
    """
    if target_kind is TargetKind.REGRESSION:
        values = check_predictions(predictions.values, rows=len(true), output_kind=predictions.output_kind)
        return _rank_correlation(np.asarray(values, dtype=float), np.asarray(true, dtype=float)) / 2
    known = np.unique(plain_labels(classes))
    codes, _ = codes_of(plain_labels(true), known)
    found = to_class_predictions(predictions, known, rules)
    positive = positive_code(known, rules)
    if positive is not None:
        beside = found.decisions if found.probabilities is None else found.probabilities[:, positive]
        if beside is not None:
            is_positive = codes == positive
            return roc_auc(beside, is_positive) - 0.5 if 0 < is_positive.sum() < len(codes) else 0.0
    present = np.unique(codes)
    recalls = [float(np.mean(found.codes[codes == code] == code)) for code in present]
    return float(np.mean(recalls)) - 1 / len(present)


def _rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """0 where either has one value only."""
    if not np.ptp(one) or not np.ptp(other):
        return 0.0
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 1; equal values share the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[places]
    return ranks


def is_decided(scores: Sequence[float]) -> bool:
    """Whether further refits say nothing more."""
    return len(scores) >= REFITS or any(score <= 0 for score in scores)


def is_leak(check: ShuffleCheck) -> bool:
    scores = check.above_chance
    return len(scores) >= REFITS and min(scores) > 0 and float(np.mean(scores)) >= LEAK


def shuffle_findings(checks: Sequence[ShuffleCheck], own_scores: Mapping[str, str]) -> Iterator[Finding]:
    """`own_scores`: what each candidate scores in the run, in words, such as `f1 0.93`."""
    for check in checks:
        name, scores = check.candidate, check.above_chance
        if is_leak(check):
            yield Finding(
                slug="shuffled-labels-score",
                severity=Severity.HIGH,
                message=f"{name}, fitted {len(scores)} times to shuffled training labels, predicts the test "
                f"rows better than chance each time, by {np.mean(scores):.2f} on average "
                f"({min(scores):.2f} to {max(scores):.2f}; {_own(name, own_scores)}): it knows them from "
                "somewhere else than the training labels",
                cure="look for files, tables and earlier fits that know these rows; if it is made not to "
                "learn from labels, as a rule of thumb is, `accept: [shuffled-labels-score: the reason]`",
                candidates=(name,),
            )
        elif check.problem:
            tried = f" after {len(scores)} of {REFITS} refits, all above chance" if scores else ""
            yield Finding(
                slug="shuffled-labels-unknown",
                severity=Severity.MEDIUM,
                message=f"whether {name} scores without the labels is not known{tried}: {check.problem}",
                cure=f"mend that, then `bakeoff judge RUN --shuffle-check --model {name}`",
                candidates=(name,),
            )


def _own(name: str, own_scores: Mapping[str, str]) -> str:
    return f"with the true ones it has {own_scores[name]}" if name in own_scores else "0.5 is perfect"
