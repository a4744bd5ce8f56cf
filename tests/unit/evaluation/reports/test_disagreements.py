"""In which rows candidates disagree, and who is right there."""

import json

import numpy as np
import pandas as pd
import pytest
from fixtures.values.samples import RULES

from bakeoff.domain.candidate import OutputKind
from bakeoff.domain.metric_names_and_scoring_rules import Average, ScoringRules
from bakeoff.domain.snapshot_reference_and_split_design import TargetKind
from bakeoff.evaluation.reports.disagreements import (
    ScoredRows,
    answers_at,
    find_disagreements,
    plain_features,
)
from registry.columns.check_predictions import Predictions

TRUE = ["no", "yes", "no", "yes", "no", "yes"]


def labels(values, probabilities=None):
    return Predictions(
        values=np.array(values),
        output_kind=OutputKind.LABELS,
        probabilities=None if probabilities is None else np.array(probabilities),
    )


def of_classes(true=TRUE, classes=("no", "yes"), rules=RULES, **predictions):
    kind = TargetKind.BINARY if len(classes) == 2 else TargetKind.MULTICLASS
    return ScoredRows(
        true=np.array(true), predictions=predictions, rules=rules, target_kind=kind, classes=classes
    )


def of_numbers(true, **predicted):
    return ScoredRows(
        true=np.array(true),
        predictions={
            name: Predictions(values=np.array(values), output_kind=OutputKind.LABELS)
            for name, values in predicted.items()
        },
        rules=ScoringRules(metrics=("r2",)),
        target_kind=TargetKind.REGRESSION,
        classes=(),
    )


def test_of_two_the_rows_are_counted_in_which_exactly_one_or_none_is_right():
    found = find_disagreements(
        of_classes(
            tree=labels(["no", "yes", "yes", "no", "no", "yes"]),
            forest=labels(["no", "no", "no", "yes", "yes", "yes"]),
        )
    )
    assert (found.rows, found.differing, found.places.tolist()) == (6, 4, [1, 2, 3, 4])
    assert (found.right, found.none_right) == ({"tree": 2, "forest": 2}, 0)
    assert found.sentence == (
        "They disagree on 4 of 6 test rows: tree is right on 2 of them, forest on 2, neither on 0."
    )


def test_of_three_a_row_counts_if_not_all_predict_the_same():
    found = find_disagreements(
        of_classes(
            true=["a", "b", "c", "a"],
            classes=("a", "b", "c"),
            rules=ScoringRules(metrics=("f1",), average=Average.MACRO),
            x=labels(["a", "b", "c", "b"]),
            y=labels(["a", "b", "a", "c"]),
            z=labels(["a", "a", "c", "c"]),
        )
    )
    assert (found.places.tolist(), found.right, found.none_right) == ([1, 2, 3], {"x": 2, "y": 1, "z": 1}, 1)
    assert found.sentence.endswith("x is right on 2 of them, y on 1, z on 1, nobody on 1.")


def test_who_predicts_the_same_disagrees_nowhere():
    found = find_disagreements(of_classes(tree=labels(TRUE), forest=labels(TRUE)))
    assert found.sentence == "They predict the same in all 6 test rows."
    assert found.to_record()["differing"] == 0


def test_probabilities_become_labels_by_the_threshold_of_the_run_first():
    sure = Predictions(values=np.array([0.1, 0.6, 0.1, 0.8, 0.65, 0.9]), output_kind=OutputKind.PROBA)
    rules = ScoringRules(metrics=("f1",), positive_label="yes", average=Average.BINARY, threshold=0.7)
    tree = labels(["no"] * 6, probabilities=np.eye(2)[[int(label == "yes") for label in TRUE]])
    found = find_disagreements(of_classes(rules=rules, sure=sure, tree=tree))
    assert (found.places.tolist(), found.right) == ([1], {"sure": 0, "tree": 1})


