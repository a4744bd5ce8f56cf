"""Checks of the split: groups on both sides, times that are mixed, parts that differ."""

import re
from collections.abc import Iterator

import numpy as np

from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.wording import joined
from bakeoff.evaluation.checks.numeric_sample import (
    MOST_TEST,
    MOST_TRAIN,
    SampledColumn,
    SampledData,
    codes_of,
    is_text_of_dates,
    roc_auc,
)
from bakeoff.evaluation.datasets.canonical_column import DATETIME, STRING, Column
from bakeoff.evaluation.datasets.canonical_table import Table
from bakeoff.evaluation.datasets.splits.split_train_and_test import Split

_ROWS = MOST_TRAIN + MOST_TEST
#: Columns with so large a share of different values, and so many, may name groups.
_LEAST_SHARE, _MOST_SHARE, _FEWEST_GROUPS = 0.05, 0.5, 20
_MOST_COLUMNS = 10
_PERMUTATIONS = 30
_CLUSTERED = 6.0  #: standard deviations
_SEEN = 0.5
_GROUP_NAME = re.compile(
    r"(^|[^a-z])(id|ids|uuid|key|subject|patient|person|user|customer|client|member|account|group|family|"
    r"household|session|visit|device|machine|speaker|author|participant|animal|batch|site|school)([^a-z]|$)"
)
_NEIGHBOURS = 10
_MIXED = 0.5
_FOLLOWS = 4.0
_FEWEST_SHIFTED = 20
_AUC, _Z = 0.6, 4.0
_MOST_SHIFTED = 2_000
_MOST_PRODUCTS = 12  #: columns of which products are taken, too


def split_findings(data: SampledData) -> Iterator[Finding]:
    yield from _hidden_groups(data)
    yield from _time_order(data)
    if not data.is_random_split:
        yield from _shift(data)


def divided_group(table: Table, split: Split) -> Finding | None:
    """The group that the dataset declares, where a run goes by something else and divides it.

    Who declares a group says that its rows belong together, so no likeness of labels is asked for. All folds
    are looked at: in the order of time, the first ones show the least.
    """
    column = table.ignored_group
    if column is None:
        return None
    groups = _group_numbers(column)
    tested = np.concatenate([groups[part.test] for part in split.parts])
    shown = np.concatenate([np.isin(groups[part.test], groups[part.train]) for part in split.parts])
    seen = float(shown[tested >= 0].mean()) if (tested >= 0).any() else 0.0
    if not seen:
        return None
    return Finding(
        slug="group-overlap",
        severity=Severity.HIGH if seen >= _SEEN else Severity.MEDIUM,
        message=f"the dataset declares groups in {column.name}, the split does not keep them, and {seen:.0%} "
        "of the test rows have one that training rows show",
        cure=f"{_by_group(column.name, split)}; if new rows come from the same ones, "
        f"`accept: [group-overlap {column.name}: the reason]`",
        columns=(column.name,),
    )


def _group_numbers(column: Column) -> np.ndarray:
    """-1 where the group is missing."""
    if not column.is_array:
        codes = codes_of(column)
        return np.where(np.isnan(codes), -1, codes).astype(np.intp)
    values = column.array
    missing = np.isnat(values) if column.type == DATETIME else np.isnan(values.astype(float))
    return np.where(missing, -1, np.unique(values, return_inverse=True)[1])


def _by_group(name: str, split: Split) -> str:
    """How to keep the groups: a run goes by them, or by what the split goes by now."""
    design = split.design
    asked = {"--time": design.time, "--fold-column": design.fold_column, "--group": design.group}
    instead = next((f" instead of `{option} {its}`" for option, its in asked.items() if its), "")
    return f"`--group {name}`{instead}" if instead else f"`group: {name}`"


def _hidden_groups(data: SampledData) -> Iterator[Finding]:
    """Columns that name a group, such as a subject: its rows have like labels, and lie on both sides."""
    declared = data.split.design.group
    may_be = [one for one in data.features if _may_name_groups(one) and one.name != declared]
    for column in may_be[:_MOST_COLUMNS]:
        rows, group, train = _rows_of_whole_groups(data, column)
        groups = int(group.max()) + 1 if len(group) else 0
        if not max(_FEWEST_GROUPS, _LEAST_SHARE * len(rows)) <= groups <= _MOST_SHARE * len(rows):
            continue
        in_train = np.bincount(group[train], minlength=groups) > 0
        seen = float(in_train[group[~train]].mean()) if (~train).any() else 0.0
        if seen < _SEEN:
            continue
        z = _clustering(data, column, rows, group)
        if z >= _CLUSTERED:
            yield Finding(
                slug="group-overlap",
                severity=Severity.HIGH,
                message=f"rows with the same {column.name} have like values of {data.table.target.name} "
                f"(z {z:.0f}), and {seen:.0%} of the test rows have one that training rows show",
                cure=f"{_by_group(column.name, data.split)}; if new rows come from the same ones, "
                f"`accept: [group-overlap {column.name}: the reason]`",
                columns=(column.name,),
            )


