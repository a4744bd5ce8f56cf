import numpy as np
import pandas as pd
import pytest

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.datasets.canonical_column import canonical
from bakeoff.evaluation.datasets.target_column import Target, target_of


def target(values, task=None, **series) -> Target:
    return target_of(canonical(pd.Series(values, **series), "y"), task)


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        ([1, 0, 1], "binary", (0, 1)),
        ([3, 1, 2, 1], "multiclass", (1, 2, 3)),
        ([True, False], "binary", (False, True)),
        (["no", "yes", "no"], "binary", ("no", "yes")),
        ([1.0, 0.0], "binary", (0, 1)),
        ([0.5, 1.5, 0.5], "regression", ()),
        (list(range(21)), "regression", ()),
        (list(range(20)), "multiclass", tuple(range(20))),
        (["a", "b", "c"] * 30, "multiclass", ("a", "b", "c")),
    ],
)
def test_the_values_tell_what_kind_of_target_it_is(values, kind, classes):
    found = target(values)
    assert (found.kind, found.classes) == (kind, classes)
    assert [type(label) for label in found.classes] == [type(label) for label in classes]


def test_categories_are_classes_in_sort_order_and_only_those_that_occur():
    values = pd.Categorical(["low", "high", "low"], categories=["low", "mid", "high"], ordered=True)
    found = target(values)
    assert found.classes == ("high", "low")
    assert found.labels.tolist() == ["low", "high", "low"]
    assert found.codes is not None
    assert found.codes.tolist() == [1, 0, 1]


def test_categories_of_numbers_keep_their_numbers():
    assert target([3, 1, 3], dtype="category").classes == (1, 3)


def test_labels_are_never_objects():
    found = target(["b", "a", "b"], dtype="object")
    assert found.labels.dtype == np.dtype("<U1")
    assert found.labels.tolist() == ["b", "a", "b"]


def test_the_task_outranks_the_values():
    assert target([1, 2, 3], "regression").kind == "regression"
    assert target(list(range(30)), "multiclass").kind == "multiclass"
    assert target([0, 1], "multiclass").kind == "multiclass"


def test_numbers_of_a_regression_are_floats():
    assert target([1, 2, 3], "regression").labels.dtype == np.float64
    assert target([0.5, 2, 3], dtype="float32").labels.dtype == np.float32


@pytest.mark.parametrize(
    ("values", "task", "says"),
    [
        ([1, None, None], None, "target 'y' is missing in 2 of 3 rows"),
        ([1, 1, 1], None, "target 'y' has only the class '1': two classes are needed"),
        (["a", "a"], None, "target 'y' has only the class 'a'"),
        ([0.5, 0.5], None, "target 'y' is 0.5 in every row: nothing to learn"),
        ([1, 2, 3], "binary", r"target 'y' has 3 classes \('1', '2', '3'\), task binary needs two"),
        (["a", "b"], "regression", "target 'y' is string, not numbers"),
        ([0.5, 1.5], "binary", "target 'y' holds fractions, which are no classes"),
        (pd.to_datetime(["2026-01-01", "2026-01-02"]), None, "target 'y' holds dates"),
    ],
)
def test_a_target_that_cannot_be_predicted_says_why(values, task, says):
    with pytest.raises(InvalidInputError, match=says):
        target(values, task)


def test_many_whole_numbers_are_asked_about():
    assert "say task: multiclass" in target(list(range(26)) * 2).warnings[0]
    assert target(list(range(300))).warnings == ()
    assert target(list(range(26)), "regression").warnings == ()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64"])
@pytest.mark.parametrize("values", [[-128, 127, -128, 3], [0, 200, 200, 7], [2**40, 2**40 + 3, 2**40]])
def test_whole_classes_are_those_that_numpy_finds_whatever_their_type_and_place(dtype, values):
    info = np.iinfo(dtype)
    if not all(info.min <= value <= info.max for value in values):
        values = [info.min, info.max, info.min, info.max - 1]
    found = target(values, "multiclass", dtype=dtype)
    assert list(found.classes) == sorted(set(values))
    assert found.labels.tolist() == values
