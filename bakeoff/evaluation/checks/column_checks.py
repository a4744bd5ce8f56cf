"""Checks of single columns: copies of the target, columns that give it away, ids, columns of no use."""

from collections.abc import Iterator

import numpy as np

from bakeoff.domain.finding import Finding, Severity
from bakeoff.domain.wording import joined
from bakeoff.evaluation.checks.numeric_sample import SampledColumn, SampledData, is_text_of_dates, roc_auc
from bakeoff.evaluation.datasets.canonical_column import STRING, Column

_BINS = 64
_FEWEST_ROWS = 40  #: of the test part: with fewer, one column of many predicts them by chance
_FEWEST_OF_CLASS = 5
_BY_CHANCE = 1e-3  #: rows of each class that every bin has beside its own
_AUC, _BALANCED, _R2, _RANKS = 0.99, 0.98, 0.98, 0.999
_DISTINCT = 0.99
_FEWEST_IDS = 20
_TEXT_LENGTH = 40  #: longer text with spaces is text, and no id
_RATES, _Z = 0.2, 6.0
_SAMPLE = 1_000


def column_findings(data: SampledData) -> Iterator[Finding]:
    for column in data.features:
        if column.distinct > 1:
            yield from _of_column(data, column)
    yield from _useless(data)


def _of_column(data: SampledData, column: SampledColumn) -> Iterator[Finding]:
    if is_like_an_id(column):
        yield Finding(
            slug="id-like",
            severity=Severity.MEDIUM,
            message=f"{column.name} differs in every row, like an id",
            cure=f"`drop: [{column.name}]`; if its values mean something, "
            f"`accept: [id-like {column.name}: the reason]`",
            columns=(column.name,),
        )
    if _is_copy(data, column):
        yield Finding(
            slug="target-copy",
            severity=Severity.HIGH,
            message=f"{column.name} is {data.table.target.name} in other words{data.of_what}",
            cure=_drop_or_accept("target-copy", column.name),
            columns=(column.name,),
        )
    elif (figure := _alone(data, column)) is not None:
        yield Finding(
            slug="leaky-feature",
            severity=Severity.HIGH,
            message=f"{column.name} alone predicts {data.table.target.name}: {figure}{data.of_what}",
            cure=_drop_or_accept("leaky-feature", column.name),
            columns=(column.name,),
        )
    if column.column.missing and (figure := _missing_tells(data, column)) is not None:
        yield Finding(
            slug="missing-by-class",
            severity=Severity.MEDIUM,
            message=f"whether {column.name} is missing tells {data.table.target.name}: {figure}"
            f"{data.of_what}",
            cure=_drop_or_accept("missing-by-class", column.name),
            columns=(column.name,),
        )


def _drop_or_accept(slug: str, column: str) -> str:
    return f"`drop: [{column}]`; if it is known in time, `accept: [{slug} {column}: the reason]`"


def is_like_an_id(column: SampledColumn) -> bool:
    """Text, or whole numbers that fill at least half of their range, of which nearly all differ."""
    rows = len(column.numbers)
    if (
        rows < _FEWEST_IDS
        or column.distinct < _DISTINCT * rows
        or column.is_date
        or is_text_of_dates(column.column)
    ):
        return False
    if column.is_coded:
        return not _is_prose(column.column)
    if not column.is_whole:
        return False
    values = column.column.array
    return float(np.fmax.reduce(values)) - float(np.fmin.reduce(values)) + 1 <= 2 * len(values)


def _is_prose(column: Column) -> bool:
    if column.type != STRING:
        return False
    values = column.array[:_SAMPLE].drop_null().to_pylist()
    return (
        sum(map(len, values)) > _TEXT_LENGTH * len(values)
        and sum(" " in text for text in values) > len(values) / 2
    )


def _is_copy(data: SampledData, column: SampledColumn) -> bool:
    if data.is_regression:
        if column.is_coded or not column.present.all():
            return False
        return abs(_rank_correlation(column.numbers, data.y)) >= _RANKS
    if column.distinct != data.classes or not column.present.all():
        return False
    code = np.unique(column.numbers, return_inverse=True)[1]
    both = np.zeros((data.classes, data.classes), dtype=bool)
    both[code, data.y] = True
    return bool((both.sum(axis=0) == 1).all() and (both.sum(axis=1) == 1).all())


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    ranks = [_mean_ranks(values) for values in (a, b)]
    return _correlation(*ranks)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if min(a.std(), b.std()) > 0 else 0.0


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    """Equal values share the mean of their ranks."""
    place, number = np.unique(values, return_inverse=True, return_counts=True)[1:]
    ends = np.cumsum(number)
    return np.asarray((ends - (number - 1) / 2)[place])


