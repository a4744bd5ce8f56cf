"""The importance over all fits of a result."""

import pytest

from bakeoff.domain.metric_names_and_scoring_rules import ScoringRules
from bakeoff.domain.runs.column_importance import fit_record, importance_in


def record(score, **losses):
    return fit_record(
        ScoringRules(metrics=("f1",)), greater_is_better=True, score=score, rows=100, losses=losses
    )


def test_losses_of_all_fits_are_taken_together_and_the_greatest_comes_first():
    details = {"importance": [record(0.8, age=[0.1, 0.2], city=[0.5]), record(0.9, age=[0.3], city=[0.7])]}
    found = importance_in(details)

    assert found is not None
    assert (found.fits, found.rows, found.score) == (2, 100, pytest.approx(0.85))
    city, age = found.columns
    assert (city.column, city.loss, city.times) == ("city", pytest.approx(0.6), 2)
    assert (age.column, age.loss, age.spread) == ("age", pytest.approx(0.2), pytest.approx(0.1))
    assert (age.low, age.high) == (pytest.approx(0.1), pytest.approx(0.3))


def test_a_column_for_which_there_was_no_time_is_named_as_missing_and_one_loss_has_no_spread():
    found = importance_in({"importance": [record(0.8, age=[0.25], city=[])]})

    assert found is not None
    assert found.missing == ["city"]
    assert [(one.column, one.spread) for one in found.columns] == [("age", None)]
    assert found.columns[0].high == 0.25


def test_a_result_without_any_has_none():
    assert importance_in({}) is None
    assert importance_in({"importance": []}) is None