def test_labels_that_are_no_class_are_compared_as_text():
    found = find_disagreements(
        of_classes(
            tree=labels(["no", "yes", "what", "eh", "no", "yes"]),
            forest=labels(["no", "yes", "eh", "eh", "no", "yes"]),
        )
    )
    assert (found.places.tolist(), found.right, found.none_right) == ([2], {"tree": 0, "forest": 0}, 1)


def test_answers_have_the_probability_of_what_was_predicted_where_it_is_kept():
    scored = of_classes(
        sure=Predictions(values=np.array([0.25, 0.75, 0.5, 1, 0, 1]), output_kind=OutputKind.PROBA),
        beside=labels(TRUE, probabilities=[0.125, 0.875, 0, 1, 0, 1]),
        silent=labels(TRUE),
    )
    assert answers_at(scored, np.array([1, 0])) == {
        "sure": (["yes", "no"], [0.75, 0.75]),
        "beside": (["yes", "no"], [0.875, 0.875]),
        "silent": (["yes", "no"], None),
    }


def test_of_numbers_the_distance_counts_and_who_is_nearest():
    scored = of_numbers(
        [1.0, 2.0, 3.0, 4.0, 5.0], near=[1.0, 2.5, 3.0, 4.0, 4.0], far=[1.0, 2.0, 5.0, 7.0, 6.0]
    )
    found = find_disagreements(scored)

    assert (found.rows, found.differing, found.median, found.largest) == (5, 4, 2.0, 3.0)
    assert found.places.tolist() == [3, 2, 4, 1]  # furthest apart first; of equals, in the order of the rows
    assert found.right == {"near": 2, "far": 1}  # row 4: both miss by 1
    assert found.sentence == (
        "Their predictions are 2.00 apart in the median test row, and 3.00 at most. "
        "Of 4 rows in which they differ, near is nearest to the truth in 2 and far in 1."
    )
    assert answers_at(scored, np.array([3])) == {"near": ([4.0], None), "far": ([7.0], None)}


def test_the_record_says_right_of_classes_and_nearest_of_numbers():
    classes = find_disagreements(of_classes(a=labels(TRUE), b=labels(TRUE[::-1]))).to_record()
    numbers = find_disagreements(of_numbers([1.0], a=[1.0], b=[2.0])).to_record()

    assert (classes["right"], classes["noneRight"], classes["medianDifference"]) == (
        {"a": 6, "b": 0},
        0,
        None,
    )
    assert (numbers["nearest"], numbers["noneRight"], numbers["largestDifference"]) == (
        {"a": 1, "b": 0},
        None,
        1.0,
    )


@pytest.mark.parametrize("places", [[0], [5, 0]])
def test_only_the_rows_that_are_asked_for_are_read(places, tmp_path):
    """Of a mapped file the others may even be unreadable as predictions."""
    values = np.full((6, 2), np.nan)
    values[places] = [0.25, 0.75]
    np.save(tmp_path / "p.npy", values)
    mapped = Predictions(values=np.load(tmp_path / "p.npy", mmap_mode="r"), output_kind=OutputKind.PROBA)

    answers = answers_at(of_classes(mapped=mapped), np.array(places))

    assert answers == {"mapped": (["yes"] * len(places), [0.75] * len(places))}


def test_features_become_plain_values_and_none_where_they_are_missing():
    frame = pd.DataFrame(
        {
            "n": np.array([1.5, np.nan], dtype="float32"),
            "i": np.array([1, 2], dtype="int8"),
            "ok": [True, False],
            "born": pd.to_datetime(["2026-01-02", None]),
            "city": pd.Series(["Rome", None], dtype="string"),
            "grade": pd.Categorical(["a", None]),
        }
    )
    expected = [
        {"n": 1.5, "i": 1, "ok": True, "born": "2026-01-02T00:00:00", "city": "Rome", "grade": "a"},
        {"n": None, "i": 2, "ok": False, "born": None, "city": None, "grade": None},
    ]
    assert plain_features(frame) == expected
    assert json.loads(json.dumps(plain_features(frame))) == expected
