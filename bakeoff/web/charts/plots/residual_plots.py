"""Of candidates that predict numbers: the truth beside the prediction, and how the residuals are spread."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from bakeoff.web.charts.axis_scale import linear
from bakeoff.web.charts.escaped_markup import Child, Markup, tag
from bakeoff.web.charts.icons_badges_and_marks import MOST_MODELS, mark, model_class
from bakeoff.web.charts.number_text import brief
from bakeoff.web.charts.plots.plot_frame import PlotFrame, as_a_table, figure_box, path_of, shortened

Curves = Sequence[Mapping[str, Any]]


def predicted_true_plot(curves: Curves) -> Markup | None:
    """None if no candidate predicts numbers."""
    shown = [(place, one) for place, one in enumerate(curves[:MOST_MODELS]) if one.get("predictedTrue")]
    if not shown:
        return None
    bins = [one_bin for _, one in shown for one_bin in one["predictedTrue"]]
    axis_x = linear([one["predicted"] for one in bins])
    frame = PlotFrame(x=axis_x, y=linear([one[name] for one in bins for name in ("low", "high")]), left=52)
    low, high = max(frame.x.low, frame.y.low), min(frame.x.high, frame.y.high)
    parts: list[Child] = [frame.guide(low, low, high, high)] if low < high else []
    for place, one in shown:
        said = [one_bin["predicted"] for one_bin in one["predictedTrue"]]
        band = [
            *frame.points(said, [one_bin["low"] for one_bin in one["predictedTrue"]]),
            *reversed(frame.points(said, [one_bin["high"] for one_bin in one["predictedTrue"]])),
        ]
        median = [one_bin["median"] for one_bin in one["predictedTrue"]]
        parts += [
            tag("path", d=f"{path_of(band)}Z", class_=f"bo-strip {model_class(place)}"),
            frame.line(said, median, model=place),
            *(frame.model_mark(x, y, model=place) for x, y in zip(said, median, strict=True)),
        ]
    rows = [
        [one["modelId"], *(brief(one_bin[name]) for name in ("predicted", "low", "median", "high")),
         f"{one_bin['rows']:,}"]
        for _, one in shown
        for one_bin in one["predictedTrue"]
    ]  # fmt: skip
    return figure_box(
        "Truth beside the prediction",
        "Of rows that are predicted about the same: the median of the truth, and where eight of ten lie.",
        frame.drawn("True values by what was predicted", "Predicted", *parts, key=_names(shown)),
        as_a_table(["Model", "Predicted", "One in ten below", "Median", "One in ten above", "Rows"], rows),
    )


def residual_plot(curves: Curves) -> Markup | None:
    shown = [(place, one) for place, one in enumerate(curves[:MOST_MODELS]) if one.get("residuals")]
    if not shown:
        return None
    shares = [(place, _shares(one["residuals"])) for place, one in shown]
    edges = [edge for _, one in shown for edge in one["residuals"]["edges"]]
    highest = max(height for _, heights in shares for height in heights)
    frame = PlotFrame(x=linear(edges, margin=0.0), y=linear([0.0, highest], margin=0.0), left=52)
    parts: list[Child] = [frame.guide(0, frame.y.low, 0, frame.y.high)] if frame.x.holds(0) else []
    for (place, one), (_, heights) in zip(shown, shares, strict=True):
        sides = one["residuals"]["edges"]
        middles = [(low + high) / 2 for low, high in pairwise(sides)]
        parts.append(frame.line(middles, heights, model=place))
    rows = [
        [one["modelId"], f"{brief(low)} to {brief(high)}", f"{count:,}"]
        for _, one in shown
        for low, high, count in _every_fourth(one["residuals"])
    ]
    return figure_box(
        "Residuals",
        "Truth less prediction, as shares of rows per unit; half a percent at each end is left out.",
        frame.drawn("Histograms of residuals", "Truth less prediction", *parts, key=_names(shown)),
        as_a_table(["Model", "Residual", "Rows"], rows),
    )


def _shares(histogram: Mapping[str, Any]) -> list[float]:
    """Heights that can be compared although the bins of two candidates are not equally wide."""
    rows = sum(histogram["counts"]) + histogram["below"] + histogram["above"]
    width = histogram["edges"][1] - histogram["edges"][0]
    return [count / (rows * width) for count in histogram["counts"]]


def _every_fourth(histogram: Mapping[str, Any]) -> list[tuple[float, float, int]]:
    edges, counts = histogram["edges"], histogram["counts"]
    return [
        (edges[begin], edges[min(begin + 4, len(counts))], sum(counts[begin : begin + 4]))
        for begin in range(0, len(counts), 4)
    ]


def _names(shown: Sequence[tuple[int, Mapping[str, Any]]]) -> Markup:
    items = []
    for number, (place, one) in enumerate(shown):
        y = 20.0 + 15 * number
        line = tag("line", class_=f"bo-line {model_class(place)}", x1=62, x2=84, y1=y, y2=y)
        text = tag("text", shortened(one["modelId"]), x=90, y=y + 3.5, class_="bo-key-text")
        items.append(tag("g", tag("title", one["modelId"]), line, mark(place, 73.0, y), text))
    return tag("g", *items)
