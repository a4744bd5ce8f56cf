import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from bakeoff.evaluation.metrics import built_in_metrics

NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=30))
def test_the_metrics_equal_those_of_scikit_learn(pairs):
    true, predicted = (np.array(side) for side in zip(*pairs, strict=True))

    assert built_in_metrics.r2(true, predicted) == pytest.approx(
        sk.r2_score(true, predicted), rel=1e-9, abs=1e-9
    )
    assert built_in_metrics.mae(true, predicted) == pytest.approx(
        sk.mean_absolute_error(true, predicted), rel=1e-12
    )
    theirs = sk.root_mean_squared_error(true, predicted)
    assert built_in_metrics.rmse(true, predicted) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(("predicted", "r2"), [([2.0, 2.0, 2.0], 1.0), ([2.0, 2.0, 3.0], 0.0)])
def test_r2_of_a_constant_truth_is_one_if_it_is_hit_and_else_zero(predicted, r2):
    true = np.array([2.0, 2.0, 2.0])

    assert built_in_metrics.r2(true, np.array(predicted)) == r2
    assert sk.r2_score(true, predicted) == r2


def test_r2_of_one_row_is_undefined_and_the_errors_are_not():
    true, predicted = np.array([1.0]), np.array([3.0])

    assert math.isnan(built_in_metrics.r2(true, predicted))
    assert built_in_metrics.mae(true, predicted) == 2.0
    assert built_in_metrics.rmse(true, predicted) == 2.0


def test_residuals_are_what_is_true_minus_what_was_predicted():
    summary = built_in_metrics.residuals(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 0.0]))

    assert summary["mean"] == 2.0
    assert summary["std"] == pytest.approx(0.816496580927726)
    assert summary["quantiles"] == {
        "0": 1.0,
        "0.05": pytest.approx(1.1),
        "0.25": 1.5,
        "0.5": 2.0,
        "0.75": 2.5,
        "0.95": pytest.approx(2.9),
        "1": 3.0,
    }
