"""Mean ranks over the datasets of a suite, with their intervals.

The best rank is on the left. Two candidates whose intervals do not overlap differ by their mean ranks alone.
"""

from bakeoff.domain.runs.suite import RankedCandidate, SuiteVerdict
from bakeoff.domain.runs.verdict import Standing
from bakeoff.web.charts.axis_scale import Axis, linear
from bakeoff.web.charts.escaped_markup import Child, Markup, hidden, name_of, percent, tag
from bakeoff.web.charts.icons_badges_and_marks import icon

_HEIGHT = 38
_MIDDLE = _HEIGHT / 2
_CAP = 4
_MOST_TICKS = 8
_SIGNS = {
    Standing.BEST: ("check", "ok", "best"),
    Standing.TIED: ("like", "idle", "not told apart"),
    Standing.WORSE: ("down", "bad", "another is better"),
    Standing.INSUFFICIENT: ("like", "idle", "nothing claimed"),
}


def mean_ranks_table(verdict: SuiteVerdict) -> Markup | None:
    """None where no candidate has a score on all datasets."""
    if not verdict.candidates:
        return None
    axis = _axis(verdict)
    heads = [
        tag("th", "Candidate", scope="col", class_="bo-model"),
        tag("th", "Mean rank", scope="col", class_="bo-score"),
        tag("th", hidden("Interval of the mean rank"), _ticks(axis), scope="col", class_="bo-axis"),
        tag("th", "Wins · ties · losses", scope="col", class_="bo-figure"),
        tag("th", "Across datasets", scope="col", class_="bo-against"),
    ]
    rows = [_row(one, axis, verdict) for one in verdict.candidates]
    caption = tag("caption", hidden("Mean ranks over the datasets, the best first"))
    body = tag("tbody", *rows, class_="bo-band")
    table = tag("table", caption, tag("thead", tag("tr", *heads)), body, class_="bo-board bo-ranks")
    scroll = tag("div", table, class_="bo-scroll", tabindex=0, role="group", aria_label="Mean ranks")
    return Markup(scroll + _legend(verdict))


def _axis(verdict: SuiteVerdict) -> Axis:
    most = max(len(verdict.candidates), 2)
    step = max(1, round(most / _MOST_TICKS))
    around = linear([1.0, float(most)])
    return Axis(low=around.low, high=around.high, ticks=tuple(float(at) for at in range(1, most + 1, step)))


def _ticks(axis: Axis) -> Markup:
    texts = [tag("text", f"{tick:.0f}", x=percent(axis.place(tick)), y=22) for tick in axis.ticks]
    return tag(
        "svg", *texts, class_="bo-whisker bo-ticks", width="100%", height=_HEIGHT - 4, aria_hidden="true"
    )


def _row(one: RankedCandidate, axis: Axis, verdict: SuiteVerdict) -> Markup:
    sign, look, words = _SIGNS[one.standing]
    label = tag("span", "take", class_="bo-label bo-lead") if one.id == verdict.recommended else None
    return tag(
        "tr",
        tag("td", name_of(one.id, class_="bo-name", title=one.id), label, class_="bo-model"),
        tag("td", tag("strong", f"{one.mean_rank:.2f}"), class_="bo-score"),
        tag("td", _interval(one, axis, verdict), class_="bo-axis"),
        tag("td", f"{one.wins} · {one.ties} · {one.losses}", class_="bo-figure"),
        tag(
            "td",
            tag("span", icon(sign), words, class_=f"bo-outcome bo-{look}"),
            class_="bo-against",
        ),
    )


def _interval(one: RankedCandidate, axis: Axis, verdict: SuiteVerdict) -> Markup:
    parts: list[Child] = []
    first = verdict.candidates[0]
    low, high = axis.place(first.low), axis.place(first.high)
    parts.append(tag("rect", class_="bo-lead", x=percent(low), width=percent(high - low), height="100%"))
    parts += [
        tag("line", class_="bo-grid", x1=percent(axis.place(at)), x2=percent(axis.place(at)), y1=0, y2="100%")
        for at in axis.ticks
    ]
    left, right = percent(axis.place(one.low)), percent(axis.place(one.high))
    parts.append(tag("line", class_="bo-interval", x1=left, x2=right, y1=_MIDDLE, y2=_MIDDLE))
    parts += [
        tag("line", class_="bo-interval", x1=x, x2=x, y1=_MIDDLE - _CAP, y2=_MIDDLE + _CAP)
        for x in (left, right)
    ]
    parts.append(tag("circle", class_="bo-dot", cx=percent(axis.place(one.mean_rank)), cy=_MIDDLE, r=5))
    said = f"mean rank {one.mean_rank:.2f}, interval {one.low:.2f} to {one.high:.2f}"
    return tag("svg", *parts, class_="bo-whisker", width="100%", height=_HEIGHT, role="img", aria_label=said)


def _legend(verdict: SuiteVerdict) -> Markup:
    tint = tag("span", class_="bo-swatch bo-lead-swatch")
    items = [tag("li", tint, "interval of the first")]
    if verdict.critical_difference is not None:
        items.append(tag("li", f"critical difference of two mean ranks: {verdict.critical_difference:.2f}"))
    items.append(tag("li", "wins, ties and losses are those that the verdicts of the runs show"))
    return tag("ul", *items, class_="bo-legend")
