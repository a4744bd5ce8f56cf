"""Folds: every row is tested once in each repeat, by a model that was not fitted on it.

By time, the first window is never tested: nothing comes before it. The rows of folds that are dealt are in
shuffled order, so that in sorted data the position of a row reveals nothing about its label.
"""

from collections.abc import Sequence

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import MOST_FITS, Design
from bakeoff.domain.wording import counted, listed
from bakeoff.evaluation.datasets.canonical_column import Column
from bakeoff.evaluation.datasets.splits.group_time_and_fold_columns import codes_in
from bakeoff.evaluation.datasets.splits.split_by_groups import deal_to_folds
from bakeoff.evaluation.datasets.splits.split_train_and_test import FoldRows


def dealt_folds(
    rows: int, classes: np.ndarray | None, groups: np.ndarray | None, *, design: Design, seed: int
) -> tuple[FoldRows, ...]:
    """`classes`: the code of each row's class, None for regression or if they are not to be spread."""
    if design.folds > rows:
        raise InvalidInputError(
            f"folds is {design.folds}, and there are {counted(rows, 'row')}: {rows} folds are the most"
        )
    lot = np.random.RandomState(seed)  # one stream: more repeats leave the earlier ones as they are
    found: list[FoldRows] = []
    for _ in range(design.repeats):
        shuffled = lot.permutation(rows)
        if groups is None:
            fold_of = _deal_rows(shuffled, classes, design.folds)
        else:
            fold_of = deal_to_folds(groups, classes, folds=design.folds, lot=lot)[groups]
        found.extend(_folds(shuffled, fold_of, design.folds))
    return tuple(found)


def _deal_rows(shuffled: np.ndarray, classes: np.ndarray | None, folds: int) -> np.ndarray:
    """Rows are dealt in turn, one class after another: no two folds differ by more than one row of a class,
    nor by more than one row in all.
    """
    order = shuffled if classes is None else shuffled[np.argsort(classes[shuffled], kind="stable")]
    fold_of = np.empty(len(order), dtype=np.intp)
    fold_of[order] = np.arange(len(order)) % folds
    return fold_of


def folds_by_column(column: Column) -> tuple[tuple[FoldRows, ...], Sequence[str]]:
    """A fold for each value, in sort order, and the values. The rows keep the order of the data."""
    fold_of, values = codes_in(column, "fold")
    if not 2 <= len(values) <= MOST_FITS:  # noqa: PLR2004 - one to train on, one to test
        raise InvalidInputError(
            f"fold column {column.name!r} has {counted(len(values), 'different value')} "
            f"({listed(map(str, values))}): it takes 2 to {MOST_FITS}, one for each fold"
        )
    return tuple(_folds(np.arange(len(fold_of)), fold_of, len(values))), [str(value) for value in values]


def _folds(order: np.ndarray, fold_of: np.ndarray, folds: int) -> list[FoldRows]:
    in_order = fold_of[order]
    return [FoldRows(train=order[in_order != fold], test=order[in_order == fold]) for fold in range(folds)]


def rare_classes(classes: np.ndarray | None, names: Sequence[object], folds: int) -> list[str]:
    """A warning about classes that some fold cannot test."""
    if classes is None:
        return []
    counts = np.bincount(classes, minlength=len(names))
    few = [f"{name} ({count})" for name, count in zip(names, counts, strict=True) if count < folds]
    if not few:
        return []
    return [
        f"classes with fewer rows than there are folds: {', '.join(few[:20])}; some folds test none of them"
    ]
