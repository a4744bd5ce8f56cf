"""What wrong answers cost on average: the metric, its interval, and what a run may say of costs."""

from typing import Any

import numpy as np
import pytest

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules, greater_is_better
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.metrics.run_scoring_options import resolve_rules
from bakeoff.evaluation.metrics.score_predictions import Scores, score
from registry.columns.check_predictions import Predictions

TRUE = np.array(["no"] * 6 + ["yes"] * 4)
SAID = np.array(["no"] * 4 + ["yes"] * 2 + ["yes"] * 3 + ["no"])  # two false positives, a false negative


def rules(**given: Any) -> ScoringRules:
    return resolve_rules(target_kind=TargetKind.BINARY, classes=["no", "yes"], **given)


def scored(weights: np.ndarray | None = None, **given: Any) -> Scores:
    costs = {"false_positive": 1.0, "false_negative": 10.0}
    return score(
        TRUE,
        Predictions(values=SAID, output_kind=OutputKind.LABELS),
        rules=rules(costs=costs, **given),
        target_kind=TargetKind.BINARY,
        classes=["no", "yes"],
        weights=weights,
    )


def test_two_false_positives_and_a_false_negative_of_ten_rows_cost_1_2() -> None:
    assert scored().metrics["expected_cost"] == pytest.approx((2 * 1 + 1 * 10) / 10)
    assert scored(positive_label="no").metrics["expected_cost"] == pytest.approx((1 * 1 + 2 * 10) / 10)


def test_rows_count_by_their_weights() -> None:
    assert scored(np.array([1.0] * 9 + [2.0])).metrics["expected_cost"] == pytest.approx(22 / 11)


def test_its_interval_holds_it_and_begins_at_no_less_than_0() -> None:
    found = scored().intervals["expected_cost"]

    assert 0 <= found.low < 1.2 < found.high


def test_less_of_it_is_better_and_with_costs_it_ranks() -> None:
    assert not greater_is_better("expected_cost")
    assert rules(costs={"false_positive": 1, "false_negative": 2}).metrics[0] == "expected_cost"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"metrics": ["expected_cost"]}, "needs to know what wrong answers cost: add `--costs false_pos"),
        ({"costs": {"false_positive": 1}}, "costs do not say false_negative"),
        ({"costs": {"false_positive": 1, "false_negative": 1, "maybe": 1}}, "costs name maybe"),
        ({"costs": {"fp": 1, "fn": 10}}, "costs name fn and fp"),
        ({"costs": {"false_positive": -1, "false_negative": 1}}, "the cost of a false_positive is -1"),
        ({"costs": {"false_positive": 0, "false_negative": 0}}, "both costs are 0"),
        ({"threshold": "best"}, "threshold must be a finite number, got 'best'; such as 0.5, or tuned"),
    ],
)
def test_what_says_nothing_is_refused_with_the_cure(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        rules(**given)


def test_more_than_two_classes_have_no_costs() -> None:
    with pytest.raises(InvalidInputError, match="costs are those of two classes"):
        resolve_rules(
            target_kind=TargetKind.MULTICLASS,
            classes=["a", "b", "c"],
            costs={"false_positive": 1, "false_negative": 1},
        )
