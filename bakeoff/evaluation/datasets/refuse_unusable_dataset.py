"""What makes a dataset unusable: each is an error, before anything is written.

What is merely odd is a finding, see `bakeoff.evaluation.checks`.
"""

from collections.abc import Collection, Sequence

import numpy as np

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.snapshot_reference_and_split_design import ONE_SPLIT, Design
from bakeoff.domain.wording import listed, nearest
from bakeoff.evaluation.datasets.canonical_column import Column
from bakeoff.evaluation.datasets.splits.split_train_and_test import Split
from bakeoff.evaluation.datasets.target_column import Target
from bakeoff.settings.setting_definitions import DatasetSettings


class UnknownColumnError(InvalidInputError):
    """A column that the data do not have is named, by the dataset or the design, under `key`."""

    def __init__(self, message: str, key: str) -> None:
        super().__init__(message, key)
        self.message = message
        self.key = key

    def __str__(self) -> str:
        return self.message


def feature_names(
    names: Sequence[str], dataset: DatasetSettings, target: str, design: Design = ONE_SPLIT
) -> list[str]:
    """The columns that models will see. A column that the settings name and the data lack is an error.

    Groups, times, folds and weights are columns of the design. They are no features unless `features` names
    them.
    """
    _refuse_doubles(names)
    split_columns = {
        "group": {name for name in (dataset.group, design.group) if name},
        "time": {name for name in (dataset.time, design.time) if name},
        "foldColumn": {name for name in (dataset.fold_column, design.fold_column) if name},
        "weight": {name for name in (dataset.weight, design.weight) if name},
    }
    named: dict[str, Collection[str]] = {
        "target": [target],
        "splitColumn": [dataset.split_column] if dataset.split_column else [],
        **split_columns,
        "features": dataset.features or [],
        "drop": dataset.drop,
    }
    for key, columns in named.items():
        for column in columns:
            _require(column, names, key)
    not_features = {target, dataset.split_column or target}
    for key, columns in split_columns.items():
        if target in columns:
            raise InvalidInputError(f"{key} is {target!r}, the target: name another column")
    for key, columns in {"features": dataset.features or [], "drop": dataset.drop}.items():
        if not_features.intersection(columns):
            raise InvalidInputError(
                f"{key} names {listed(not_features.intersection(columns))}, the target or split column"
            )
    wanted = names if dataset.features is None else dataset.features
    if dataset.features is None:
        not_features.update(*split_columns.values())
    features = [name for name in wanted if name not in {*not_features, *dataset.drop}]
    if not features:
        raise InvalidInputError(
            f"no feature column is left beside the target {target!r}; the columns are {listed(names)}"
        )
    _refuse_doubles(features)
    return features


def _refuse_doubles(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InvalidInputError(f"columns of the same name: {listed(twice)}; rename or drop all but one")


def _require(column: str, names: Sequence[str], key: str) -> None:
    if column not in names:
        raise UnknownColumnError(
            f"{key}: there is no column {column!r}{nearest(column, names)}; the columns are {listed(names)}",
            key,
        )


def check_rows(rows: int) -> None:
    if rows < 2:  # noqa: PLR2004 - one to train on, one to test
        raise InvalidInputError(f"the data have {rows} rows: one to train on and one to test are the least")


def check_values(columns: Sequence[Column]) -> None:
    """Infinite values are an error: most models refuse them, after having read all the data."""
    infinite = [column.name for column in columns if _has_infinite(column)]
    if infinite:
        raise InvalidInputError(
            f"infinite values in {listed(infinite)}: make them missing or numbers, or drop the columns"
        )


def _has_infinite(column: Column) -> bool:
    if not column.is_numeric or column.array.dtype.kind != "f":
        return False
    ends = np.array([np.fmin.reduce(column.array), np.fmax.reduce(column.array)])
    return bool(np.isinf(ends).any())


def check_split(target: Target, split: Split) -> None:
    """Refuses a training part with a single class."""
    if target.codes is None:
        return
    for place, part in enumerate(split.parts):
        trained = target.codes[part.train]
        if (trained == trained[0]).all():
            of_fold = f" of {split.design.fold_title(place)}" if split.folds else ""
            raise InvalidInputError(
                f"all training rows{of_fold} are of one class of {target.name!r}: two are needed; change the "
                "split"
            )
