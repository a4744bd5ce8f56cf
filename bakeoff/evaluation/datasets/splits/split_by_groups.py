"""Splitting by groups: the rows of a patient, a customer or a device are all trained on, or all tested.

Groups are dealt whole. Where there are classes, they are dealt so that each part has about its share of each.
"""

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import counted
from bakeoff.evaluation.datasets.canonical_column import Column
from bakeoff.evaluation.datasets.splits.group_time_and_fold_columns import codes_in
from bakeoff.evaluation.datasets.splits.split_train_and_test import FoldRows


def group_codes(column: Column) -> np.ndarray:
    """The number of each row's group, from 0."""
    codes, values = codes_in(column, "group")
    if len(values) < 2:  # noqa: PLR2004 - one to train on, one to test
        raise InvalidInputError(
            f"group column {column.name!r} has one value in all rows: two groups are needed, one to train on "
            "and one to test"
        )
    return codes


def tested_groups(
    groups: np.ndarray, classes: np.ndarray | None, *, seed: int, test_size: float
) -> np.ndarray:
    """Which groups are tested, for one split: about the share of the rows, and of each class."""
    rows = _rows_of(groups, classes)
    totals = rows.sum(axis=0)
    wanted, have = totals * test_size, np.zeros(rows.shape[1])
    is_tested = np.zeros(len(rows), dtype=bool)
    for group in np.random.RandomState(seed).permutation(len(rows)):
        more = have + rows[group]
        if (np.abs(wanted - more) / totals).sum() < (np.abs(wanted - have) / totals).sum():
            is_tested[group], have = True, more
    if not is_tested.any():  # all groups are larger than the part to be tested
        is_tested[rows.sum(axis=1).argmin()] = True
    return is_tested


def deal_to_folds(
    groups: np.ndarray, classes: np.ndarray | None, *, folds: int, lot: np.random.RandomState
) -> np.ndarray:
    """The fold of each group. Large and one-sided groups are dealt first, since small ones fill the gaps."""
    rows = _rows_of(groups, classes)
    if len(rows) < folds:
        raise InvalidInputError(
            f"folds is {folds}, and there are {counted(len(rows), 'group')}: {len(rows)} folds are the most"
        )
    shares = rows / rows.sum(axis=0)
    order = lot.permutation(len(rows))
    weight = shares.std(axis=1) if rows.shape[1] > 1 else shares[:, 0]
    order = order[np.argsort(-weight[order], kind="stable")]
    fold_of = np.empty(len(rows), dtype=np.intp)
    have = np.zeros((folds, rows.shape[1]))
    sizes = np.zeros(folds)
    groups_in = np.zeros(folds, dtype=np.intp)
    for place, group in enumerate(order):
        left, empty = len(order) - place, np.flatnonzero(groups_in == 0)
        among = empty if left <= len(empty) else np.arange(folds)  # no fold may stay empty
        uneven = [_unevenness(have, shares[group], fold) for fold in among]
        fold = among[np.lexsort((sizes[among], np.round(uneven, 12)))[0]]
        fold_of[group] = fold
        have[fold] += shares[group]
        sizes[fold] += rows[group].sum()
        groups_in[fold] += 1
    return fold_of


def _unevenness(have: np.ndarray, more: np.ndarray, fold: np.intp) -> float:
    """How unequal the folds' shares of the classes are when this fold gets more."""
    before = have[fold].copy()
    have[fold] += more
    found = float(have.std(axis=0).mean())
    have[fold] = before
    return found


def _rows_of(groups: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """How many rows of each class (or of any) each group has."""
    if classes is None:
        return np.bincount(groups)[:, None].astype(np.float64)
    width = int(classes.max()) + 1
    counts = np.bincount(groups * width + classes, minlength=(int(groups.max()) + 1) * width)
    return counts.reshape(-1, width).astype(np.float64)


def refuse_divided(column: Column, groups: np.ndarray, parts: FoldRows, where: str) -> None:
    """Raises if a split that the data say themselves has a group on both sides."""
    both = np.intersect1d(groups[parts.train], groups[parts.test])
    if both.size:
        row = int(np.flatnonzero(groups == both[0])[0])
        values, place = codes_in(column, "group")[1], int(groups[row])
        raise InvalidInputError(
            f"{where} divides {counted(len(both), 'group')} of {column.name!r}, such as {values[place]!r}: "
            "their rows are trained on and tested; put a group on one side, or leave the group out"
        )
