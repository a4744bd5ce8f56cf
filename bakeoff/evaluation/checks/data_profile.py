"""A profile of a snapshot: how often each class occurs, and how each column is distributed.

It is made when the data are pinned and kept beside the snapshot, in the part that no cell can read. Two
profiles of a dataset say which columns have changed since the snapshot before, without reading any rows.
"""

import json
import logging
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import numpy as np

from bakeoff.evaluation.checks.numeric_sample import SampledColumn, SampledData
from bakeoff.evaluation.datasets.canonical_table import Table
from bakeoff.evaluation.datasets.snapshot_layout import SEALED
from bakeoff.evaluation.datasets.splits.split_train_and_test import Split

log = logging.getLogger(__name__)

_FORMAT = 1
_FILE = "profile.json"
_QUANTILES = 21
_MOST_VALUES = 20  #: of a column of text or categories, those that occur most
_MOST_COLUMNS = 2000
_LEAST_KEPT = 0.5  #: share of the rows whose values are kept, without which two columns are not compared


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """Of numbers and dates the quantiles, of others the shares of the values that occur most."""

    missing: float  #: share of the rows
    quantiles: tuple[float, ...] = ()
    shares: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    name: str
    train: int
    test: int  #: with folds, those of the first one, as are the training rows


@dataclass(frozen=True, kw_only=True)
class DataProfile:
    classes: tuple[ClassCount, ...]  #: empty for regression
    columns: Mapping[str, ColumnProfile]

    @classmethod
    def from_data(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            classes=tuple(ClassCount(**one) for one in stored["classes"]),
            columns={
                name: ColumnProfile(**{**one, "quantiles": tuple(one["quantiles"])})
                for name, one in stored["columns"].items()
            },
        )


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    column: str
    distance: (
        float | None
    )  #: 0: distributed as before; 1: nothing in common; None: too many values to compare
    is_new: bool = False  #: it was not there before
    is_gone: bool = False  #: it was there before


def profile_of(table: Table, split: Split) -> DataProfile:
    data = SampledData.of(table, split)
    return DataProfile(
        classes=_classes(data),
        columns={one.name: _column(one, data.rows) for one in data.features[:_MOST_COLUMNS]},
    )


def _classes(data: SampledData) -> tuple[ClassCount, ...]:
    codes, names = data.table.target.codes, data.table.target.classes
    if codes is None:
        return ()
    train, test = (
        np.bincount(codes[rows].astype(np.int64), minlength=len(names))
        for rows in (data.part.train, data.part.test)
    )
    return tuple(
        ClassCount(name=str(name), train=int(train[place]), test=int(test[place]))
        for place, name in enumerate(names)
    )


def _column(one: SampledColumn, rows: np.ndarray) -> ColumnProfile:
    known = one.numbers[one.present]
    missing = 1 - len(known) / max(len(one.numbers), 1)
    if not len(known):
        return ColumnProfile(missing=missing)
    if one.is_coded:
        return ColumnProfile(missing=missing, shares=_shares(one, rows))
    points = np.quantile(known, np.linspace(0, 1, _QUANTILES))
    return ColumnProfile(missing=missing, quantiles=tuple(map(float, points)))


def _shares(one: SampledColumn, rows: np.ndarray) -> dict[str, float]:
    import pyarrow as pa

    array: Any = one.column.array
    counts = array.take(pa.array(rows)).drop_null().value_counts().to_pylist()
    counts.sort(key=lambda found: (-found["counts"], str(found["values"])))
    total = sum(found["counts"] for found in counts)
    shares: dict[str, float] = {}
    for found in counts[:_MOST_VALUES]:
        name = str(found["values"])[:100]  # of long texts, several may begin alike
        shares[name] = shares.get(name, 0.0) + found["counts"] / total
    return shares


def drift(before: DataProfile, now: DataProfile) -> list[ColumnDrift]:
    """Of each column, the one that has changed most first, and last those that cannot be compared."""
    found = [
        ColumnDrift(column=name, distance=_distance(before.columns[name], one))
        if name in before.columns
        else ColumnDrift(column=name, distance=1.0, is_new=True)
        for name, one in now.columns.items()
    ]
    if len(now.columns) < _MOST_COLUMNS:  # else it may be one of those that are not profiled
        gone = before.columns.keys() - now.columns.keys()
        found += [ColumnDrift(column=name, distance=1.0, is_gone=True) for name in gone]
    return sorted(found, key=lambda one: (one.distance is None, -(one.distance or 0.0), one.column))


def class_drift(before: DataProfile, now: DataProfile) -> float | None:
    """How far the shares of the classes are apart; None without classes."""
    if not before.classes or not now.classes:
        return None
    old, new = (
        {one.name: (one.train + one.test) / max(1, sum(c.train + c.test for c in profile.classes))
         for one in profile.classes}
        for profile in (before, now)
    )  # fmt: skip
    return _apart(old, new)


def _distance(before: ColumnProfile, now: ColumnProfile) -> float | None:
    """The largest difference of two distribution functions, or half the sum of those of shares.

    None for texts of which most are not among the values that are kept: all may be others by now.
    """
    of_missing = abs(before.missing - now.missing)
    if before.quantiles and now.quantiles:
        points = sorted({*before.quantiles, *now.quantiles})
        return max(
            of_missing, *(abs(_below(before.quantiles, at) - _below(now.quantiles, at)) for at in points)
        )
    if before.shares is not None and now.shares is not None:
        if min(sum(before.shares.values()), sum(now.shares.values())) < _LEAST_KEPT:
            return None
        return max(of_missing, _apart(before.shares, now.shares))
    return of_missing if bool(before.quantiles) == bool(now.quantiles) else 1.0


def _apart(old: Mapping[str, float], new: Mapping[str, float]) -> float:
    return sum(abs(old.get(name, 0.0) - new.get(name, 0.0)) for name in {*old, *new}) / 2


def _below(quantiles: Sequence[float], at: float) -> float:
    """The share of the values up to `at`."""
    last = len(quantiles) - 1
    place = bisect_right(quantiles, at)
    if place in {0, last + 1}:
        return 0.0 if place == 0 else 1.0
    low, high = quantiles[place - 1], quantiles[place]
    return (place - 1 + (at - low) / (high - low)) / last


def stored_profile(folder: Path) -> DataProfile | None:
    """That of a snapshot; None if it has to be made, or the snapshot is not here."""
    try:
        stored = json.loads((folder / SEALED / _FILE).read_text(encoding="utf-8"))
        return DataProfile.from_data(stored["profile"]) if stored["format"] == _FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def store_profile(folder: Path, profile: DataProfile) -> None:
    """Without it a snapshot is whole, so a full disk or a snapshot that was just removed stops nobody."""
    draft = folder / SEALED / f".{uuid4().hex}"
    try:
        draft.write_text(json.dumps({"format": _FORMAT, "profile": asdict(profile)}), encoding="utf-8")
        draft.chmod(0o444)
        draft.rename(folder / SEALED / _FILE)  # two processes may do so at once: both write the same
    except OSError as exc:
        log.warning("the profile of %s is not kept: %s", folder, exc)
        draft.unlink(missing_ok=True)
