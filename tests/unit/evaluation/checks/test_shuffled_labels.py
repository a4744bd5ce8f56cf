"""What counts as chance after a fit to shuffled labels, and when refits prove a leak."""

from typing import Any

import numpy as np
import pytest

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.finding import Finding, Severity, ShuffleCheck
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.checks.shuffled_labels import above_chance, is_decided, is_leak, shuffle_findings
from bakeoff.evaluation.jobs.fit_and_predict import shuffled_labels
from registry.columns.check_predictions import Predictions

TWO = ScoringRules(metrics=("roc_auc",), positive_label="yes", average=Average.BINARY)
THREE = ScoringRules(metrics=("f1",), average=Average.MACRO)
NUMBERS = ScoringRules(metrics=("r2",))
TRUE = np.array(["no", "no", "yes", "yes"])


def of_two(values: Any, kind: OutputKind = OutputKind.LABELS, **beside: Any) -> float:
    predictions = Predictions(values=np.asarray(values), output_kind=kind, **beside)
    return above_chance(TRUE, predictions, target_kind=TargetKind.BINARY, classes=("no", "yes"), rules=TWO)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["no", "no", "yes", "yes"], 0.5),
        (["yes", "yes", "no", "no"], -0.5),
        (["no", "no", "no", "no"], 0.0),
        (["no", "yes", "yes", "yes"], 0.25),
    ],
)
def test_labels_of_two_classes_are_chance_where_both_are_as_often_right_as_wrong(
    labels: list[str], expected: float
) -> None:
    assert of_two(labels) == pytest.approx(expected)


def test_probabilities_and_scores_count_by_their_order_whatever_labels_stand_beside_them() -> None:
    assert of_two([0.1, 0.2, 0.3, 0.4], OutputKind.PROBA) == pytest.approx(0.5)
    assert of_two([-3.0, 9.0, -2.0, 8.0], OutputKind.SCORE) == pytest.approx(0.0)
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    assert of_two(["no"] * 4, probabilities=probabilities) == pytest.approx(0.5)
    assert of_two(["no"] * 4, scores=np.array([4.0, 3.0, 2.0, 1.0])) == pytest.approx(-0.5)


def test_of_three_classes_guessing_is_right_a_third_of_the_time() -> None:
    true = np.array([0, 0, 1, 1, 2, 2])

    def of(*labels: int) -> float:
        predictions = Predictions(values=np.array(labels), output_kind=OutputKind.LABELS)
        return above_chance(
            true, predictions, target_kind=TargetKind.MULTICLASS, classes=(0, 1, 2), rules=THREE
        )

    assert of(1, 1, 1, 1, 1, 1) == pytest.approx(0.0)
    assert of(0, 0, 1, 1, 2, 2) == pytest.approx(2 / 3)


def test_numbers_are_chance_where_their_order_says_nothing_and_a_constant_says_nothing() -> None:
    true = np.array([1.0, 2.0, 3.0, 100.0])

    def of(*values: float) -> float:
        predictions = Predictions(values=np.array(values), output_kind=OutputKind.LABELS)
        return above_chance(true, predictions, target_kind=TargetKind.REGRESSION, classes=(), rules=NUMBERS)

    assert of(5.0, 6.0, 7.0, 8.0) == pytest.approx(0.5)
    assert of(8.0, 7.0, 6.0, 5.0) == pytest.approx(-0.5)
    assert of(3.0, 3.0, 3.0, 3.0) == 0.0


def test_each_refit_shuffles_otherwise_and_always_alike() -> None:
    labels = np.repeat(["a", "b", "c"], 40)
    first, again, second = (shuffled_labels(labels, refit=refit) for refit in (0, 0, 1))

    assert first.tolist() == again.tolist() != second.tolist()
    assert sorted(first.tolist()) == labels.tolist()


@pytest.mark.parametrize(
    ("scores", "decided", "leak"),
    [
        ((), False, False),
        ((0.4,) * 9, False, False),
        ((0.4,) * 10, True, True),
        ((0.09,) * 10, True, False),  # a candidate that leans to one side by chance
        ((0.4, 0.4, 0.0), True, False),
        ((*((0.4,) * 9), -0.01), True, False),
    ],
)
def test_only_ten_refits_far_above_chance_are_a_leak(
    *, scores: tuple[float, ...], decided: bool, leak: bool
) -> None:
    assert is_decided(scores) is decided
    assert is_leak(ShuffleCheck(candidate="tree", above_chance=scores)) is leak


def found(*scores: float, problem: str = "") -> list[Finding]:
    check = ShuffleCheck(candidate="tree", above_chance=scores, problem=problem)
    return list(shuffle_findings([check], {"tree": "f1 0.98"}))


def test_a_leak_is_told_with_its_figures_and_its_cure() -> None:
    [leak] = found(*(0.3, 0.5) * 5)

    assert (leak.slug, leak.severity, leak.candidates) == (
        "shuffled-labels-score",
        Severity.HIGH,
        ("tree",),
    )
    assert "fitted 10 times" in leak.message
    assert "by 0.40 on average (0.30 to 0.50; with the true ones it has f1 0.98)" in leak.message
    assert "accept: [shuffled-labels-score: the reason]" in leak.cure


def test_what_could_not_be_found_out_is_told_too_and_a_candidate_at_chance_is_no_finding() -> None:
    [unknown] = found(0.2, 0.1, problem="ValueError in fit: one class")

    assert (unknown.slug, unknown.severity) == ("shuffled-labels-unknown", Severity.MEDIUM)
    assert unknown.message == (
        "whether tree scores without the labels is not known after 2 of 10 refits, all above chance: "
        "ValueError in fit: one class"
    )
    assert found(0.2, -0.1) == []
