import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.domain.errors import InvalidInputError
from bakeoff.evaluation.datasets.canonical_column import canonical
from bakeoff.evaluation.datasets.splits.split_train_and_test import (
    split_by_column,
    split_by_files,
    split_by_seed,
)


def test_the_split_of_a_seed_never_changes():
    split = split_by_seed(8, np.array([0, 0, 0, 0, 1, 1, 1, 1]), seed=0, test_size=0.25)
    assert split.train.tolist() == [1, 7, 3, 0, 5, 4]
    assert split.test.tolist() == [6, 2]


def test_another_seed_is_another_split():
    tests = {tuple(split_by_seed(100, None, seed=seed, test_size=0.1).test.tolist()) for seed in range(5)}
    assert len(tests) == 5


def test_classes_keep_their_shares():
    codes = np.array([0] * 80 + [1] * 16 + [2] * 4)
    split = split_by_seed(100, codes, seed=3, test_size=0.25)
    assert np.bincount(codes[split.test]).tolist() == [20, 4, 1]
    assert (split.how["stratified"], split.warnings) == (True, ())


def test_a_class_of_a_single_row_makes_the_split_unstratified_with_a_warning():
    split = split_by_seed(9, np.array([0] * 8 + [1]), seed=0, test_size=0.25)
    assert split.warnings == ("the split is not stratified: 1 class has a single row",)
    assert split.how["stratified"] is False
    assert len(split.test) == 3


def test_more_classes_than_training_rows_make_the_split_unstratified_with_a_warning():
    split = split_by_seed(6, np.array([0, 0, 1, 1, 2, 2]), seed=0, test_size=0.8)
    assert split.warnings == ("the split is not stratified: there are more classes than training rows",)


def test_rows_are_shuffled_so_that_their_place_tells_nothing():
    split = split_by_seed(1000, np.repeat([0, 1], 500), seed=0, test_size=0.5)
    halves = [part[:250] < 500 for part in (split.train, split.test)]
    assert all(100 < half.sum() < 150 for half in halves)


@pytest.mark.parametrize(
    ("rows", "test_size", "tests"), [(2, 0.01, 1), (2, 0.99, 1), (10, 0.25, 3), (10, 0.3, 3), (100, 0.07, 7)]
)
def test_both_parts_have_a_row_and_the_test_part_is_rounded_up(rows, test_size, tests):
    split = split_by_seed(rows, None, seed=0, test_size=test_size)
    assert (len(split.train), len(split.test)) == (rows - tests, tests)


@given(
    counts=st.lists(st.integers(1, 30), min_size=2, max_size=12),
    test_size=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_row_is_in_one_part_and_stratified_training_shows_each_class(counts, test_size, seed):
    codes = np.repeat(np.arange(len(counts)), counts)
    split = split_by_seed(len(codes), codes, seed=seed, test_size=test_size)
    assert sorted([*split.train, *split.test]) == list(range(len(codes)))
    assert len(split.train) > 0
    assert len(split.test) > 0
    if split.how["stratified"]:
        assert len(np.unique(codes[split.train])) == len(counts)
        off = np.bincount(codes[split.test], minlength=len(counts)) - np.array(counts) * len(
            split.test
        ) / len(codes)
        assert off.max() < len(counts)


@pytest.mark.parametrize("dtype", ["str", "category", "object"])
def test_a_column_says_which_row_is_where(dtype):
    words = pd.Series(["train", "test", "train", "test"], dtype=dtype)
    split = split_by_column(canonical(words, "part"))
    assert (split.train.tolist(), split.test.tolist()) == ([0, 2], [1, 3])


def test_columns_that_split_differently_have_another_account():
    one = split_by_column(canonical(pd.Series(["train", "test", "train"]), "part"))
    two = split_by_column(canonical(pd.Series(["train", "train", "test"]), "part"))
    assert one.how != two.how


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["train", "Test", "test"], "'part' is neither train nor test in 1 rows \\('Test'\\)"),
        (["train", None, "test"], "'part' is neither train nor test in 1 rows"),
        ([0, 1, 1], "'part' is neither train nor test in 3 rows \\('0', '1'\\)"),
        (["train", "train"], "give 2 training and 0 test rows"),
        (["test"], "give 0 training and 1 test rows"),
    ],
)
def test_a_column_that_does_not_split_is_refused(values, says):
    with pytest.raises(InvalidInputError, match=says):
        split_by_column(canonical(pd.Series(values), "part"))


def test_two_files_are_the_two_parts():
    split = split_by_files(3, 5)
    assert (split.train.tolist(), split.test.tolist()) == ([0, 1, 2], [3, 4])


def test_an_empty_test_file_is_refused():
    with pytest.raises(InvalidInputError, match="the two files give 3 training and 0 test rows"):
        split_by_files(3, 3)
