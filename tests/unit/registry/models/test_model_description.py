"""What people say of their models, as plain values."""

import json
from enum import StrEnum

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from bakeoff.domain.errors import InvalidInputError
from registry.columns.input_example import example_from_json, example_to_json
from registry.columns.json_values import jsonable
from registry.models.model_description import describe, preprocessor_artifact

FRAME = pd.DataFrame(
    {
        "whole": [1, 2],
        "part": [1.5, None],
        "small": np.array([1, 2], dtype="float32"),
        "word": ["x", None],
        "kind": pd.Categorical(["u", "v"]),
        "flag": [True, False],
        "day": pd.to_datetime(["2024-01-01", "2024-02-01"]),
        "moment": pd.to_datetime(["2024-01-01T00:00:00+02:00", None]),
        "maybe": pd.array([1, None], dtype="Int64"),
    }
)


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"a": (1, 2)}, {"a": [1, 2]}),
        ({1: {2.5}}, {"1": [2.5]}),
        (np.float32(0.5), 0.5),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (Colour.RED, "red"),
        (pd.Timestamp("2024-01-01"), "2024-01-01T00:00:00"),
        (LinearRegression(), "LinearRegression()"),
        (None, None),
    ],
)
def test_any_value_becomes_what_json_can_hold(value, plain):
    assert json.loads(json.dumps(jsonable(value), allow_nan=False)) == plain


def test_an_example_comes_back_as_it_was():
    said = json.loads(json.dumps(example_to_json(FRAME), allow_nan=False))

    pd.testing.assert_frame_equal(example_from_json(said), FRAME)


def test_an_example_is_a_few_rows():
    assert len(example_to_json(pd.DataFrame({"a": range(1_000)}))["data"]) == 10


def test_the_columns_of_an_array_are_its_numbers():
    assert example_to_json(np.zeros((1, 2)))["columns"] == ["0", "1"]


def test_an_example_of_a_type_that_is_not_known_here_is_plain_values():
    said = {"columns": ["a"], "dtypes": ["quaternion"], "data": [[1], ["two"]]}

    assert example_from_json(said)["a"].tolist() == [1, "two"]


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.none() | st.floats() | st.integers(-(10**6), 10**6), max_size=5))
def test_metrics_are_finite_numbers_or_none(metrics):
    said = describe(LinearRegression(), metrics=metrics).metrics

    assert set(said) == set(metrics)
    assert json.dumps(dict(said), allow_nan=False)


@pytest.mark.parametrize("value", ["0.5", [0.5], {"macro": 0.5}, 1j])
def test_a_metric_that_is_no_number_is_refused(value):
    with pytest.raises(InvalidInputError, match=r"metric 'f1' is .*: expected a number, or None"):
        describe(LinearRegression(), metrics={"f1": value})


@pytest.mark.parametrize(
    "said",
    [
        {"tags": {"a": "\ud800"}},
        {"description": "\ud800"},
        {"model_type": "\ud800"},
        {"metrics": {"\ud800": 1}},
    ],
)
def test_text_that_cannot_be_stored_is_refused(said):
    with pytest.raises(InvalidInputError, match="it is no UTF-8"):
        describe(LinearRegression(), **said)


@pytest.mark.parametrize("signature", ["float", {}, {"inputs": [{"name": "a"}], "outputs": []}, object()])
def test_what_is_no_signature_is_refused(signature):
    with pytest.raises(InvalidInputError, match="is no signature"):
        describe(LinearRegression(), signature=signature)


def test_features_are_those_that_were_given_or_signed_or_fitted():
    fitted = LinearRegression().fit(pd.DataFrame({"a": [1, 2]}), [1, 2])

    assert describe(fitted).feature_names == ("a",)
    assert describe(fitted, input_example=pd.DataFrame({"b": [1]})).feature_names == ("b",)
    assert describe(fitted, input_example=[[1]], feature_names=["c"]).feature_names == ("c",)
    assert describe(LinearRegression()).feature_names is None


def test_the_libraries_are_those_that_the_model_needs():
    libraries = describe(LinearRegression()).libraries

    assert next(iter(libraries)) == "python"
    assert {"numpy", "scikit-learn", "pandas"} <= set(libraries)


def test_a_preprocessor_is_given_back_with_the_names_it_knows():
    scaler = StandardScaler().fit(pd.DataFrame({"a": [1, 2]}))

    assert preprocessor_artifact(scaler, "churn") == {
        "preprocessor": scaler,
        "model_name": "churn",
        "feature_names_in": ["a"],
        "feature_names_out": ["a"],
    }


def test_a_preprocessor_that_knows_no_names_is_as_good():
    artifact = preprocessor_artifact(FunctionTransformer(), "churn")

    assert (artifact["feature_names_in"], artifact["feature_names_out"]) == (None, None)
