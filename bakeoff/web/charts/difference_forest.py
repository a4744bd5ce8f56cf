"""Differences to one reference with their intervals, beside the strip of what so few rows cannot show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bakeoff.web.charts.axis_scale import Axis, linear
from bakeoff.web.charts.escaped_markup import Child, Markup, hidden, name_of, percent, tag
from bakeoff.web.charts.icons_badges_and_marks import key_line, mark, model_class, outcome_sign
from bakeoff.web.charts.number_text import metric_title, places_for, signed_text

_HEIGHT, _MIDDLE = 44, 22
_BELOW = 35  #: of the interval, where a density stands above it
_HIGHEST = 35  #: level of a density
_BOUNDS = ("difference", "low", "high")
_NOTHING = 1e-12


def difference_forest(
    differences: Sequence[Mapping[str, Any]],
    *,
    metric: str,
    reference: str,
    detectable: float | None = None,
    places: Mapping[str, int] | None = None,
    densities: Sequence[Sequence[Any]] = (),
) -> Markup:
    """`differences`: those of the verdict's `references`, or of pairs: of a candidate less `reference`.

    They need `candidate`, `outcome`, `difference`, `low` and `high`. `detectable`: the minimum detectable
    difference. `places`: of candidates among those whose curves are shown, for the same colours and marks.
    `densities`: as they are stored with the verdict, of these differences or of others.
    """
    found = {one["candidate"]: density_of(densities, one["candidate"], reference) for one in differences}
    bounds = [value for one in differences for name in _BOUNDS if (value := one[name]) is not None]
    bounds += [bound for one in found.values() if one for bound in one.visible]
    axis = linear([*bounds, 0.0, *([-detectable, detectable] if detectable else [])], ticks=3)
    digits = places_for(
        bounds, [(one["high"] - one["low"]) / 2 for one in differences if one["low"] is not None]
    )
    rows = [
        _row(
            one,
            axis,
            digits,
            [*_ground(axis, detectable), _hill(one, found[one["candidate"]], axis, places or {})],
            (places or {}).get(one["candidate"]),
        )
        for one in differences
    ]
    head = tag(
        "tr",
        tag("th", "Model", scope="col", role="columnheader"),
        tag("th", hidden("Difference with its interval"), _ticks(axis), scope="col", role="columnheader"),
        tag("th", "Difference", scope="col", role="columnheader"),
        role="row",
    )
    note = "The same rows for both, so differences are surer than scores."
    if any(found.values()):
        note += " The hills: how each varies if the rows are drawn again."
    if detectable:
        note += f" Grey is what these rows would usually not show (±{signed_text(detectable, digits)[1:]})."
    # Rows become cards on narrow screens, which costs tables their roles in some browsers: they are named.
    table = tag(
        "table",
        tag("thead", head, role="rowgroup"),
        tag("tbody", *rows, role="rowgroup"),
        class_="bo-forest",
        role="table",
    )
    title = tag("h3", f"{metric_title(metric)} against ", name_of(reference))
    return tag("section", title, tag("p", note, class_="bo-note"), table, class_="bo-card bo-figure-box")


@dataclass(frozen=True, kw_only=True)
class Density:
    """Of a candidate less the reference: equal bins from `low` to `high`."""

    low: float
    high: float
    levels: Sequence[int]  #: from 0 to the highest, 35

    @property
    def visible(self) -> tuple[float, float]:
        """Where it is more than a line on the ground."""
        step = (self.high - self.low) / len(self.levels)
        seen = [place for place, level in enumerate(self.levels) if level > 1]
        return (
            (self.low + seen[0] * step, self.low + (seen[-1] + 1) * step) if seen else (self.low, self.high)
        )


def density_of(densities: Sequence[Sequence[Any]], candidate: str, reference: str) -> Density | None:
    """None where it was not kept, and where the two never differ."""
    for a, b, low, high, levels in densities:
        if (a, b) == (candidate, reference):
            return Density(low=low, high=high, levels=[int(level, 36) for level in levels])
        if (a, b) == (reference, candidate):
            return Density(low=-high, high=-low, levels=[int(level, 36) for level in reversed(levels)])
    return None


def pairs_with(pairs: Sequence[Mapping[str, Any]], reference: str) -> list[dict[str, Any]]:
    """Of the records of all pairs: each other candidate less the reference."""
    found = []
    for pair in pairs:
        if reference not in {pair["a"], pair["b"]}:
            continue
        is_turned = pair["a"] == reference
        sign = -1 if is_turned else 1
        candidate = pair["b"] if is_turned else pair["a"]
        low, high = (pair["high"], pair["low"]) if is_turned else (pair["low"], pair["high"])
        found.append(
            {
                **pair,
                "candidate": candidate,
                "reference": reference,
                "difference": sign * pair["difference"],
                "low": None if low is None else sign * low,
                "high": None if high is None else sign * high,
                "outcome": outcome_of(pair, candidate),
            }
        )
    return found


def outcome_of(pair: Mapping[str, Any], candidate: str) -> str:
    """What a pair shows of one of its two: better, worse, not_shown, or insufficient."""
    if pair["low"] is None:
        return "insufficient"
    if pair["better"] is None:
        return "not_shown"
    return "better" if pair["better"] == candidate else "worse"


def _row(
    one: Mapping[str, Any], axis: Axis, digits: int, behind: Sequence[Child], place: int | None
) -> Markup:
    parts = [*behind, *_marks(one, axis, place, _BELOW if behind[-1] else _MIDDLE)]
    drawn = tag("svg", *parts, class_="bo-whisker", width="100%", height=_HEIGHT, aria_hidden="true")
    said = tag(
        "div", tag("strong", signed_text(one["difference"], digits)), " ", outcome_sign(one["outcome"])
    )
    between = None
    if one["low"] is not None:
        low, high = (signed_text(one[bound], digits) for bound in ("low", "high"))
        between = tag("div", f"{low} to {high}", class_="bo-quiet")
    key = None if place is None else key_line(place)
    return tag(
        "tr",
        tag(
            "th",
            key,
            name_of(one["candidate"], class_="bo-name", title=one["candidate"]),
            scope="row",
            role="rowheader",
        ),
        tag("td", drawn, class_="bo-axis", role="cell"),
        tag("td", said, between, role="cell"),
        role="row",
    )


def _ground(axis: Axis, detectable: float | None) -> list[Child]:
    parts: list[Child] = []
    if detectable:
        low, high = axis.place(-detectable), axis.place(detectable)
        parts.append(
            tag("rect", class_="bo-unseen", x=percent(low), width=percent(high - low), height="100%")
        )
    zero = percent(axis.place(0.0))
    parts.append(tag("line", class_="bo-zero", x1=zero, x2=zero, y1=0, y2="100%"))
    return parts


def _hill(
    one: Mapping[str, Any], density: Density | None, axis: Axis, places: Mapping[str, int]
) -> Markup | None:
    """Stretched to its width without script: the bins are one unit wide, and as high as their level."""
    if density is None or one["low"] is None:
        return None
    place = places.get(one["candidate"])
    begin, end = axis.place(density.low), axis.place(density.high)
    top = [f"{bin_ + 0.5} {_HIGHEST - level}" for bin_, level in enumerate(density.levels)]
    outline = f"M0 {_HIGHEST}L{'L'.join(top)}L{len(density.levels)} {_HIGHEST}Z"
    return tag(
        "svg",
        tag("path", d=outline),
        class_="bo-density" if place is None else f"bo-density {model_class(place)}",
        x=percent(begin),
        width=percent(end - begin),
        y=3,
        height=_BELOW - 6,
        view_box=f"0 0 {len(density.levels)} {_HIGHEST}",
        preserve_aspect_ratio="none",
    )


def _marks(one: Mapping[str, Any], axis: Axis, place: int | None, middle: int) -> list[Child]:
    tone = "bo-interval" if place is None else f"bo-interval bo-coloured {model_class(place)}"
    parts: list[Child] = []
    if one["low"] is not None:
        low, high = percent(axis.place(one["low"])), percent(axis.place(one["high"]))
        parts.append(tag("line", class_=tone, x1=low, x2=high, y1=middle, y2=middle))
    x = percent(axis.place(one["difference"]))
    parts.append(
        tag("circle", class_="bo-dot", cx=x, cy=middle, r=5)
        if place is None
        else mark(place, x, float(middle))
    )
    return parts


def _ticks(axis: Axis) -> Markup:
    step_places = max(len(axis.label(tick).partition(".")[2]) for tick in axis.ticks)
    texts = [
        tag(
            "text",
            "0" if abs(tick) < _NOTHING else signed_text(tick, step_places),
            x=percent(axis.place(tick)),
            y=14,
        )
        for tick in axis.ticks
    ]
    return tag("svg", *texts, class_="bo-whisker bo-ticks", width="100%", height=20, aria_hidden="true")
