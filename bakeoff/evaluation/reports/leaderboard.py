"""The leaderboard: the results of one run in order of one metric."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bakeoff.domain.errors import InvalidInputError
from bakeoff.domain.metric import greater_is_better
from bakeoff.domain.result import Result

#: What a result without a value is worth.
_WORST = -math.inf


@dataclass(frozen=True, kw_only=True)
class LeaderboardRow:
    rank: int  #: from 1; equals share one, and the next is as far down as if they did not
    result: Result
    value: float | None  #: of the metric that ranks; None stands last
    beats_baseline: bool | None  #: strictly; None for the baseline itself, and where it has no value


def rank(results: Sequence[Result], *, metric: str, baseline_id: str | None) -> list[LeaderboardRow]:
    """`baseline_id` is the baseline's model id; None if the run had none."""
    _check_metric(results, metric)
    sign = 1 if greater_is_better(metric) else -1
    ordered = sorted(
        ((_good(result, metric, sign), result) for result in results),
        key=lambda pair: (-pair[0], pair[1].model_id, pair[1].model_version),
    )
    places: dict[float, int] = {}
    for place, (good, _) in enumerate(ordered, start=1):
        places.setdefault(good, place)
    baseline = next((good for good, result in ordered if result.model_id == baseline_id), _WORST)
    return [
        LeaderboardRow(
            rank=places[good],
            result=result,
            value=_value(result, metric),
            beats_baseline=(
                None if baseline == _WORST or result.model_id == baseline_id else good > baseline
            ),
        )
        for good, result in ordered
    ]


def _good(result: Result, metric: str, sign: int) -> float:
    """The more the better; without a value, less than anything."""
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
