"""The jobs of a run in time: how long each waited, fitted and predicted, on which machine."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bakeoff.web.charts.axis_scale import Axis, linear
from bakeoff.web.charts.escaped_markup import Child, Markup, hidden, name_of, percent, tag
from bakeoff.web.charts.icons_badges_and_marks import label, state_badge, state_tone
from bakeoff.web.charts.number_text import duration_text

_HEIGHT, _TOP, _BAR = 26, 7, 12


def job_waterfall(
    jobs: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]] = (),
    *,
    began_at: str,
    now: str | None = None,
    link: Callable[[Mapping[str, Any]], str] | None = None,
) -> Markup:
    """`jobs`: those of the record of a run. `results`: the records of its results, for fit and predict times.

    `began_at`: when the run was created. `now`: the end of jobs that are running; None: all have ended.
    `link`: the address behind the name of a job.
    """
    began = _moment(began_at)
    until = _moment(now) if now else None
    by_id = {result["evaluationId"]: result for result in results}
    ends = [second for job in jobs if (second := _seconds(job["endedAt"], began)) is not None]
    longest = max([*ends, *([(until - began).total_seconds()] if until else []), 0.001])
    axis = linear([0.0, longest], margin=0.0)
    rows = [_row(job, by_id.get(job["jobId"]), axis, began, until, link) for job in _in_order(jobs)]
    head = tag(
        "tr",
        tag("th", "Model", scope="col"),
        tag("th", "State", scope="col"),
        tag("th", hidden("Time since the run was created"), _ticks(axis), scope="col", class_="bo-axis"),
        tag("th", "Took", scope="col", class_="bo-figure"),
    )
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="bo-waterfall")
    legend = [
        tag("li", tag("svg", tag("line", class_="bo-wait", x1=0, x2=28, y1=8, y2=8), width=28, height=16,
                      aria_hidden="true"), "waits"),
        *(tag("li", tag("span", class_=f"bo-swatch bo-{kind}-swatch"), word)
          for kind, word in (("fit", "fits"), ("predict", "predicts, scores"))),
    ]  # fmt: skip
    return tag("div", table, tag("ul", *legend, class_="bo-legend"), class_="bo-card bo-scroll", tabindex=0,
               role="group", aria_label="Jobs in time")  # fmt: skip


def _in_order(jobs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """As they started; those that did not start come last."""
    return sorted(jobs, key=lambda job: (job["startedAt"] is None, job["startedAt"] or "", job["modelId"]))


def _row(  # noqa: PLR0917 - each row gets the same
    job: Mapping[str, Any],
    result: Mapping[str, Any] | None,
    axis: Axis,
    began: datetime,
    now: datetime | None,
    link: Callable[[Mapping[str, Any]], str] | None,
) -> Markup:
    name = name_of(job["modelId"], class_="bo-name", title=job["modelId"])
    if link is not None:
        name = tag("a", name, href=link(job))
    start = _seconds(job["startedAt"], began)
    end = _seconds(job["endedAt"], began)
    if end is None and start is not None and now is not None:
        end = (now - began).total_seconds()
    reused = result is not None and result["reusedFrom"] is not None
    took = duration_text(end - start) if start is not None and end is not None and not reused else ""
    attempts = label(f"attempt {job['attempt']}", "late") if job["attempt"] > 1 else None
    node = tag("span", job["node"], class_="bo-quiet") if job["node"] else None
    return tag(
        "tr",
        tag("th", name, " ", node, scope="row"),
        tag("td", label("reused", "kept") if reused else state_badge(job["status"]), attempts),
        tag("td", _bars(job, result, axis, start, end), class_="bo-axis"),
        tag("td", took, class_="bo-figure"),
    )


def _bars(
    job: Mapping[str, Any],
    result: Mapping[str, Any] | None,
    axis: Axis,
    start: float | None,
    end: float | None,
) -> Markup:
    parts: list[Child] = [
        tag(
            "line",
            class_="bo-grid",
            x1=percent(axis.place(tick)),
            x2=percent(axis.place(tick)),
            y1=0,
            y2="100%",
        )
        for tick in axis.ticks
    ]
    if start is not None and end is not None and job["attempt"]:
        middle = _TOP + _BAR / 2
        parts.append(tag("line", class_="bo-wait", x1=0, x2=percent(axis.place(start)), y1=middle, y2=middle))
        fitted = end if result is None else min(end, end - result["predictSeconds"])
        parts.append(_bar(axis, start, fitted, f"bo-fit bo-fill-{state_tone(job['status'])}"))
        if fitted < end:
            parts.append(_bar(axis, fitted, end, "bo-predict"))
    return tag("svg", *parts, class_="bo-whisker", width="100%", height=_HEIGHT, role="img",
               aria_label=_in_words(start, end))  # fmt: skip


def _bar(axis: Axis, begin: float, end: float, name: str) -> Markup:
    width = max(axis.place(end) - axis.place(begin), 0.002)
    return tag(
        "rect", class_=name, x=percent(axis.place(begin)), width=percent(width), y=_TOP, height=_BAR, rx=2
    )


def _in_words(start: float | None, end: float | None) -> str:
    if start is None:
        return "has not started"
    said = f"started after {duration_text(start)}"
    return said if end is None else f"{said}, ended after {duration_text(end)}"


def _ticks(axis: Axis) -> Markup:
    texts = [
        tag("text", "0" if tick == 0 else duration_text(tick), x=percent(axis.place(tick)), y=14)
        for tick in axis.ticks
    ]
    return tag("svg", *texts, class_="bo-whisker bo-ticks", width="100%", height=20, aria_hidden="true")


def _seconds(moment: str | None, began: datetime) -> float | None:
    return None if moment is None else max(0.0, (_moment(moment) - began).total_seconds())


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
