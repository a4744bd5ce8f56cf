import numpy as np
import pandas as pd
import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.datasets.canonical_column import Column, canonical
from bakeoff.evaluation.datasets.refuse_unusable_dataset import (
    check_rows,
    check_split,
    check_values,
    feature_names,
)
from bakeoff.evaluation.datasets.splits.split_train_and_test import split_by_files
from bakeoff.evaluation.datasets.target_column import target_of
from bakeoff.settings.setting_definitions import DatasetSettings


def columns(**values) -> list[Column]:
    return [canonical(pd.Series(series), name) for name, series in values.items()]


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


def test_training_rows_of_one_class_are_refused():
    (target,) = columns(y=["a", "a", "b"])
    with pytest.raises(InvalidInputError, match="all training rows are of one class of 'y'"):
        (check_split(target_of(target, None), split_by_files(2, 3)))
