"""Score against cost: which candidates are on the front, which are tied with it, and which are beaten.

A step of the front must be *shown* to be better than what is cheaper, and not merely score higher: otherwise
every dear candidate that was lucky would look worth its price.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.domain.runs.verdict import PairDifference, RunVerdict
from bakeoff.domain.wording import joined
from bakeoff.web.charts.number_text import brief
from bakeoff.web.shown_tables import ShownTable
from bakeoff.web.views.pair_matrix import outcome_of

FRONT, TIED, BEATEN = "front", "tied", "beaten"


@dataclass(frozen=True, kw_only=True)
class CostKind:
    title: str
    unit: str
    what: str  #: in `gives the most for its …`

    def of(self, record: Mapping[str, Any], name: str) -> float | None:
        """The cost of a record of the leaderboard; None where it was not measured."""
        if name == "p99":
            latency = record.get("latency")
            return 1000 * latency["oneRow"]["p99"] if latency else None
        value: float | None = record[_FIELDS[name]]
        return value


_FIELDS = {"fit": "fitSeconds", "predict": "predictSeconds", "memory": "peakMemoryMb"}

#: By the word in the address.
COSTS: Mapping[str, CostKind] = {
    "p99": CostKind(title="p99 of one prediction", unit="ms", what="latency"),
    "predict": CostKind(title="time to predict the test rows", unit="s", what="time"),
    "fit": CostKind(title="time to fit", unit="s", what="fitting time"),
    "memory": CostKind(title="peak memory", unit="MB", what="memory"),
}


@dataclass(frozen=True, kw_only=True)
class ParetoPoint:
    name: str
    job_id: str
    score: float
    low: float | None
    high: float | None
    cost: float
    place: str  #: FRONT, TIED or BEATEN


def pareto_points(
    rows: Sequence[Mapping[str, Any]], verdict: RunVerdict | None, metric: str, cost: str, *, greater: bool
) -> list[ParetoPoint]:
    """`rows`: records of the leaderboard. Cheapest first; those without a score or a cost are left out."""
    known = [(COSTS[cost].of(row, cost), row) for row in rows if row["metrics"].get(metric) is not None]
    ordered = sorted(
        ((value, row) for value, row in known if value is not None and value > 0),
        key=lambda one: (one[0], -one[1]["metrics"][metric] if greater else one[1]["metrics"][metric]),
    )
    points: list[ParetoPoint] = []
    last: str | None = None
    for value, row in ordered:
        name = row["modelId"]
        place = (
            FRONT
            if last is None
            else _place(name, last, verdict, points, row["metrics"][metric], greater=greater)
        )
        last = name if place == FRONT else last
        low, high = row["intervals"].get(metric) or (None, None)
        points.append(
            ParetoPoint(
                name=name,
                job_id=row["evaluationId"],
                score=row["metrics"][metric],
                low=low,
                high=high,
                cost=value,
                place=place,
            )
        )
    return points


def _place(
    name: str,
    last: str,
    verdict: RunVerdict | None,
    points: Sequence[ParetoPoint],
    score: float,
    *,
    greater: bool,
) -> str:
    pair = _pair_of(verdict, name, last)
    if pair is not None:
        return {"better": FRONT, "worse": BEATEN}.get(outcome_of(pair), TIED)
    # Without a verdict, and for the baseline, which has no pairs, the scores decide.
    front = next(point.score for point in points if point.name == last)
    return FRONT if (score > front if greater else score < front) else BEATEN


def _pair_of(verdict: RunVerdict | None, a: str, b: str) -> PairDifference | None:
    for pair in verdict.pairs if verdict else ():
        if (pair.a, pair.b) == (a, b):
            return pair
        if (pair.a, pair.b) == (b, a):
            return pair.turned()
    return None


def sentence(points: Sequence[ParetoPoint], kind: CostKind) -> tuple[str, str]:
    """What the picture says: in one sentence, and what follows."""
    front = [point for point in points if point.place == FRONT]
    if not front:
        return "No candidate has both a score and this cost.", ""
    most = front[-1]
    if len(points) == 1:
        return f"{most.name} is alone.", ""
    first = f"{most.name} gives the most for its {kind.what}."
    dearer = [point.name for point in points if point.cost > most.cost and point.place == TIED]
    rest = "Nothing that costs more is shown to be better."
    if dearer:
        rest = f"{joined(dearer[:4])} cost{'s' if len(dearer) == 1 else ''} more, and cannot be told from it."
    if len(front) > 1:
        cheap = front[-2]
        costs = f"costs {brief(cheap.cost)} {kind.unit} instead of {brief(most.cost)}"
        rest += f" {cheap.name} {costs}, for {brief(abs(most.score - cheap.score))} less."
    return first, rest


def pareto_table(points: Sequence[ParetoPoint], metric: str, cost: str) -> ShownTable:
    columns = ("modelId", cost, metric, "low", "high", "place")
    rows = [(point.name, point.cost, point.score, point.low, point.high, point.place) for point in points]
    return ShownTable(name="pareto", columns=columns, rows=rows)
