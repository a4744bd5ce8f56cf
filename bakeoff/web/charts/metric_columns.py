"""The figures of a leaderboard beside the score that ranks: other metrics, and costs, each with a bar."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from bakeoff.web.charts.cost_figures import cost_of, latency_figure
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
