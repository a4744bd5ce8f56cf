"""The columns of a leaderboard beside the score that ranks: other metrics, and costs, each with a bar.

What a candidate costs is read from its record here, for columns as for plots and reports.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from bakeoff.domain.runs.verdict import is_cheap
from bakeoff.web.charts.escaped_markup import Markup, percent, tag
from bakeoff.web.charts.number_text import cost_text, fixed_text, metric_title, places_for

Record = Mapping[str, Any]

_LONG = 3  #: a cost so many times what three of four candidates take at most is coloured
_FEW = 4


@dataclass(frozen=True, kw_only=True)
class FigureColumn:
    heading: str
    value: Callable[[Record], float | None]
    places: int  #: decimal places, the same for all candidates
    is_cost: bool = False
    is_latency: bool = False  #: the cost that is shown on narrow screens, too
    largest: float = 0.0  #: of a cost: as long as a bar may be
    long_from: float = inf  #: a cost above is far from what the others take

    @property
    def html_class(self) -> str:
        return "bo-figure bo-latency" if self.is_latency else "bo-figure"


def figure_columns(rows: Sequence[Record], metrics: Sequence[str]) -> list[FigureColumn]:
    """These metrics, and the costs that were measured."""
    latency = latency_figure(rows) or "p50"
    costs = [
        _cost_column(rows, f"{latency} ms", lambda row: cost_of(row, latency), is_latency=True),
        _cost_column(rows, "Peak MB", lambda row: row["peakMemoryMb"]),
        _cost_column(rows, "Fit s", lambda row: row["fitSeconds"]),
    ]
    return [*(_metric_column(rows, name) for name in metrics), *(cost for cost in costs if cost)]


def heading_of(metric: str) -> str:
    """With a capital, as the other heads. A function is called as its author called it."""
    title = metric_title(metric)
    return title if ":" in metric else title[:1].upper() + title[1:]


def head_cell(column: FigureColumn) -> Markup:
    return tag("th", column.heading, scope="col", role="columnheader", class_=column.html_class)


def figure_cell(column: FigureColumn, record: Record) -> Markup:
    value = column.value(record)
    if not column.is_cost or value is None:
        return tag("td", fixed_text(value, column.places), role="cell", class_=column.html_class)
    share = value / column.largest if column.largest else 0.0
    bar = tag(
        "svg",
        tag("rect", x=percent(1 - share), width=percent(share), height=2),
        class_="bo-bar bo-bar-long" if value > column.long_from else "bo-bar",
        width="100%",
        height=2,
        aria_hidden="true",
    )
    title = column.heading if column.is_latency else None  # shown beside it on narrow screens
    return tag(
        "td", cost_text(value), bar, role="cell", class_=f"{column.html_class} bo-cost", data_title=title
    )


def _metric_column(rows: Sequence[Record], metric: str) -> FigureColumn:
    def value(row: Record) -> float | None:
        found: float | None = row["metrics"].get(metric)
        return found

    return FigureColumn(
        heading=heading_of(metric), value=value, places=places_for([value(row) for row in rows])
    )


def _cost_column(
    rows: Sequence[Record],
    heading: str,
    value: Callable[[Record], float | None],
    *,
    is_latency: bool = False,
) -> FigureColumn | None:
    known = sorted(found for row in rows if (found := value(row)) is not None)
    if not known:
        return None
    usual = known[-len(known) // 4 - 1] if len(known) >= _FEW else 0.0
    return FigureColumn(
        heading=heading,
        value=value,
        places=places_for(known),
        is_cost=True,
        is_latency=is_latency,
        largest=max(known[-1], 0.0),
        long_from=_LONG * usual if usual > 0 else inf,
    )


#: By the name of a cost in an address.
COSTS: Final[Mapping[str, str]] = {
    "p99": "p99 of one prediction, ms",
    "p50": "median of one prediction, ms",
    "predict": "time to predict the test rows, s",
    "fit": "time to fit, s",
    "memory": "peak memory, MB",
    "size": "size of the saved model, MB",
}

#: Lower ones count as these, as in the verdict's choice among tied candidates: ms, s or MB.
_NEGLIGIBLE: Final = {"p99": 1.0, "p50": 1.0, "predict": 0.1, "fit": 0.1, "memory": 16.0, "size": 1.0}

_KEYS: Final = {"predict": "predictSeconds", "fit": "fitSeconds", "memory": "peakMemoryMb"}

#: The 99th of fewer calls is no more than the slowest one, which an idle machine decides.
_ENOUGH_CALLS = 100


def cost_of(record: Mapping[str, Any], cost: str) -> float | None:
    """Of a record of the leaderboard; None where it was not measured."""
    if cost in {"p50", "p99"}:
        latency = record.get("latency")
        return 1000 * latency["oneRow"][cost] if latency else None
    if cost == "size":
        return record["modelBytes"] / 1e6 if record.get("modelBytes") else None
    value: float = record[_KEYS[cost]]
    return value


def is_much_dearer(one: float, other: float, cost: str) -> bool:
    """By the rule of the verdict: measured costs differ from run to run, and small ones count as equal."""
    least = _NEGLIGIBLE[cost]
    return not is_cheap(max(one, least), max(other, least))


def latency_figure(records: Sequence[Mapping[str, Any]]) -> str | None:
    """`p99` if all that were measured were asked often enough for it, else `p50`; None: none was measured."""
    known = [record["latency"]["oneRow"]["calls"] for record in records if record.get("latency")]
    if not known:
        return None
    return "p99" if min(known) >= _ENOUGH_CALLS else "p50"


def telling_cost(records: Sequence[Mapping[str, Any]]) -> str:
    """The cost that score is held against: latency, or the time to predict where most have none."""
    latency = latency_figure(records)
    measured = sum(bool(record.get("latency")) for record in records)
    return latency if latency and measured > len(records) / 2 else "predict"
