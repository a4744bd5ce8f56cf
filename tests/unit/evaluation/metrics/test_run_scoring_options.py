import math

import numpy as np
import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.metrics.run_scoring_options import has_rare_class, resolve_rules
from registry.columns.classes_from_predictions import code_of

BINARY, MULTICLASS, REGRESSION = TargetKind.BINARY, TargetKind.MULTICLASS, TargetKind.REGRESSION


def test_two_classes_have_these_defaults():
    assert resolve_rules(target_kind=BINARY, classes=["no", "yes"]) == ScoringRules(
        metrics=("f1", "precision", "recall", "accuracy"),
        positive_label="yes",
        threshold=None,
        average=Average.BINARY,
        zero_division=0.0,
    )


def test_more_classes_have_these_defaults():
    assert resolve_rules(target_kind=MULTICLASS, classes=[0, 1, 2]) == ScoringRules(
        metrics=("f1", "precision", "recall", "accuracy"), average=Average.MACRO
    )


def test_regression_has_these_defaults():
    assert resolve_rules(target_kind=REGRESSION, classes=[]) == ScoringRules(metrics=("r2", "mae", "rmse"))


def test_a_multiclass_target_with_two_classes_is_binary():
    rules = resolve_rules(target_kind=MULTICLASS, classes=["x", "y"])

    assert (rules.positive_label, rules.average) == ("y", Average.BINARY)


@pytest.mark.parametrize(
    ("given", "classes", "stored"),
    [
        ("no", ["no", "yes"], "no"),
        (0, [0, 1], "0"),
        ("0", [0, 1], "0"),
        (1, [0.0, 1.0], "1.0"),
        (False, [False, True], "False"),
        ("False", [False, True], "False"),
        (np.int64(0), np.array([0, 1]), "0"),
        (np.str_("no"), np.array(["no", "yes"]), "no"),
        (1, ["0", "1"], "1"),
    ],
)
def test_a_positive_label_is_found_by_value_or_by_its_text(given, classes, stored):
    assert resolve_rules(target_kind=BINARY, classes=classes, positive_label=given).positive_label == stored


def test_a_label_equal_by_value_goes_before_one_equal_by_text():
    assert code_of("1", [1, 2]) == 0
    assert code_of("1", ["0", "1"]) == 1
    assert code_of("3", [1, 2]) is None


def test_names_stay_in_order_and_are_measured_once():
    rules = resolve_rules(target_kind=BINARY, classes=[0, 1], metrics=["recall", "f1", "recall", "roc_auc"])

    assert rules.metrics == ("recall", "f1", "roc_auc")


def test_what_is_given_is_kept():
    rules = resolve_rules(
        target_kind=BINARY, classes=[0, 1], threshold=0.3, average="weighted", zero_division=math.nan
    )

    assert (rules.threshold, rules.average) == (0.3, Average.WEIGHTED)
    assert math.isnan(rules.zero_division)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"positive_label": "maybe"},
            "positive label 'maybe' is not a class of the target; the classes are no, yes",
        ),
        ({"threshold": math.inf}, "threshold must be a finite number, got inf"),
        (
            {"average": "macro", "metrics": ["accuracy", "roc_auc"]},
            "average 'macro' changes none of the metrics accuracy, roc_auc: leave it out, or name one of f1,",
        ),
        ({"average": "samples"}, "unknown average 'samples'; expected one of binary, macro, micro, weighted"),
        ({"zero_division": 0.5}, "zero division must be 0, 1 or nan, got 0.5"),
        ({"metrics": []}, r"metrics must be a list of one name at least, got \[\]"),
        ({"metrics": "f1"}, "metrics must be a list of one name at least, got 'f1'"),
        ({"metrics": ["f1", "mae"]}, "metric 'mae' does not fit a binary target"),
        ({"classes": ["yes"]}, "a binary target needs two classes at least, got yes"),
        ({"classes": []}, "a binary target needs two classes at least, got none"),
    ],
)
def test_wrong_rules_for_two_classes_are_refused(wrong, message):
    with pytest.raises(InvalidInputError, match=message):
        resolve_rules(**{"target_kind": BINARY, "classes": ["no", "yes"], **wrong})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"positive_label": 1}, "a multiclass target has no positive label, got 1: leave it out"),
        ({"threshold": 0.5}, "a multiclass target has no threshold, got 0.5: leave it out"),
        (
            {"average": "binary"},
            "average 'binary' needs a target of two classes; use macro, micro or weighted",
        ),
        ({"metrics": ["roc_auc"]}, "metric 'roc_auc' does not fit a multiclass target"),
    ],
)
def test_wrong_rules_for_more_classes_are_refused(wrong, message):
    with pytest.raises(InvalidInputError, match=message):
        resolve_rules(target_kind=MULTICLASS, classes=[0, 1, 2], **wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"positive_label": 1}, "a regression target has no positive label"),
        ({"threshold": 0.5}, "a regression target has no threshold"),
        ({"average": "macro"}, "a regression target has no average"),
        ({"metrics": ["f1"]}, "metric 'f1' does not fit a regression target"),
    ],
)
def test_wrong_rules_for_regression_are_refused(wrong, message):
    with pytest.raises(InvalidInputError, match=message):
        resolve_rules(target_kind=REGRESSION, classes=[], **wrong)


def test_the_error_about_a_positive_label_ends_with_the_classes():
    with pytest.raises(InvalidInputError, match=r"the classes are 0, 1$"):
        resolve_rules(target_kind=BINARY, classes=[0, 1], positive_label=5)


def test_where_few_rows_are_of_one_of_two_classes_metrics_of_the_order_join_the_defaults():
    rare = resolve_rules(target_kind=BINARY, classes=["no", "yes"], has_rare_class=True)
    several = resolve_rules(target_kind=MULTICLASS, classes=[0, 1, 2], has_rare_class=True)
    named = resolve_rules(target_kind=BINARY, classes=["no", "yes"], has_rare_class=True, metrics=["f1"])

    assert rare.metrics == ("f1", "precision", "recall", "accuracy", "roc_auc", "average_precision")
    assert several.metrics == ("f1", "precision", "recall", "accuracy")
    assert named.metrics == ("f1",)


@pytest.mark.parametrize(("rare", "expected"), [(10, True), (11, False), (90, True), (50, False)])
def test_a_class_is_rare_with_a_tenth_of_the_rows_at_most(rare, expected):
    assert has_rare_class(np.array(["yes"] * rare + ["no"] * (100 - rare))) is expected
