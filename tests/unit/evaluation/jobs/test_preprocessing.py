import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bakeoff.evaluation.datasets.canonical_column import Field
from bakeoff.evaluation.jobs.preprocessing import date_parts, default_pipeline, with_preprocessing

NUMBER = Field(name="n", type="float64", missing=0)
GAPS = Field(name="gaps", type="float64", missing=2)
CITY = Field(name="city", type="string", missing=1)
GRADE = Field(name="grade", type="category", missing=0)
BORN = Field(name="born", type="datetime", missing=1)


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns)


def prepared(fields, train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    pipeline = with_preprocessing(LogisticRegression(), fields)
    pipeline.fit(train, [0, 1] * (len(train) // 2))
    pipeline.predict(test)
    return pipeline.named_steps["prepare"].transform(test)


def test_complete_numbers_are_left_alone():
    model = LogisticRegression()
    assert default_pipeline([NUMBER, Field(name="b", type="bool", missing=0)]) is None
    assert with_preprocessing(model, [NUMBER]) is model


def test_what_would_be_done_is_told_in_a_line_each():
    assert default_pipeline([NUMBER, GAPS, CITY, GRADE, BORN]) == (
        "gaps: missing values become the median of the training rows",
        "city, grade: one-hot, at most 20 columns each, rare values together",
        "born: year, month, day and weekday",
    )


def test_many_columns_are_counted_not_listed():
    many = [Field(name=f"c{place}", type="string", missing=0) for place in range(7)]
    assert default_pipeline(many) == (
        "c0, c1, c2, c3, c4 and 2 more: one-hot, at most 20 columns each, rare values together",
    )


@pytest.mark.parametrize("first", [SimpleImputer(), OneHotEncoder(), ColumnTransformer([])])
def test_a_pipeline_that_prepares_its_data_itself_sees_the_frame_as_it_is(first):
    pipeline = make_pipeline(first, LogisticRegression())

    assert with_preprocessing(pipeline, [GAPS]) is pipeline


def test_a_pipeline_that_only_scales_is_prepared_like_a_plain_estimator():
    pipeline = with_preprocessing(make_pipeline(StandardScaler(), LogisticRegression()), [GAPS])

    assert [name for name, _ in pipeline.steps] == ["prepare", "model"]


class _Sampler(StandardScaler):
    """As those of imbalanced-learn: it comes from elsewhere, and changes which rows there are."""

    def fit_resample(self, X, y):
        return X, y


def test_a_pipeline_with_a_sampler_in_it_is_prepared_since_samplers_need_numbers():
    fields = [Field(name="town", type="string", missing=0)]
    model = Pipeline([("sampler", _Sampler()), ("model", LogisticRegression())])

    assert isinstance(with_preprocessing(model, fields)[0], ColumnTransformer)


def test_a_class_of_ones_own_sees_the_frame_as_it_is():
    class Own:
        def fit(self, X, y): ...
        def predict(self, X): ...

    model = Own()

    assert with_preprocessing(model, [CITY]) is model


def test_missing_numbers_become_the_median_of_the_training_rows():
    train = frame(n=[1.0, 2.0, 3.0, 4.0], gaps=[1.0, np.nan, 3.0, 8.0])
    test = frame(n=[5.0], gaps=[np.nan])
    assert prepared([NUMBER, GAPS], train, test).tolist() == [[3.0, 5.0]]


def test_a_value_missing_in_the_test_rows_alone_is_filled_too():
    train = frame(gaps=[1.0, 2.0, 6.0, 9.0])
    assert prepared([GAPS], train, frame(gaps=[np.nan])).tolist() == [[4.0]]


def test_a_column_without_values_is_zero():
    train = frame(gaps=[np.nan] * 4, n=[1.0, 2.0, 3.0, 4.0])
    assert prepared([GAPS, NUMBER], train, train)[:, 0].tolist() == [0.0] * 4


def test_a_city_that_training_never_saw_is_no_error():
    train = frame(city=["Rome", "Oslo", None, "Rome"])
    assert prepared([CITY], train, frame(city=["Oslo", "Paris"])).tolist() == [
        [1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
    ]


def test_categories_are_encoded_and_their_number_is_capped():
    grades = pd.Categorical([f"g{place % 50:02}" for place in range(200)])
    assert prepared([GRADE], frame(grade=grades), frame(grade=grades)).shape == (200, 20)


def test_dates_become_numbers_and_a_missing_one_the_median():
    days = pd.to_datetime(["2026-11-20", "2026-11-21", "2026-11-22", None]).as_unit("us")
    result = prepared([BORN], frame(born=days), frame(born=days))
    assert result.tolist() == [[2026, 11, 20, 4], [2026, 11, 21, 5], [2026, 11, 22, 6], [2026, 11, 21, 5]]


def test_date_parts_of_two_columns_stand_side_by_side():
    days = pd.to_datetime(["2026-01-02"])
    assert date_parts(frame(a=days, b=days)).tolist() == [[2026, 1, 2, 4, 2026, 1, 2, 4]]


def test_nothing_of_it_warns():
    train = frame(gaps=[np.nan, 2.0] * 2, city=["a", None, "b", "a"], grade=pd.Categorical(list("xyxy")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared([GAPS, CITY, GRADE], train, frame(gaps=[1.0], city=["new"], grade=pd.Categorical(["x"])))


def test_the_steps_are_fitted_with_the_model():
    pipeline = with_preprocessing(LogisticRegression(), [GAPS])
    assert isinstance(pipeline, Pipeline)
    with pytest.raises(ValueError, match="not fitted"):
        pipeline.predict(frame(gaps=[1.0]))
