"""Scores with their intervals, drawn on one scale for all rows of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.web.charts.axis_scale import Axis, linear
from bakeoff.web.charts.escaped_markup import Child, Markup, percent, tag
from bakeoff.web.charts.icons_badges_and_marks import icon
from bakeoff.web.charts.number_text import fixed_text, places_for

_HEIGHT = 38
_MIDDLE = _HEIGHT / 2
_CAP = 4
_EXPLODED = 1e6


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What the whiskers of a leaderboard have in common."""

    metric: str
    axis: Axis
    places: int  #: decimal places of a score
    reference: float | None = None  #: the score at the dashed line
    lead: tuple[float, float] | None = None  #: the interval of the highest score, which is tinted


def scale_of(
    records: Sequence[Mapping[str, Any]],
    metric: str,
    *,
    aside: Sequence[str | None] = (),
    reference: float | None = None,
) -> Scale:
    """`aside`: candidates that the scale need not hold, such as the dummy baseline."""
    values = [record["metrics"].get(metric) for record in records]
    known = [abs(value) for value in values if value is not None]
    limit = _EXPLODED * max(1.0, min(known, default=0.0))
    drawn = [
        record
        for record, value in zip(records, values, strict=True)
        if value is not None and record["modelId"] not in aside and abs(value) < limit
    ]
    bounds = [bound for record in drawn for bound in _bounds(record, metric)]
    intervals = [record["intervals"][metric] for record in drawn if metric in record["intervals"]]
    lead = next((record["intervals"].get(metric) for record in drawn), None)
    return Scale(
        metric=metric,
        axis=linear(bounds),
        places=places_for(values, [(high - low) / 2 for low, high in intervals]),
        reference=reference,
        lead=(lead[0], lead[1]) if lead else None,
    )


def _bounds(record: Mapping[str, Any], metric: str) -> tuple[float, ...]:
    value, interval = record["metrics"][metric], record["intervals"].get(metric)
    return (value,) if interval is None else (value, *interval)


def scale_head(scale: Scale) -> Markup:
    """The ticks, for the head of the column."""
    texts = [
        tag("text", scale.axis.label(tick), x=percent(scale.axis.place(tick)), y=22)
        for tick in scale.axis.ticks
    ]
    return tag(
        "svg", *texts, class_="bo-whisker bo-ticks", width="100%", height=_HEIGHT - 4, aria_hidden="true"
    )


def whisker(record: Mapping[str, Any], scale: Scale, *, is_reference: bool = False) -> Markup:
    value = record["metrics"].get(scale.metric)
    return tag(
        "svg",
        *_ground(scale),
        *_marks(value, record["intervals"].get(scale.metric), scale, hollow=is_reference),
        class_="bo-whisker",
        width="100%",
        height=_HEIGHT,
        role="img",
        aria_label=_in_words(value, record["intervals"].get(scale.metric), scale),
    )


def _ground(scale: Scale) -> list[Child]:
    axis = scale.axis
    parts: list[Child] = []
    if scale.lead is not None:
        low, high = (min(max(axis.place(bound), 0.0), 1.0) for bound in scale.lead)
        parts.append(tag("rect", class_="bo-lead", x=percent(low), width=percent(high - low), height="100%"))
    parts += [_upright(axis.place(tick), "bo-grid") for tick in axis.ticks]
    if scale.reference is not None and axis.holds(scale.reference):
        parts.append(_upright(axis.place(scale.reference), "bo-reference"))
    return parts


def _upright(place: float, name: str) -> Markup:
    return tag("line", class_=name, x1=percent(place), x2=percent(place), y1=0, y2="100%")


def _marks(
    value: float | None, interval: Sequence[float] | None, scale: Scale, *, hollow: bool
) -> list[Child]:
    axis = scale.axis
    if value is None:
        return []
    if not axis.holds(value):
        return [_outside(value, scale)]
    parts: list[Child] = []
    if interval is not None:
        low, high = (percent(min(max(axis.place(bound), 0.0), 1.0)) for bound in interval)
        parts.append(tag("line", class_="bo-interval", x1=low, x2=high, y1=_MIDDLE, y2=_MIDDLE))
        parts += [
            tag("line", class_="bo-interval", x1=x, x2=x, y1=_MIDDLE - _CAP, y2=_MIDDLE + _CAP)
            for x in (low, high)
        ]
    dot = "bo-dot bo-hollow" if hollow else "bo-dot"
    parts.append(tag("circle", class_=dot, cx=percent(axis.place(value)), cy=_MIDDLE, r=5))
    return parts


def _outside(value: float, scale: Scale) -> Markup:
    is_low = value < scale.axis.low
    said = f"off the scale, {fixed_text(value, scale.places)}"
    arrow = tag("svg", icon("left" if is_low else "right"), x=0 if is_low else -18, y=_MIDDLE - 7)
    text = tag("text", said, x=22 if is_low else -24, y=_MIDDLE + 4, class_="" if is_low else "bo-end")
    return tag("svg", arrow, text, x="2%" if is_low else "98%", overflow="visible", class_="bo-outside")


def _in_words(value: float | None, interval: Sequence[float] | None, scale: Scale) -> str:
    if value is None:
        return "no score"
    said = fixed_text(value, scale.places)
    if interval is not None:
        low, high = (fixed_text(bound, scale.places) for bound in interval)
        said += f", 95 % interval {low} to {high}"
    return said


def interval_key() -> list[Markup]:
    """What the line and the tint mean, as items of a legend."""
    whole = tag("line", class_="bo-interval", x1=1, x2=29, y1=8, y2=8)
    caps = [tag("line", class_="bo-interval", x1=x, x2=x, y1=4, y2=12) for x in (1, 29)]
    dot = tag("circle", class_="bo-dot", cx=15, cy=8, r=4)
    drawn = tag("svg", whole, *caps, dot, width=30, height=16, aria_hidden="true")
    tint = tag("span", class_="bo-swatch bo-lead-swatch")
    return [tag("li", drawn, "95 % interval over test rows"), tag("li", tint, "interval of the first")]


def reference_key(name: str) -> Markup:
    dashed = tag("line", class_="bo-reference", x1=4, x2=4, y1=0, y2=16)
    return tag("li", tag("svg", dashed, width=8, height=16, aria_hidden="true"), name)
