"""Makes the split of a run: by what the data say, by its design, or else at random by its seed."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import MOST_FITS, Design
from bakeoff.domain.wording import counted
from bakeoff.evaluation.datasets.canonical_table import Table
from bakeoff.evaluation.datasets.splits.group_time_and_fold_columns import codes_in, times_in, weights_in
from bakeoff.evaluation.datasets.splits.split_by_groups import group_codes, refuse_divided, tested_groups
from bakeoff.evaluation.datasets.splits.split_by_time import expanding_windows, latest_rows, refuse_later
from bakeoff.evaluation.datasets.splits.split_into_folds import (
    dealt_folds,
    folds_by_column,
    rare_classes,
)
from bakeoff.evaluation.datasets.splits.split_train_and_test import (
    FoldRows,
    Split,
    split_by_column,
    split_by_files,
    split_by_seed,
)


def make_split(table: Table, design: Design, *, seed: int, test_size: float) -> Split:
    split = _unweighted(table, design, seed=seed, test_size=test_size)
    split = replace(split, units=units_of(table, split))
    if design.weight is None:
        return split
    weights = weights_in(table.column(design.weight))
    for place, part in enumerate(split.parts):
        if not (weights[part.train].any() and weights[part.test].any()):
            where = f" of {split.design.fold_title(place)}" if split.folds else ""
            raise InvalidInputError(
                f"weight column {design.weight!r} is 0 in all training or all test rows{where}: nothing "
                "would count there"
            )
    digest = hashlib.sha256(weights.astype("<f8").tobytes()).hexdigest()
    return replace(split, weights=weights, how={**split.how, "weights": digest})


def units_of(table: Table, split: Split) -> np.ndarray | None:
    """The number of each row's group, of its time in order, or of its fold in the fold column.

    By it a candidate that tunes itself divides its training rows as the design divides all rows.
    """
    design = split.design
    if split.groups is not None:
        return split.groups
    if design.time is not None:
        return np.unique(times_in(table.column(design.time)), return_inverse=True)[1]
    if design.fold_column is not None:
        return codes_in(table.column(design.fold_column), "fold")[0]
    return None


def _unweighted(table: Table, design: Design, *, seed: int, test_size: float) -> Split:
    if design.fits > MOST_FITS:
        raise InvalidInputError(
            f"{design.folds} folds, {counted(design.repeats, 'time')}, are {design.fits} fits of each "
            f"candidate: {MOST_FITS} are the most"
        )
    groups = group_codes(table.column(design.group)) if design.group else None
    if design.has_folds:
        return _folds(table, design, groups, seed=seed)
    if table.split_column is not None or table.train_rows is not None:
        return _as_the_data_say(table, design, groups)
    if groups is not None:
        return _by_groups(table, design, groups, seed=seed, test_size=test_size)
    if design.time is not None:
        return _by_time(table, design, test_size=test_size)
    return replace(
        split_by_seed(
            table.rows, table.target.codes, seed=seed, test_size=test_size, stratify=design.stratify
        ),
        design=design,
    )


def _folds(table: Table, design: Design, groups: np.ndarray | None, *, seed: int) -> Split:
    """The parts of the address name the rows of each fold, however these were found."""
    codes, names = table.target.codes, table.target.classes
    order = np.random.RandomState(seed).permutation(table.rows)
    if design.fold_column is not None:
        order = np.arange(table.rows)
        folds, values = folds_by_column(table.column(design.fold_column))
        design = replace(design, folds=len(values))
        for fold, value in zip(folds, values, strict=True):
            if design.group is not None and groups is not None:
                refuse_divided(table.column(design.group), groups, fold, f"fold {value}")
    elif design.time is not None:
        times = times_in(table.column(design.time))
        order = np.argsort(times, kind="stable")
        folds = expanding_windows(times, column=design.time, folds=design.folds, gap=design.gap)
    else:
        spread = codes if design.stratify else None
        folds = dealt_folds(table.rows, spread, groups, design=design, seed=seed)
    return Split(
        train=order,
        test=np.concatenate([fold.test for fold in folds]),
        folds=folds,
        how={"by": "folds", "seed": seed, **_address_of(design, *folds, groups=groups)},
        design=design,
        groups=groups,
        warnings=tuple(rare_classes(codes, names, design.folds)),
    )


def _as_the_data_say(table: Table, design: Design, groups: np.ndarray | None) -> Split:
    if table.split_column is not None:
        split, where = split_by_column(table.split_column), f"split column {table.split_column.name!r}"
    else:
        split, where = split_by_files(table.train_rows or 0, table.rows), "the second file"
    parts = FoldRows(train=split.train, test=split.test)
    if design.group is not None and groups is not None:
        refuse_divided(table.column(design.group), groups, parts, where)
        return _described(split, design, groups)
    if design.time is not None:
        refuse_later(times_in(table.column(design.time)), parts, column=design.time, where=where)
        return _described(split, design)
    return replace(split, design=design)


def _described(split: Split, design: Design, groups: np.ndarray | None = None) -> Split:
    parts = FoldRows(train=split.train, test=split.test)
    how = {**split.how, **_address_of(design, parts, groups=groups)}
    return replace(split, design=design, groups=groups, how=how)


def _by_groups(table: Table, design: Design, groups: np.ndarray, *, seed: int, test_size: float) -> Split:
    codes = table.target.codes if design.stratify else None
    is_test = tested_groups(groups, codes, seed=seed, test_size=test_size)[groups]
    shuffled = np.random.RandomState(seed).permutation(table.rows)
    parts = FoldRows(train=shuffled[~is_test[shuffled]], test=shuffled[is_test[shuffled]])
    how = {"by": "group", "seed": seed, **_address_of(design, parts, groups=groups)}
    return Split(train=parts.train, test=parts.test, how=how, design=design, groups=groups)


def _by_time(table: Table, design: Design, *, test_size: float) -> Split:
    assert design.time is not None  # noqa: S101 - the caller has looked
    times = times_in(table.column(design.time))
    parts = latest_rows(times, column=design.time, test_size=test_size, gap=design.gap)
    how = {"by": "time", **_address_of(design, parts)}
    return Split(train=parts.train, test=parts.test, how=how, design=design)


def _address_of(design: Design, *parts: FoldRows, groups: np.ndarray | None = None) -> Mapping[str, Any]:
    """What tells the split from all others. The columns that it was made by may not be among the features,
    and then the id of the dataset says nothing of them.
    """
    digest = hashlib.sha256()
    for part in parts:
        for rows in (part.train, part.test):
            digest.update(len(rows).to_bytes(8, "little") + rows.astype("<i8").tobytes())
    if groups is not None:
        digest.update(groups.astype("<i8").tobytes())
    said = {name: value for name, value in design.to_json().items() if name not in {"seeds", "weight"}}
    return {"design": said, "rows": digest.hexdigest()}