def _may_name_groups(column: SampledColumn) -> bool:
    """Of a sample, most rows come from different groups: how many there are is counted later, in all rows."""
    enough = column.distinct >= max(_FEWEST_GROUPS, _LEAST_SHARE * len(column.numbers))
    return enough and not column.is_date and (column.is_coded or column.is_whole)


def _rows_of_whole_groups(
    data: SampledData, column: SampledColumn
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, their groups numbered from 0 in order of value, and whether they are in the training part.

    Of many rows some groups are taken, with all of their rows.
    """
    whole = column.column
    values = codes_of(whole) if column.is_coded else whole.array.astype(float)
    rows = np.flatnonzero(~np.isnan(values))
    every = -(-len(rows) // _ROWS)
    if every > 1:
        keys = values[rows].view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        rows = rows[(keys >> np.uint64(33)) % np.uint64(every) == 0]
    is_train = np.zeros(len(values), dtype=bool)
    is_train[data.part.train] = True
    return rows, np.unique(values[rows], return_inverse=True)[1], is_train[rows]


def _clustering(data: SampledData, column: SampledColumn, rows: np.ndarray, group: np.ndarray) -> float:
    """How much more alike the labels within a group are than by chance, in standard deviations.

    Numbers may predict the target without naming a group, as an age does. Then neighbouring values have like
    labels, too: unless the column has the name of a group, what neighbours predict is taken off first.
    """
    target = data.table.target
    y = (target.labels if target.codes is None else target.codes)[rows].astype(float)
    number = np.bincount(group)
    if not column.is_coded and not _GROUP_NAME.search(_words(column.name)):
        y = y - _from_neighbours(np.bincount(group, y), number)[group]
    rs = np.random.RandomState(0)

    def between(values: np.ndarray) -> float:
        return float((np.bincount(group, values) ** 2 / number).sum())

    chance = [between(rs.permutation(y)) for _ in range(_PERMUTATIONS)]
    return float((between(y) - np.mean(chance)) / max(float(np.std(chance)), 1e-12))


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _from_neighbours(sums: np.ndarray, number: np.ndarray) -> np.ndarray:
    """The mean label of the groups next to each in order of value, without its own."""
    window = np.ones(2 * _NEIGHBOURS + 1)
    window[_NEIGHBOURS] = 0
    near = np.convolve(sums, window, "same") / np.maximum(np.convolve(number, window, "same"), 1)
    return np.asarray(near)


def _time_order(data: SampledData) -> Iterator[Finding]:
    """A date among the features, a split that mixes the times, and labels that follow each other in time.

    Where a group is declared, rows of one group may be near in time: then the same tells less, and a run that
    goes by groups cannot go by time.
    """
    group = data.split.design.group
    instead = f", instead of `group: {group}`" if group else ""
    for column in data.table.features:
        times = _times(column)
        if times is None:
            continue
        known = np.isfinite(times)
        train = data.part.train[known[data.part.train]]
        test = data.part.test[known[data.part.test]]
        if not (len(train) and len(test)):
            continue
        early = float((times[test] < times[train].max()).mean())
        if early <= _MIXED:
            continue
        follows = max(_autocorrelations(data, times, np.flatnonzero(known)), default=0.0)
        if follows > 0:
            yield Finding(
                slug="time-order",
                severity=Severity.MEDIUM if group else Severity.HIGH,
                message=f"{early:.0%} of the test rows are older than the newest training row by "
                f"{column.name}, and {data.table.target.name} depends on the time (correlation of rows that "
                f"follow each other: {follows:.2f})",
                cure=f"`time: {column.name}`{instead}; if old rows are to be predicted, too, "
                f"`accept: [time-order {column.name}: the reason]`",
                columns=(column.name,),
            )


def _times(column: Column) -> np.ndarray | None:
    if column.type == DATETIME:
        times = column.array.astype("int64").astype(float)
        times[np.isnat(column.array)] = np.nan
        return np.asarray(times)
    if column.type != STRING:
        return None
    if not is_text_of_dates(column):
        return None
    import pandas as pd

    dates = pd.to_datetime(column.array.to_pandas(), format="ISO8601", errors="coerce", utc=True)
    times = dates.dt.tz_localize(None).to_numpy("M8[us]")
    numbers = times.astype("int64").astype(float)
    numbers[np.isnat(times)] = np.nan
    return np.asarray(numbers)


def _autocorrelations(data: SampledData, times: np.ndarray, known: np.ndarray) -> Iterator[float]:
    """The correlations that are no chance: over a sample of all times, and over all rows of a short while."""
    parts = [known]
    if len(known) > _ROWS:
        drawn = known[np.random.RandomState(0).randint(len(known), size=_ROWS)]
        start, end = np.quantile(times[drawn], [0.5, 0.5 + _ROWS / len(known)])
        while_ = known[(times[known] >= start) & (times[known] <= end)]
        parts = [drawn, while_[: 4 * _ROWS]]
    target = data.table.target
    labels = target.labels if target.codes is None else target.codes
    for rows in parts:
        y = labels[rows[np.argsort(times[rows], kind="stable")]].astype(float)
        y = y - y.mean()
        spread = float((y * y).sum())
        r = float((y[1:] * y[:-1]).sum()) / spread if spread else 0.0
        if r > _FOLLOWS / np.sqrt(len(y)):
            yield r


def _shift(data: SampledData) -> Iterator[Finding]:
    """Whether one can tell from the features if a row is in the training part or in the test part."""
    rs = np.random.RandomState(0)
    train = _some(np.arange(data.trained), rs)
    test = _some(np.arange(data.trained, len(data.rows)), rs)
    if min(len(train), len(test)) < _FEWEST_SHIFTED:
        return
    chosen = np.concatenate([train, test])
    is_test = (np.arange(len(chosen)) >= len(train)).astype(float)
    ranks = np.stack([_centred_ranks(column.numbers[chosen]) for column in data.features], axis=1)
    auc = _out_of_fold_auc(_with_products(ranks), is_test, rs)
    error = np.sqrt((len(chosen) + 1) / (12 * len(train) * len(test)))
    if auc < _AUC or (auc - 0.5) / error <= _Z:
        return
    apart = np.abs(ranks[is_test == 1].mean(axis=0) - ranks[is_test == 0].mean(axis=0))
    most = [data.features[place].name for place in np.argsort(-apart)[:3] if apart[place] > 0]
    where = f"; most of all by {joined(most)}" if most else ""
    yield Finding(
        slug="distribution-shift",
        severity=Severity.MEDIUM if data.split.design.time is None else Severity.LOW,
        message=f"training and test rows can be told apart (AUC {auc:.2f}){where}",
        cure="if new rows will look like the test rows, `accept: [distribution-shift: the reason]`; else "
        "split by seed",
        columns=tuple(most),
    )


def _some(rows: np.ndarray, rs: np.random.RandomState) -> np.ndarray:
    return rows if len(rows) <= _MOST_SHIFTED else rs.choice(rows, _MOST_SHIFTED, replace=False)


def _centred_ranks(values: np.ndarray) -> np.ndarray:
    """From -0.5 to 0.5; 0 where it is missing."""
    place = np.unique(values, return_inverse=True, equal_nan=True)[1]
    number = np.bincount(place)
    middle = np.cumsum(number) - (number + 1) / 2
    ranks = middle[place] / max(len(values) - 1, 1) - 0.5
    return np.where(np.isnan(values), 0.0, ranks)


def _with_products(ranks: np.ndarray) -> np.ndarray:
    """Beside each column its square, which shows other spreads; of few columns also the products of two."""
    parts = [ranks, ranks**2]
    columns = ranks.shape[1]
    if columns <= _MOST_PRODUCTS:
        first, second = np.triu_indices(columns, k=1)
        parts.append(ranks[:, first] * ranks[:, second])
    return np.concatenate(parts, axis=1)


def _out_of_fold_auc(features: np.ndarray, y: np.ndarray, rs: np.random.RandomState) -> float:
    """Of a linear classifier with a small ridge, in three folds."""
    fold = rs.permutation(len(y)) % 3
    score = np.empty(len(y))
    for left_out in range(3):
        learn = fold != left_out
        mean, spread = features[learn].mean(axis=0), features[learn].std(axis=0)
        scaled = (features - mean) / np.where(spread > 0, spread, 1)
        gram = scaled[learn].T @ scaled[learn] + 0.01 * learn.sum() * np.eye(features.shape[1])
        weight = np.linalg.solve(gram, scaled[learn].T @ (y[learn] - y[learn].mean()))
        score[~learn] = scaled[~learn] @ weight
    return roc_auc(score, y)
