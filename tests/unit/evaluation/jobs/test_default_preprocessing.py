import warnings
from importlib import import_module

import category_encoders
import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline as imblearn_pipeline
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from bakeoff.evaluation.datasets.canonical_column import Field
from bakeoff.evaluation.jobs.default_preprocessing import date_parts, default_pipeline, with_preprocessing

NUMBER = Field(name="n", type="float64", missing=0)
GAPS = Field(name="gaps", type="float64", missing=2)
CITY = Field(name="city", type="string", missing=1)
GRADE = Field(name="grade", type="category", missing=0)
BORN = Field(name="born", type="datetime", missing=1)


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame(columns)


def prepared(fields, train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    labels = [0, 1] * (len(train) // 2)
    pipeline = with_preprocessing(LogisticRegression(), fields, train, labels)
    pipeline.fit(train, labels)
    pipeline.predict(test)
    return pipeline.named_steps["prepare"].transform(test)


def test_complete_numbers_are_left_alone():
    model = LogisticRegression()
    assert default_pipeline([NUMBER, Field(name="b", type="bool", missing=0)]) is None
    assert with_preprocessing(model, [NUMBER], frame(n=[1.0]), [0]) is model


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


TOWNS = frame(
    n=np.arange(40.0), gaps=[np.nan, *np.arange(39.0)], city=pd.array(["Rome", "Oslo"] * 20, dtype="string")
)
LABELS = np.repeat([0, 1], 20)


def of_skrub(step) -> str:
    """The name of the class in skrub, which takes half a second to import: not while tests are collected."""
    return step.removeprefix("skrub.") if isinstance(step, str) and step.startswith("skrub.") else ""


def names(steps) -> str:
    return "-".join(of_skrub(step) or type(step).__name__ for step in steps)


def prepares(*steps) -> bool:
    """Whether these steps see a frame with text and missing values as it is."""
    made = [getattr(import_module("skrub"), of_skrub(step))() if of_skrub(step) else step for step in steps]
    model = imblearn_pipeline(*made, LogisticRegression())
    made = with_preprocessing(model, [NUMBER, GAPS, CITY], TOWNS, LABELS)
    if made is not model:
        assert [name for name, _ in made.steps] == ["prepare", "model"]
    return made is model


class Tenth(StandardScaler):
    """From elsewhere, and it can do nothing with text."""


@pytest.mark.parametrize(
    "steps",
    [
        ["skrub.TableVectorizer"],
        ["skrub.Cleaner", "skrub.TableVectorizer", StandardScaler()],
        [category_encoders.TargetEncoder(cols=["city"]), SimpleImputer()],
        [category_encoders.OneHotEncoder()],  # the missing values are left to the model, as its author wants
        [make_column_transformer((OneHotEncoder(), ["city"]), remainder=SimpleImputer())],
        [RandomOverSampler(), OneHotEncoder()],
        ["passthrough", "skrub.TableVectorizer", SimpleImputer(), SMOTE(k_neighbors=2)],
    ],
    ids=names,
)
def test_a_pipeline_whose_steps_make_numbers_of_the_frame_sees_it_as_it_is(steps):
    assert prepares(*steps)


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler()],
        [Tenth()],
        [SMOTE()],
        [SMOTE(), "skrub.TableVectorizer"],  # the sampler meets the text first
        ["skrub.SquashingScaler"],
        [SimpleImputer(strategy="most_frequent")],
    ],
    ids=names,
)
def test_a_pipeline_whose_steps_need_numbers_is_prepared_like_a_plain_estimator(steps):
    assert not prepares(*steps)


@pytest.mark.parametrize(("first", "itself"), [(SimpleImputer(), True), (StandardScaler(), False)])
def test_missing_numbers_are_prepared_by_a_pipeline_that_leaves_none(first, itself):
    model = make_pipeline(first, LogisticRegression())
    train = frame(gaps=[np.nan, 1.0, 2.0, 5.0])

    assert (with_preprocessing(model, [GAPS], train, [0, 1, 0, 1]) is model) is itself


def test_the_trial_draws_nothing_from_the_chance_of_the_fit():
    class Draws(FunctionTransformer):
        def fit_transform(self, X, y=None):
            np.random.random()  # noqa: NPY002 - as old code does
            return X[["n"]]

    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].tolist(), np.random.get_state()[2]  # noqa: NPY002
    assert prepares(Draws())
    assert (np.random.get_state()[1].tolist(), np.random.get_state()[2]) == before  # noqa: NPY002


def test_a_class_of_ones_own_sees_the_frame_as_it_is():
    class Own:
        def fit(self, X, y): ...
        def predict(self, X): ...

    model = Own()

    assert with_preprocessing(model, [CITY], TOWNS, LABELS) is model


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
    pipeline = with_preprocessing(LogisticRegression(), [GAPS], frame(gaps=[1.0]), [0])
    assert isinstance(pipeline, Pipeline)
    with pytest.raises(ValueError, match="not fitted"):
        pipeline.predict(frame(gaps=[1.0]))
