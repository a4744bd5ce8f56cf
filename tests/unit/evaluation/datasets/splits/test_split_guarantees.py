"""What every split promises, whatever the data: the promises of scikit-learn's splitters, and a few more."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold, TimeSeriesSplit

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import Design
from bakeoff.evaluation.datasets.canonical_column import Column, canonical
from bakeoff.evaluation.datasets.canonical_table import Table
from bakeoff.evaluation.datasets.splits.make_split import make_split
from bakeoff.evaluation.datasets.splits.split_train_and_test import FoldRows, Split
from bakeoff.evaluation.datasets.target_column import target_of


def a_table(y: list, **roles: list) -> Table:
    """Columns that a design looks at, by name; a column `part` says who is trained on."""
    columns = {name: canonical(pd.Series(values), name) for name, values in roles.items()}
    target: Column = canonical(pd.Series(y), "y")
    return Table(
        columns=(target,),
        target=target_of(target, None),
        split_column=columns.pop("part", None),
        design_columns=columns,
        ignored_group=None,
        train_rows=None,
    )


def split_of(table: Table, *, seed: int = 0, test_size: float = 0.25, **design) -> Split:
    return make_split(table, Design(**design), seed=seed, test_size=test_size)


def parts(split: Split) -> list[FoldRows]:
    return list(split.folds) or [FoldRows(train=split.train, test=split.test)]


classes = st.lists(st.sampled_from("abc"), min_size=12, max_size=60).filter(lambda y: len(set(y)) > 1)


def with_groups(y: list, draw) -> tuple[np.ndarray, Table]:
    groups = draw(
        st.lists(st.integers(0, 9), min_size=len(y), max_size=len(y)).filter(lambda g: len(set(g)) > 3)
    )
    return np.array(groups), a_table(y, who=groups)


@given(y=classes, folds=st.integers(2, 6), repeats=st.integers(1, 3), seed=st.integers(0, 9))
def test_every_row_is_tested_once_in_each_repeat_and_never_trained_on_then(y, folds, repeats, seed):
    table = a_table([*y, *"aabbcc"])
    split = split_of(table, folds=folds, repeats=repeats, seed=seed)

    assert len(split.folds) == folds * repeats
    for repeat in range(repeats):
        tested = [fold.test for fold in split.folds[repeat * folds : (repeat + 1) * folds]]
        assert sorted(np.concatenate(tested)) == list(range(table.rows))
    for fold in split.folds:
        assert sorted([*fold.train, *fold.test]) == list(range(table.rows))


@given(y=classes, folds=st.integers(2, 6), seed=st.integers(0, 9))
def test_no_two_folds_differ_by_more_than_a_row_of_any_class_or_in_all(y, folds, seed):
    y = [*y, *"aabbcc"]
    split = split_of(a_table(y), folds=folds, seed=seed)

    for some in ["abc", *"abc"]:
        counts = [sum(y[row] in some for row in fold.test) for fold in split.folds]
        assert max(counts) - min(counts) <= 1


@given(data=st.data(), y=classes, folds=st.integers(1, 4), stratify=st.booleans(), seed=st.integers(0, 9))
def test_no_group_is_on_both_sides(data, y, folds, stratify, seed):
    groups, table = with_groups(y, data.draw)

    split = split_of(table, folds=folds, group="who", stratify=stratify, seed=seed)

    for part in parts(split):
        assert not set(groups[part.train]) & set(groups[part.test])
        assert len(part.train) > 0
        assert len(part.test) > 0


@given(data=st.data(), y=classes, folds=st.integers(2, 4))
def test_folds_of_groups_test_every_row_once(data, y, folds):
    _, table = with_groups(y, data.draw)

    split = split_of(table, folds=folds, group="who", repeats=2)

    for repeat in (split.folds[:folds], split.folds[folds:]):
        assert sorted(np.concatenate([fold.test for fold in repeat])) == list(range(table.rows))


@given(
    times=st.lists(st.integers(0, 12), min_size=12, max_size=60).filter(lambda times: len(set(times)) > 9),
    folds=st.integers(1, 2),
    gap=st.integers(0, 1),
)
def test_nothing_is_trained_on_that_is_not_earlier_than_all_that_is_tested(times, folds, gap):
    table = a_table([place % 2 + 0.5 for place in range(len(times))], day=times)
    try:
        split = split_of(table, folds=folds, time="day", gap=gap)
    except InvalidInputError:  # most rows have the first time
        reject()

    at = np.array(times)
    tested = [row for part in parts(split) for row in part.test]
    assert len(set(tested)) == len(tested)
    for part in parts(split):
        assert at[part.train].max() < at[part.test].min()


@given(rows=st.integers(20, 60), folds=st.integers(2, 5), gap=st.integers(0, 2))
def test_windows_of_distinct_times_are_those_of_scikit_learn(rows, folds, gap):
    days = np.random.RandomState(rows).permutation(rows)
    split = split_of(a_table(days / 2.5, day=days), folds=folds, time="day", gap=gap)

    theirs = TimeSeriesSplit(n_splits=folds, gap=gap).split(np.arange(rows))

    for mine, (train, test) in zip(split.folds, theirs, strict=True):
        assert (days[mine.train].tolist(), days[mine.test].tolist()) == (train.tolist(), test.tolist())


def test_folds_of_groups_have_shares_of_the_classes_as_even_as_those_of_scikit_learn():
    random = np.random.RandomState(0)
    groups = random.randint(0, 60, 600)
    y = (random.random(600) < np.where(groups % 4, 0.1, 0.7)).astype(int)

    def unevenness(tests) -> float:
        return float(np.std([y[test].mean() for test in tests]))

    mine = unevenness(fold.test for fold in split_of(a_table(y, who=groups), folds=5, group="who").folds)
    theirs = [
        unevenness(
            test for _, test in StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(y, y, groups)
        )
        for seed in range(5)
    ]
    assert mine <= max(theirs)


def test_one_split_by_groups_tests_about_the_share_of_the_rows_and_of_each_class():
    random = np.random.RandomState(1)
    groups = random.randint(0, 100, 1000)
    y = (random.random(1000) < 0.2).astype(int)

    split = split_of(a_table(y, who=groups), group="who", test_size=0.3)

    assert len(split.test) == pytest.approx(300, abs=15)
    assert y[split.test].sum() == pytest.approx(0.3 * y.sum(), abs=8)


@pytest.mark.parametrize("design", [{"folds": 3}, {"folds": 3, "group": "who"}])
def test_more_repeats_leave_the_first_ones_as_they_were(design):
    table = a_table([*"ab"] * 10, who=[row // 2 for row in range(20)])

    once, thrice = split_of(table, **design), split_of(table, **design, repeats=3)

    assert [fold.test.tolist() for fold in thrice.folds[:3]] == [fold.test.tolist() for fold in once.folds]


def test_the_data_say_which_rows_are_tested_together():
    split = split_of(a_table([*"abab"] * 2, lot=[*"yxyxyxzz"]), fold_column="lot")

    assert [fold.test.tolist() for fold in split.folds] == [[1, 3, 5], [0, 2, 4], [6, 7]]
    assert (split.design.folds, split.test_rows, split.train_rows) == (3, 8, 6)


def test_times_that_are_text_are_ordered_as_times():
    days = ["2026-02-01T10:00:00+02:00", "2026-02-01T09:00:00Z", "2025-12-31", "2026-03-01"]
    split = split_of(a_table([*"abab"], day=days), time="day", test_size=0.5)

    assert (split.train.tolist(), split.test.tolist()) == ([2, 0], [1, 3])


def test_two_splits_by_the_same_words_have_one_address_only_if_they_hold_the_same_rows():
    y = [*"ab"] * 10
    one, same, other = (
        split_of(a_table(y, who=[row % by for row in range(20)]), group="who") for by in (5, 5, 4)
    )
    assert one.how == same.how
    assert one.how["rows"] != other.how["rows"]


@pytest.mark.parametrize(
    ("design", "says"),
    [
        ({"folds": 9}, "folds is 9, and there are 8 rows: 8 folds are the most"),
        ({"folds": 5, "group": "who"}, "folds is 5, and there are 4 groups: 4 folds are the most"),
        ({"group": "same"}, "group column 'same' has one value in all rows: two groups are needed"),
        ({"group": "holes"}, "group column 'holes' is missing in 1 of 8 rows: fill it in"),
        ({"time": "same"}, "time column 'same' has the same value in all rows"),
        (
            {"time": "day", "gap": 6},
            "gap is 6, and only 6 rows by 'day' come before the first test row: 5 is",
        ),
        (
            {"time": "day", "folds": 8},
            "folds is 8, and 8 rows with 8 times in 'day' cannot be cut into 9 parts",
        ),
        ({"time": "words"}, "time column 'words' is text that is no date, such as 'soon'"),
        ({"weight": "less"}, "weight column 'less' holds -1: weights are 0 or more"),
        ({"weight": "words"}, "weight column 'words' is string: weights are numbers"),
        (
            {"weight": "none"},
            "weight column 'none' is 0 in all training or all test rows: nothing would count",
        ),
        ({"weight": "few", "folds": 4}, "is 0 in all training or all test rows of fold 1 of 4"),
        ({"fold_column": "same"}, "fold column 'same' has 1 different value ('1'): it takes 2 to 1000"),
        ({"fold_column": "who", "group": "pairs"}, "fold 0 divides 2 groups of 'pairs', such as 0"),
        ({"folds": 100, "repeats": 11}, "100 folds, 11 times, are 1100 fits of each candidate: 1000 are the"),
    ],
)
def test_what_the_data_do_not_allow_is_refused_with_the_cure(design, says):
    table = a_table(
        [*"abababab"],
        who=[0, 0, 1, 1, 2, 2, 3, 3],
        pairs=[0, 1, 0, 1, 2, 3, 2, 3],
        same=[1] * 8,
        holes=["x", None, *"xyzxyz"],
        day=[*range(8)],
        less=[1.0] * 7 + [-1.0],
        none=[0] * 8,
        few=[0] * 7 + [1],
        words=["2026-01-01", "soon"] * 4,
    )
    with pytest.raises(InvalidInputError) as refused:
        split_of(table, **design)
    assert says in str(refused.value)


def test_a_split_that_the_data_say_themselves_is_held_to_groups_and_times():
    table = a_table(
        [*"abab"],
        part=["train", "train", "test", "test"],
        who=[1, 2, 2, 3],
        day=[1, 3, 3, 4],
        fit=[1, 1, 2, 3],
    )
    with pytest.raises(InvalidInputError, match="split column 'part' divides 1 group of 'who', such as 2"):
        split_of(table, group="who")
    with pytest.raises(InvalidInputError, match="split column 'part' trains on 1 row that by 'day' are not"):
        split_of(table, time="day")
    for design in ({"group": "fit"}, {"time": "fit"}):
        assert split_of(table, **design).test.tolist() == [2, 3]
    assert replace(split_of(table, group="fit")).groups.tolist() == [0, 0, 1, 2]


def test_weights_change_the_address_and_no_row() -> None:
    table = a_table([*"ab"] * 10, w=[1.5, 1.0] * 10, v=[1.0, 1.5] * 10)
    plain, one, other = split_of(table), split_of(table, weight="w"), split_of(table, weight="v")

    assert one.test.tolist() == other.test.tolist() == plain.test.tolist()
    assert one.weights.tolist() == [1.5, 1.0] * 10
    assert len({str(split.how) for split in (plain, one, other)}) == 3
