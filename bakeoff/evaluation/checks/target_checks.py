"""Checks of the target and of how many rows there are."""

from collections.abc import Iterator

import numpy as np

from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.wording import counted, listed
from bakeoff.evaluation.checks.numeric_sample import SampledData, is_text_of_dates
from bakeoff.evaluation.datasets.canonical_column import Column
from bakeoff.evaluation.datasets.canonical_table import Table
from bakeoff.evaluation.datasets.splits.split_train_and_test import Split

_FEW_ROWS = 50
_FEW_OF_CLASS = 10


def target_findings(data: SampledData) -> Iterator[Finding]:
    yield from _of_size(data.table)
    yield from _of_classes(data.table, data.split)
    for doubt in data.table.target.warnings:
        yield Finding(
            slug="target-kind",
            severity=Severity.MEDIUM,
            message=doubt,
            cure="`task: multiclass`, or `regression`",
        )
    for doubt in data.split.warnings:
        yield Finding(
            slug="not-stratified", severity=Severity.LOW, message=doubt, cure="more rows of each class"
        )
    yield from _text_dates(data.table.features)


def _of_size(table: Table) -> Iterator[Finding]:
    if table.rows < _FEW_ROWS:
        yield Finding(
            slug="small-data",
            severity=Severity.MEDIUM,
            message=f"only {counted(table.rows, 'row')}: the metrics say little",
            cure="more rows",
            rows=table.rows,
        )


def _of_classes(table: Table, split: Split) -> Iterator[Finding]:
    target = table.target
    if target.codes is None:
        return
    classes = len(target.classes)
    trained, tested = (
        np.array([np.bincount(target.codes[rows], minlength=classes) for rows in side])
        for side in ([part.train for part in split.parts], [part.test for part in split.parts])
    )
    is_unseen = (tested > 0) & (trained == 0)
    unseen = [str(target.classes[code]) for code in np.flatnonzero(is_unseen.any(axis=0))]
    if unseen:
        where = " in some fold" if split.folds else ""
        yield Finding(
            slug="unseen-class",
            severity=Severity.MEDIUM,
            message=f"classes in the test rows that no training row shows{where}: {listed(unseen)}",
            cure="another split, or more rows of these classes",
            rows=int(tested[is_unseen].sum()),
        )
    number = tested.sum(axis=0) // split.design.repeats
    few = [code for code in np.flatnonzero(number < _FEW_OF_CLASS) if not is_unseen[:, code].any()]
    if few:
        least = min(few, key=lambda code: int(number[code]))
        others = (
            f", and of {len(few) - 1} more class{'es' if few[2:] else ''} fewer than {_FEW_OF_CLASS}"
            if few[1:]
            else ""
        )
        yield Finding(
            slug="tiny-class",
            severity=Severity.MEDIUM,
            message=f"{counted(int(number[least]), 'test row')} of {target.name} {target.classes[least]}"
            f"{others}: a few rows decide the scores",
            cure="more rows of it, `folds: 5`, or a greater testSize",
            rows=int(number[few].sum()),
        )


def _text_dates(features: tuple[Column, ...]) -> Iterator[Finding]:
    dates = tuple(column.name for column in features if is_text_of_dates(column))
    if dates:
        yield Finding(
            slug="text-dates",
            severity=Severity.LOW,
            message=f"text that looks like dates: {listed(dates)}",
            cure=f"`dtypes: {{{dates[0]}: datetime}}` if it is",
            columns=dates,
        )
