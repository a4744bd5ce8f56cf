"""Score against cost: who gives the most for it, who ties with that for more, and who is beaten.

A candidate is on the front if it is shown to be better than every candidate of the front that costs less: to
score higher is not enough. One that cannot be told apart from a cheaper one of the front is tied; one that is
shown to be worse, or scores lower without being told apart, and costs more, gains nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bakeoff.web.charts.axis_scale import linear, logarithmic
from bakeoff.web.charts.escaped_markup import Child, Markup, tag
from bakeoff.web.charts.metric_and_cost_columns import COSTS, cost_of, is_much_dearer
from bakeoff.web.charts.number_text import brief, cost_text, fixed_text, metric_title, places_for, share_text
from bakeoff.web.charts.plots.plot_frame import PlotFrame, as_a_table, path_of, shortened

Kind = Literal["front", "tied", "beaten"]


@dataclass(frozen=True, kw_only=True)
class ParetoPoint:
    model: str
    score: float
    low: float | None
    high: float | None
    cost: float
    kind: Kind


def pareto_points(
    records: Sequence[Mapping[str, Any]],
    pairs: Sequence[Mapping[str, Any]],
    *,
    metric: str,
    cost: str,
    greater_is_better: bool = True,
    baseline_id: str | None = None,
) -> list[ParetoPoint]:
    """Cheapest first. `pairs`: those of the verdict by this metric. The baseline competes with nobody."""
    known = [
        (found, record)
        for record in records
        if record["modelId"] != baseline_id
        and record["metrics"].get(metric) is not None
        and (found := cost_of(record, cost)) is not None
    ]
    sign = 1 if greater_is_better else -1
    known.sort(key=lambda one: (one[0], -sign * one[1]["metrics"][metric]))
    better = {frozenset((pair["a"], pair["b"])): pair["better"] for pair in pairs}
    front: list[str] = []
    points = []
    for spent, record in known:
        kind = _kind(record["modelId"], front, better)
        if kind == "front":
            front.append(record["modelId"])
        low, high = record["intervals"].get(metric) or (None, None)
        points.append(
            ParetoPoint(
                model=record["modelId"],
                score=record["metrics"][metric],
                low=low,
                high=high,
                cost=spent,
                kind=kind,
            )
        )
    return points


def _kind(model: str, front: Sequence[str], better: Mapping[frozenset[str], str | None]) -> Kind:
    shown = [better.get(frozenset((model, other))) for other in front]
    if any(winner is not None and winner != model for winner in shown):
        return "beaten"
    return "tied" if any(winner is None for winner in shown) else "front"


def pareto_sentence(
    points: Sequence[ParetoPoint],
    metric: str,
    *,
    cost: str = "predict",
    verdict: Mapping[str, Any] | None = None,
) -> str:
    """`verdict`: its record. The advice is never another than its own; None: there is none by this metric."""
    front = [point for point in points if point.kind == "front"]
    if not front:
        return "No candidate has both a score and this cost."
    last = front[-1]
    if verdict is not None and verdict["recommended"] != last.model:
        return _beside_the_verdict(points, last, verdict["recommended"], cost)
    said = (
        f"{last.model} gives the most for its cost: nothing cheaper is as good, "
        "and nothing dearer is surely better."
    )
    first = front[0]
    if first is not last and is_much_dearer(last.cost, first.cost, cost):
        less = f"{brief(abs(last.score - first.score))} {metric_title(metric)}"
        said += f" {first.model} costs {share_text(first.cost / last.cost)} of that, and is worse by {less}."
    return said


def _beside_the_verdict(
    points: Sequence[ParetoPoint], last: ParetoPoint, recommended: str | None, cost: str
) -> str:
    """Where the verdict takes another than the last of the front, or none."""
    if recommended is None:
        return "The verdict takes none of them, whatever they cost."
    said = f"The verdict takes {recommended}"
    taken = next((point for point in points if point.model == recommended), None)
    if taken is None:
        return f"{said}, of which this cost is not known."
    if is_much_dearer(taken.cost, last.cost, cost):
        return f"{said}. {last.model} costs {share_text(last.cost / taken.cost)} of that."
    if is_much_dearer(last.cost, taken.cost, cost):
        return f"{said}. {last.model} costs much more."
    return f"{said}: {last.model} costs hardly less."


def pareto_plot(
    points: Sequence[ParetoPoint], *, metric: str, cost: str, production: str | None = None
) -> Markup | None:
    """None without any point. Labels stand at the front, at Production, and where there is room."""
    if not points:
        return None
    bounds = [bound for one in points for bound in (one.low, one.high, one.score) if bound is not None]
    frame = PlotFrame(
        x=logarithmic([point.cost for point in points]),
        y=linear(bounds),
        width=1000, height=400, left=56, right=24, top=14, bottom=44,
    )  # fmt: skip
    title = f"{metric_title(metric)} against {COSTS[cost]}"
    plot = frame.drawn(
        title, f"{COSTS[cost]}, logarithmic", _front_line(frame, points),
        *(part for point in points for part in _drawn(frame, point)),
        *_labels(frame, points, production),
    )  # fmt: skip
    digits = places_for([point.score for point in points])
    table = as_a_table(
        ["Model", metric_title(metric), COSTS[cost], ""],
        [
            [point.model, fixed_text(point.score, digits), cost_text(point.cost), point.kind]
            for point in points
        ],
    )
    legend = [
        tag("li", tag("svg", tag("circle", class_=f"bo-{kind}", cx=8, cy=8, r=5), width=16, height=16,
                      aria_hidden="true"), word)
        for kind, word in (("front", "front"), ("tied", "tied with the front"), ("beaten", "beaten"))
    ]  # fmt: skip
    head = tag("div", tag("h3", title), tag("ul", *legend, class_="bo-key"), class_="bo-head")
    scroller = tag("div", plot, class_="bo-scroll", tabindex=0, role="group", aria_label=title)
    return tag("section", head, scroller, table, class_="bo-card bo-figure-box")


def _front_line(frame: PlotFrame, points: Sequence[ParetoPoint]) -> Markup:
    """Steps: until the next one of the front is paid for, one has the score of the last."""
    corners: list[tuple[float, float]] = []
    for point in points:
        if point.kind == "front":
            x, y = frame.at_x(point.cost), frame.at_y(point.score)
            corners += [(x, corners[-1][1]), (x, y)] if corners else [(x, y)]
    if corners:
        corners.append((float(frame.width - frame.right), corners[-1][1]))
    return tag("path", d=path_of(corners), class_="bo-front-line") if corners else Markup("")


def _drawn(frame: PlotFrame, point: ParetoPoint) -> list[Child]:
    x, y = frame.at_x(point.cost), frame.at_y(point.score)
    parts: list[Child] = []
    if point.kind != "beaten" and point.low is not None and point.high is not None:
        parts.append(
            tag("line", class_="bo-thin", x1=x, x2=x, y1=frame.at_y(point.low), y2=frame.at_y(point.high))
        )
    said = tag("title", f"{point.model}: {brief(point.score)} for {brief(point.cost)}, {point.kind}")
    parts.append(
        tag("circle", said, class_=f"bo-{point.kind}", cx=x, cy=y, r=4 if point.kind == "beaten" else 5)
    )
    return parts


def _labels(frame: PlotFrame, points: Sequence[ParetoPoint], production: str | None) -> list[Child]:
    """Names where they cover no other name and no mark; the front and Production choose first."""
    marks = [(frame.at_x(point.cost), frame.at_y(point.score)) for point in points]
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in marks]
    order = sorted(
        zip(points, marks, strict=True),
        key=lambda one: (one[0].model != production, one[0].kind != "front", one[0].kind == "beaten"),
    )
    placed: list[Child] = []
    for point, (x, y) in order:
        name = shortened(point.model)
        text = f"{name} (Production)" if point.model == production else name
        half = 3.1 * len(text)
        spots = [
            (x + 9, y - 7, "start"),
            (x - 9, y - 9, "end"),
            (x + 9, y + 14, "start"),
            (x, y + 20, "middle"),
        ]
        for left, base, anchor in spots:
            begin = {"start": left, "end": left - 2 * half, "middle": left - half}[anchor]
            box = (begin, base - 9, begin + 2 * half, base + 3)
            is_inside = frame.left <= box[0] and box[2] <= frame.width and box[1] >= 0
            if is_inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                strong = " bo-strong" if point.kind == "front" else ""
                placed.append(tag("text", text, x=left, y=base, class_=f"bo-key-text bo-{anchor}{strong}"))
                break
    return placed


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
