"""Metrics of an installed package, `tests/packages/shop`."""

import numpy as np
import pytest

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import Average, MetricFacts, ScoringRules, is_custom
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.metrics.custom_metric_function import load_metric, load_metrics
from bakeoff.evaluation.metrics.metric_names import check_metrics, may_need_probabilities
from bakeoff.evaluation.metrics.score_predictions import score
from registry.columns.check_predictions import Predictions

pytestmark = pytest.mark.usefixtures("shop")
BINARY, MULTICLASS, REGRESSION = TargetKind.BINARY, TargetKind.MULTICLASS, TargetKind.REGRESSION


ANSWERS = Predictions(values=np.array(["no", "yes", "no", "no"]), output_kind=OutputKind.LABELS)


def refusal(name, kind=BINARY):
    with pytest.raises(InvalidInputError) as caught:
        check_metrics([name], kind, {name: load_metric(name).facts} if is_custom(name) else {})
    return str(caught.value)


def scored(name, predictions, *, truth=("no", "yes", "yes", "no"), positive="yes"):
    rules = ScoringRules(metrics=("accuracy", name), positive_label=positive, average=Average.BINARY)
    return score(
        np.array(truth),
        predictions,
        rules=rules,
        target_kind=BINARY,
        classes=["no", "yes"],
        functions=load_metrics(rules.custom),
    )


def test_a_metric_of_a_package_is_named_like_a_built_in_one_and_computed_beside_it():
    check_metrics(["f1", "profit"], BINARY)
    found = scored("profit", ANSWERS)

    assert found.metrics == {"accuracy": 0.75, "profit": 29.0}


@pytest.mark.parametrize(("positive", "expected"), [("yes", 0.625), ("no", 0.625)])
def test_a_metric_that_needs_probabilities_gets_a_column_for_each_class(positive, expected):
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75], [0.5, 0.5], [0.75, 0.25]])
    found = scored(
        "sureness", Predictions(values=probabilities, output_kind=OutputKind.PROBA), positive=positive
    )

    assert found.metrics["sureness"] == expected


def test_without_probabilities_it_is_undefined_and_a_warning_says_why():
    found = scored("sureness", ANSWERS)

    assert found.metrics == {"accuracy": 0.75, "sureness": None}
    assert found.details["warnings"] == [
        (
            "sureness failed: bakeoff.evaluation.metrics.sklearn_scorers.NotAnsweredError: "
            "it needs probabilities: declare output_kind: proba"
        ),
    ]


def test_cells_are_asked_for_probabilities_only_if_a_metric_needs_them():
    facts = tuple(load_metric(name).facts for name in ("sureness", "profit"))

    assert may_need_probabilities(ScoringRules(metrics=("f1", "sureness"), facts=facts), BINARY)
    assert not may_need_probabilities(ScoringRules(metrics=("f1", "profit"), facts=facts), BINARY)
    assert not may_need_probabilities(ScoringRules(metrics=("unimportable",)), BINARY)


def test_the_function_says_which_direction_is_better():
    assert load_metric("profit").facts == MetricFacts(name="profit", greater_is_better=True)
    assert not load_metric("gap").facts.greater_is_better


def test_a_metric_is_refused_for_a_target_that_it_does_not_fit():
    check_metrics(["gap"], REGRESSION, {"gap": load_metric("gap").facts})

    assert refusal("gap") == "metric 'gap' does not fit a binary target, it says itself"
    assert (
        refusal("sureness", REGRESSION)
        == "metric 'sureness' does not fit a regression target, it says itself"
    )


def test_a_built_in_metric_keeps_its_name():
    found = scored("f1", ANSWERS)

    assert found.metrics["f1"] == pytest.approx(2 / 3)


def test_the_name_of_a_scorer_is_not_taken_silently():
    assert refusal("roc_auc") == (
        "metric 'roc_auc' is a scorer of scikit-learn, and the package shop-doors 1.2 adds another of that "
        "name: let the package rename it, or name its function as package.module:function"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "unimportable",
            (
                "bakeoff.metrics 'unimportable' of the package shop-doors 1.2 cannot be loaded from "
                "shop_doors.nowhere:metric (ModuleNotFoundError: No module named 'shop_doors.nowhere'): "
                "mend the package, or uninstall it"
            ),
        ),
        ("numeric", "metric 'numeric' of the package shop-doors 1.2 is of type int, not a function"),
        (
            "demanding",
            "metric 'demanding' needs 'everything': expected 'probabilities', or no attribute `needs`",
        ),
    ],
)
def test_a_broken_entry_point_is_an_error_that_names_its_package_and_the_others_stay(name, message):
    assert refusal(name) == message
    check_metrics(["profit"], BINARY)


def test_an_unknown_name_is_answered_with_those_of_packages_too():
    message = refusal("profits")

    assert message.startswith("unknown metric 'profits': did you mean profit")
    assert "one that an installed package adds (demanding, f1, gap, numeric, profit, " in message