def _alone(data: SampledData, column: SampledColumn) -> str | None:
    """How well the column alone predicts the test rows, if that is too well. Bins are learned in training."""
    tested = len(data.y_test)
    if tested < _FEWEST_ROWS or data.trained < _FEWEST_ROWS:
        return None
    binned, bins = _binned(column, data.train_of(column))
    train, test = binned[: data.trained], binned[data.trained :]
    if data.is_regression:
        return _r2(data, train, test, bins)
    shown = np.bincount(data.y_test, minlength=data.classes)
    if (shown[shown > 0] < _FEWEST_OF_CLASS).any() or (shown > 0).sum() <= 1:
        return None
    counts = np.bincount(train * data.classes + data.y_train, minlength=bins * data.classes)
    seen = counts.reshape(bins, data.classes)
    chance = (seen + _BY_CHANCE) / (seen.sum(axis=1, keepdims=True) + _BY_CHANCE * data.classes)
    if data.classes == 2:  # noqa: PLR2004
        auc = roc_auc(chance[test, 1], data.y_test)
        if not column.is_coded and column.present.all():  # its order, too: bins blur where classes meet
            auc = max(auc, roc_auc(data.test_of(column), data.y_test), key=lambda one: abs(one - 0.5))
        return f"AUC {max(auc, 1 - auc):.3f}" if max(auc, 1 - auc) >= _AUC else None
    right = chance.argmax(axis=1)[test] == data.y_test
    recall = np.bincount(data.y_test, right, minlength=data.classes)[shown > 0] / shown[shown > 0]
    balanced, by_guess = float(recall.mean()), 1 / data.classes
    is_too_good = (balanced - by_guess) / (1 - by_guess) >= _BALANCED
    return f"balanced accuracy {balanced:.3f}" if is_too_good else None


def _binned(column: SampledColumn, learned_on: np.ndarray) -> tuple[np.ndarray, int]:
    """The bin of each value, and how many there are: one for each code, or quantiles; one for missing."""
    values = column.numbers
    if column.is_coded:
        levels = int(np.nanmax(values)) + 1
        return np.where(column.present, np.nan_to_num(values), levels).astype(np.intp), levels + 1
    known = np.sort(learned_on[~np.isnan(learned_on)])
    if not len(known):
        return np.zeros(len(values), dtype=np.intp), 1
    different = known[np.concatenate([[True], known[1:] != known[:-1]])]
    if len(different) > _BINS:
        places = np.linspace(0, len(known) - 1, _BINS + 1)[1:-1].astype(np.intp)
        edges = np.unique(known[places])
    else:
        edges = different[:-1]
    place = np.searchsorted(edges, values, side="left")
    return np.where(column.present, place, len(edges) + 1), len(edges) + 2


def _r2(data: SampledData, train: np.ndarray, test: np.ndarray, bins: int) -> str | None:
    number = np.bincount(train, minlength=bins)
    mean = np.where(
        number > 0, np.bincount(train, data.y_train, bins) / np.maximum(number, 1), data.y_train.mean()
    )
    spread = data.y_test.var()
    r2 = 1 - ((data.y_test - mean[test]) ** 2).mean() / spread if spread else 0.0
    return f"R2 {r2:.3f}" if r2 >= _R2 else None


def _missing_tells(data: SampledData, column: SampledColumn) -> str | None:
    missing = ~column.present
    rate = missing.mean()
    if not 0 < rate < 1:
        return None
    if data.is_regression:
        r = _correlation(missing.astype(float), data.y)
        is_clear = abs(r) >= _RATES and abs(r) * len(missing) ** 0.5 >= _Z
        return f"their correlation is {r:.2f}" if is_clear else None
    number = np.bincount(data.y, minlength=data.classes)
    enough = number >= _FEWEST_OF_CLASS
    rates = np.bincount(data.y, missing, minlength=data.classes)[enough] / number[enough]
    z = (rates - rate) / np.sqrt(rate * (1 - rate) / number[enough])
    if len(rates) <= 1 or np.ptp(rates) < _RATES or np.abs(z).max() < _Z / 2**0.5:
        return None
    named = [str(label) for label, is_in in zip(data.table.target.classes, enough, strict=True) if is_in]
    ends = [int(rates.argmax()), int(rates.argmin())]
    return joined([f"in {rates[place]:.0%} of {named[place]}" for place in ends])


def _useless(data: SampledData) -> Iterator[Finding]:
    rows = data.table.rows
    empty = tuple(one.name for one in data.table.features if one.missing == rows)
    constant = tuple(
        one.name
        for one in data.features
        if one.distinct == 1 and not one.column.missing and _is_constant(one)
    )
    for columns, what in ((empty, "no value"), (constant, "one value only")):
        if columns:
            yield Finding(
                slug="useless-column",
                severity=Severity.LOW,
                message=f"{_names(columns)} {'has' if len(columns) == 1 else 'have'} {what}",
                cure=f"`drop: [{', '.join(columns[:20])}]`",
                columns=columns,
            )


def _is_constant(column: SampledColumn) -> bool:
    values = column.column.array
    if isinstance(values, np.ndarray):
        return bool((values == values[0]).all())
    return len(values.unique()) == 1


def _names(columns: tuple[str, ...]) -> str:
    most = 5
    shown = [*columns[:most], *([f"{len(columns) - most:,} more"] if columns[most:] else [])]
    return joined(shown)
