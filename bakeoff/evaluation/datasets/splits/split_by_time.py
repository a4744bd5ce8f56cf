"""Splitting by time: what is tested is later than everything it is trained on.

Rows of the same time are never on both sides: a cut that falls between them is moved before the first of
them. The gap, a number of rows, is taken from the end of the training part.
"""

from itertools import pairwise

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.wording import counted
from bakeoff.evaluation.datasets.splits.split_train_and_test import FoldRows, number_of_tests


def latest_rows(times: np.ndarray, *, column: str, test_size: float, gap: int) -> FoldRows:
    """One split: the latest rows are tested."""
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    cut = _before_equals(ordered, len(times) - number_of_tests(len(times), test_size))
    if cut == 0:  # the earliest time reaches into the test part: something must be trained on
        cut = int(np.searchsorted(ordered, ordered[0], side="right"))
    if cut == len(times):
        raise InvalidInputError(
            f"time column {column!r} has the same value in all rows: nothing is later than the rest"
        )
    return _part(order, cut, len(times), gap=gap, column=column)


def expanding_windows(times: np.ndarray, *, column: str, folds: int, gap: int) -> tuple[FoldRows, ...]:
    """Each fold tests the rows that follow those before it, and trains on all earlier ones.

    The first window is trained on alone, so the rows are cut into one part more than there are folds.
    """
    rows = len(times)
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    size = rows // (folds + 1)
    cuts = [_before_equals(ordered, rows - (folds - fold) * size) if size else 0 for fold in range(folds)]
    edges = [*cuts, rows]
    if cuts[0] == 0 or len(set(edges)) < len(edges):
        raise InvalidInputError(
            f"folds is {folds}, and {counted(rows, 'row')} with {counted(len(np.unique(times)), 'time')} in "
            f"{column!r} cannot be cut into {folds + 1} parts that follow each other: ask for fewer folds"
        )
    return tuple(_part(order, *ends, gap=gap, column=column) for ends in pairwise(edges))


def refuse_later(times: np.ndarray, parts: FoldRows, *, column: str, where: str) -> None:
    """Raises if a split that the data say themselves trains on what is not earlier than a test row."""
    late = int((times[parts.train] >= times[parts.test].min()).sum())
    if late:
        raise InvalidInputError(
            f"{where} trains on {counted(late, 'row')} that by {column!r} are not earlier than all test "
            "rows: move them, or leave the time out"
        )


def _before_equals(ordered: np.ndarray, cut: int) -> int:
    return int(np.searchsorted(ordered, ordered[cut], side="left"))


def _part(order: np.ndarray, cut: int, end: int, *, gap: int, column: str) -> FoldRows:
    if gap >= cut:
        raise InvalidInputError(
            f"gap is {gap}, and only {counted(cut, 'row')} by {column!r} come before the first test row: "
            f"{cut - 1} is the most"
        )
    return FoldRows(train=order[: cut - gap], test=order[cut:end])
