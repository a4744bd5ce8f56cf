"""The leaderboard: the results of one run in order of one metric."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric_names_and_scoring_rules import greater_is_better
from bakeoff.domain.runs.result import Result
from bakeoff.domain.runs.verdict import NOT_BETTER

#: Stands for a result without a value.
_WORST = -math.inf


@dataclass(frozen=True, kw_only=True)
class LeaderboardRow:
    rank: int  #: from 1; equal results share a rank, and the next rank counts them all, as in 1, 1, 3
    result: Result
    value: float | None  #: of the ranking metric; results with None are last
    #: Whether the verdict shows it; without a verdict, whether the value is better. None: not known, or it is
    #: the baseline itself.
    beats_baseline: bool | None
    #: In a word or two where it is not shown to beat each baseline; empty if it is, or not compared.
    baseline_mark: str = ""


def in_order_of_bands(
    rows: Sequence[LeaderboardRow], bands: Mapping[str, tuple[int, int]]
) -> list[LeaderboardRow]:
    """By band, then by score. A row without a band, such as the baseline, stays where its score puts it."""
    placed = [row for row in rows if row.result.model_id in bands]
    ordered = sorted(placed, key=lambda row: (bands[row.result.model_id], row.rank))
    for row in rows:
        if row.result.model_id not in bands:
            below = (place for place, other in enumerate(ordered) if other.rank > row.rank)
            ordered.insert(next(below, len(ordered)), row)
    return ordered


def rank(
    results: Sequence[Result],
    *,
    metric: str,
    baseline_id: str | None,
    directions: Mapping[str, bool] | None = None,
) -> list[LeaderboardRow]:
    """`baseline_id` is the baseline's model id; None if the run had none.

    `directions`: what custom metrics say of their direction.
    """
    _check_metric(results, metric)
    sign = 1 if greater_is_better(metric, directions) else -1
    ordered = sorted(
        ((_goodness(result, metric, sign), result) for result in results),
        key=lambda pair: (-pair[0], pair[1].model_id, pair[1].model_version),
    )
    ranks: dict[float, int] = {}
    for position, (goodness, _) in enumerate(ordered, start=1):
        ranks.setdefault(goodness, position)
    baseline = next((goodness for goodness, result in ordered if result.model_id == baseline_id), _WORST)

    def row(goodness: float, result: Result) -> LeaderboardRow:
        alone = baseline == _WORST or result.model_id == baseline_id
        beats = None if alone else goodness > baseline
        return LeaderboardRow(
            rank=ranks[goodness],
            result=result,
            value=_value(result, metric),
            beats_baseline=beats,
            baseline_mark=NOT_BETTER if beats is False else "",
        )

    return [row(goodness, result) for goodness, result in ordered]


def _goodness(result: Result, metric: str, sign: int) -> float:
    """A number that is higher for better results, whatever the metric; lowest if there is no value."""
    value = _value(result, metric)
    return _WORST if value is None else sign * value


def _value(result: Result, metric: str) -> float | None:
    value = result.metrics.get(metric)
    return value if value is not None and math.isfinite(value) else None


def _check_metric(results: Sequence[Result], metric: str) -> None:
    known = sorted({name for result in results for name in result.metrics})
    if results and metric not in known:
        raise InvalidInputError(
            f"no result has the metric {metric!r}; there are {', '.join(known) or 'none'}"
        )
