import numpy as np
import pandas as pd
import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.datasets.canonical_column import Column, canonical
from bakeoff.evaluation.datasets.dataset_checks import (
    check_rows,
    check_values,
    feature_names,
    repeated_rows,
    split_warnings,
    warnings_of,
)
from bakeoff.evaluation.datasets.splits.row_split import split_by_files
from bakeoff.evaluation.datasets.target import target_of
from bakeoff.settings.setting_definitions import DatasetSettings


def columns(**values) -> list[Column]:
    return [canonical(pd.Series(series), name) for name, series in values.items()]


def found(*, y=None, **values) -> list[str]:
    features = columns(**values)
    rows = len(features[0])
    (target,) = columns(y=[place % 2 for place in range(rows)] if y is None else y)
    return list(warnings_of(features, target))


def names(there: list[str], target: str = "y", **keys) -> list[str]:
    return feature_names(there, DatasetSettings(source="csv", path="d.csv", target=target, **keys), target)


def test_features_are_all_columns_but_target_and_split_column():
    assert names(["a", "y", "part", "b"], split_column="part") == ["a", "b"]


def test_features_keep_the_order_they_are_named_in():
    assert names(["a", "b", "c", "y"], features=["c", "a"]) == ["c", "a"]


def test_dropped_columns_are_no_features():
    assert names(["a", "b", "y"], drop=["a"]) == ["b"]


@pytest.mark.parametrize(
    ("there", "keys", "says"),
    [
        (["a", "target"], {"target": "tagret"}, "target: there is no column 'tagret'; did you mean 'target'"),
        (["a", "zz"], {}, "target: there is no column 'y'; the columns are 'a', 'zz'"),
        (["a", "y"], {"split_column": "part"}, "splitColumn: there is no column 'part'"),
        (["a", "y"], {"features": ["a", "b"]}, "features: there is no column 'b'"),
        (["a", "y"], {"drop": ["b"]}, "drop: there is no column 'b'"),
        (["a", "y"], {"features": ["a", "y"]}, "features names 'y', the target or split column"),
        (["a", "y"], {"drop": ["y"]}, "drop names 'y', the target or split column"),
        (["y"], {}, "no feature column is left beside the target 'y'"),
        (["a", "y"], {"drop": ["a"]}, "no feature column is left"),
        (["a", "a", "y"], {}, "columns of the same name: 'a'"),
        (["a", "y"], {"features": ["a", "a"]}, "columns of the same name: 'a'"),
    ],
)
def test_columns_that_do_not_fit_the_settings_are_named(there, keys, says):
    with pytest.raises(InvalidInputError, match=says):
        names(there, **keys)


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_rows_are_refused(rows):
    with pytest.raises(InvalidInputError, match=f"the data have {rows} rows"):
        check_rows(rows)


def test_infinite_values_are_refused_by_column():
    with pytest.raises(InvalidInputError, match="infinite values in 'b', 'c':"):
        check_values(columns(a=[1.0, np.nan], b=[1.0, np.inf], c=[-np.inf, np.nan], d=["x", "y"]))


def test_good_data_give_no_warning():
    rng = np.random.default_rng(0)
    assert found(a=rng.standard_normal(100), b=rng.integers(0, 9, 100)) == []


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([None] * 60, "columns without any value: 'a'"),
        ([7] * 60, "columns with one value only: 'a'"),
        (["x"] * 60, "columns with one value only: 'a'"),
        ([1.5] * 60, "columns with one value only: 'a'"),
        (
            list(range(60)),
            "columns that differ in every row, like an id: 'a'; name them under drop if they are",
        ),
        ([f"id{place}" for place in range(60)], "columns that differ in every row, like an id: 'a'"),
    ],
)
def test_suspicious_columns_are_warned_of(values, says):
    rng = np.random.default_rng(0)
    (warning,) = found(a=values, b=rng.standard_normal(60))
    assert warning.startswith(says)


def test_ids_and_constants_are_told_beyond_the_first_rows():
    late = [*range(2000), 0]
    assert found(a=late, b=np.random.default_rng(0).standard_normal(2001)) == []
    nearly = [1] * 2000 + [2]
    assert found(a=nearly, b=np.random.default_rng(0).standard_normal(2001)) == []


@pytest.mark.parametrize(
    "text", ["2026-03-01", "2026-03-01 12:30:00", "2026-03-01T12:30Z", "1.3.2026", "03/01/2026"]
)
def test_text_that_looks_like_dates_is_warned_of(text):
    (warning,) = found(when=[text, None] * 30, b=np.random.default_rng(0).standard_normal(60))
    assert warning == "text that looks like dates: 'when'; write `dtypes: {when: datetime}` if it is"


def test_text_that_holds_more_than_dates_is_not_taken_for_dates():
    values = ["2026-03-01", "2026-03-01 was a Sunday"] * 30
    assert found(when=values, b=np.random.default_rng(0).standard_normal(60)) == []


def test_few_rows_are_warned_of():
    assert found(a=[0.5, 1.5, 2.5]) == ["only 3 rows: the metrics say little"]


@pytest.mark.parametrize(
    ("values", "repeated"),
    [
        ({"a": [1, 2, 1, 1], "b": ["x", "y", "x", "x"]}, 2),
        ({"a": [1, 1, 1], "b": ["x", "y", "z"]}, 0),
        ({"a": [1.5, np.nan, np.nan], "b": [None, "n", "n"]}, 1),
        ({"a": [0.0, -0.0]}, 1),
        ({"a": pd.Categorical(["x", "y", "x"]), "b": [True, True, True]}, 1),
        ({"a": pd.to_datetime(["2026-01-01", "2026-01-01"])}, 1),
        ({"a": [1, 2, 3, 1, 2, 3, 4], "b": [1, 1, 1, 1, 2, 1, 1], "c": [5, 5, 5, 5, 5, 6, 5]}, 1),
    ],
)
def test_rows_that_occur_again_are_counted(values, repeated):
    assert repeated_rows(columns(**values)) == repeated


def test_repeated_rows_are_counted_as_pandas_counts_them():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.integers(0, 4, (5000, 6)), columns=list("abcdef"))
    assert repeated_rows(columns(**frame)) == frame.duplicated().sum() == 2092


def test_rows_are_told_apart_by_a_late_column_alone():
    frame = {f"c{place}": np.repeat([1.0, 2.0], 50) for place in range(13)}
    frame["last"] = np.arange(100.0)
    assert repeated_rows(columns(**frame)) == 0
    frame["last"][7] = 3.0
    assert repeated_rows(columns(**frame)) == 1


def test_repeated_rows_include_the_target():
    assert not any("repeat" in warning for warning in found(a=[1.0] * 2, y=[0, 1]))
    assert any("repeat an earlier one: 1;" in warning for warning in found(a=[1.0] * 2, y=[0, 0]))


def test_a_class_that_training_never_shows_is_warned_of():
    (target,) = columns(y=["a", "b", "a", "c"])
    split = split_by_files(2, 4)
    assert list(split_warnings(target_of(target, None), split)) == [
        "classes in the test rows that no training row shows: 'c'"
    ]


def test_training_rows_of_one_class_are_refused():
    (target,) = columns(y=["a", "a", "b"])
    with pytest.raises(InvalidInputError, match="all training rows are of one class of 'y'"):
        list(split_warnings(target_of(target, None), split_by_files(2, 3)))
