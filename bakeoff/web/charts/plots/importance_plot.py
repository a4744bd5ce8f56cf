"""How much a model relies on each column: a bar for each, with a whisker for its spread."""

from collections.abc import Mapping
from typing import Any

from bakeoff.web.charts.axis_scale import Axis, linear
from bakeoff.web.charts.escaped_markup import Child, Markup, hidden, name_of, percent, tag
from bakeoff.web.charts.number_text import metric_title, places_for, signed_text

_HEIGHT, _MIDDLE, _THICK, _CAP = 32, 16, 12, 4
_MOST = 20
_NOTHING = 1e-12


def importance_plot(importance: Mapping[str, Any]) -> Markup:
    """`importance`: the record of an Importance, whose columns come with the greatest loss first."""
    shown = importance["columns"][:_MOST]
    axis = linear([0.0, *(bound for one in shown for bound in _ends(one))], ticks=3)
    losses = [one["loss"] for one in shown]
    digits = places_for(losses, [one["spread"] for one in shown if one["spread"]])
    metric = metric_title(importance["metric"])
    head = tag(
        "tr",
        tag("th", "Column", scope="col"),
        tag("th", hidden("Loss with its spread"), _ticks(axis), scope="col"),
        tag("th", f"{metric} lost", scope="col"),
    )
    table = tag(
        "table",
        tag("thead", head),
        tag("tbody", *(_row(one, axis, digits) for one in shown)),
        class_="bo-forest bo-importance",
    )
    return tag(
        "section",
        tag("h3", "What it relies on"),
        tag("p", _note(importance, metric), class_="bo-note"),
        tag("div", table, class_="bo-scroll", tabindex="0", role="group", aria_label="What it relies on"),
        class_="bo-card bo-figure-box",
    )


def _note(importance: Mapping[str, Any], metric: str) -> str:
    said = (
        f"What {metric} loses on {importance['rows']:,} test rows when a column is shuffled, and one "
        "standard deviation over the times. Columns that say the same share what they are worth."
    )
    left = len(importance["columns"]) - _MOST
    return said if left <= 0 else f"{said} {left:,} more columns matter less."


def _ends(one: Mapping[str, Any]) -> tuple[float, float]:
    spread = one["spread"] or 0.0
    return one["loss"] - spread, one["loss"] + spread


def _row(one: Mapping[str, Any], axis: Axis, digits: int) -> Markup:
    spread = None
    if one["spread"] is not None:
        spread = tag(
            "span", f" \N{PLUS-MINUS SIGN} {signed_text(one['spread'], digits)[1:]}", class_="bo-quiet"
        )
    drawn = tag(
        "svg", *_marks(one, axis), class_="bo-whisker", width="100%", height=_HEIGHT, aria_hidden="true"
    )
    return tag(
        "tr",
        tag("th", name_of(one["column"], class_="bo-name", title=one["column"]), scope="row"),
        tag("td", drawn, class_="bo-axis"),
        tag("td", tag("strong", signed_text(one["loss"], digits)), spread),
    )


def _marks(one: Mapping[str, Any], axis: Axis) -> list[Child]:
    zero, end = axis.place(0.0), axis.place(one["loss"])
    left, right = sorted((zero, end))
    parts: list[Child] = [
        tag(
            "rect",
            class_="bo-loss",
            x=percent(left),
            width=percent(right - left),
            y=_MIDDLE - _THICK / 2,
            height=_THICK,
        ),
        tag("line", class_="bo-zero", x1=percent(zero), x2=percent(zero), y1=0, y2="100%"),
    ]
    if one["spread"]:
        low, high = (percent(axis.place(bound)) for bound in _ends(one))
        parts.append(tag("line", class_="bo-interval", x1=low, x2=high, y1=_MIDDLE, y2=_MIDDLE))
        parts += [
            tag("line", class_="bo-interval", x1=x, x2=x, y1=_MIDDLE - _CAP, y2=_MIDDLE + _CAP)
            for x in (low, high)
        ]
    return parts


def _ticks(axis: Axis) -> Markup:
    texts = [
        tag(
            "text",
            "0" if abs(tick) < _NOTHING else axis.label(tick),
            x=percent(axis.place(tick)),
            y=14,
        )
        for tick in axis.ticks
    ]
    return tag("svg", *texts, class_="bo-whisker bo-ticks", width="100%", height=20, aria_hidden="true")
