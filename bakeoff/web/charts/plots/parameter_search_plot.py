"""The history of a search for parameters: what each trial gave, and the best so far."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from bakeoff.web.charts.axis_scale import Axis, linear
from bakeoff.web.charts.escaped_markup import Child, Markup, tag
from bakeoff.web.charts.number_text import brief
from bakeoff.web.charts.plots.plot_frame import PlotFrame, as_a_table, figure_box

#: Of a candidate with many folds, the pictures of the first ones say it.
MOST_STUDIES = 5

_MOST_TICKS = 8
_CROSS = 3.5  #: half of its width, in pixels


def study_plots(searches: Sequence[Mapping[str, Any]], *, greater_is_better: bool) -> list[Markup]:
    """`searches`: one for each fit, as the details of a result have them."""
    titles = ["Search for parameters"] if len(searches) == 1 else [
        f"Search for parameters, fit {place} of {len(searches)}" for place in range(1, len(searches) + 1)
    ]  # fmt: skip
    return [
        _plot(title, found, greater_is_better=greater_is_better)
        for title, found in zip(titles, searches[:MOST_STUDIES], strict=False)
        if any(trial["value"] is not None for trial in found["trials"])
    ]


def _plot(title: str, found: Mapping[str, Any], *, greater_is_better: bool) -> Markup:
    trials = found["trials"]
    values = [trial["value"] for trial in trials if trial["value"] is not None]
    frame = PlotFrame(x=_places(len(trials)), y=linear(values), left=52)
    best_so_far = _best_so_far(trials, greater_is_better=greater_is_better)
    xs, ys = _as_steps(best_so_far)
    rows = [
        [f"{trial['number'] + 1}", _said(trial["params"]),
         "" if trial["value"] is None else brief(trial["value"]),
         "best" if trial["number"] == found["best"] else trial["state"], f"{trial['seconds']:.1f} s"]
        for trial in trials
    ]  # fmt: skip
    return figure_box(
        title,
        f"{found['metric']} on folds of the training rows. Filled: complete; hollow: given up after some of "
        "its folds; cross at the bottom: failed. The line is the best so far.",
        frame.drawn(
            f"{title}: {found['metric']} of {len(trials)} trials, the best is trial {found['best'] + 1} with "
            f"{brief(found['value'])}",
            "Trial",
            frame.line(xs, ys, model=0),
            *(_mark(frame, trial) for trial in trials),
        ),
        as_a_table(["Trial", "Parameters", str(found["metric"]), "State", "Took"], rows),
    )


def _places(trials: int) -> Axis:
    """From the first to the last, with ticks at whole numbers."""
    step = max(1, -(-trials // _MOST_TICKS))
    ticks = tuple(float(tick) for tick in range(1, trials + 1, step))
    return Axis(low=0.5, high=trials + 0.5, ticks=ticks)


def _best_so_far(trials: Sequence[Mapping[str, Any]], *, greater_is_better: bool) -> list[tuple[int, float]]:
    """From the first complete trial on. One that was given up is never the best."""
    better = max if greater_is_better else min
    complete = [trial for trial in trials if trial["state"] == "complete"]
    bests = list(accumulate((trial["value"] for trial in complete), better))
    return [
        *((trial["number"] + 1, best) for trial, best in zip(complete, bests, strict=True)),
        *([(len(trials), bests[-1])] if bests else []),
    ]


def _as_steps(points: Sequence[tuple[int, float]]) -> tuple[list[float], list[float]]:
    xs: list[float] = []
    ys: list[float] = []
    for x, y in points:
        if ys and y != ys[-1]:
            xs.append(x)
            ys.append(ys[-1])
        xs.append(x)
        ys.append(y)
    return xs, ys


def _mark(frame: PlotFrame, trial: Mapping[str, Any]) -> Child:
    x, title = trial["number"] + 1, tag("title", f"{_said(trial['params'])}: {_outcome(trial)}")
    if trial["value"] is None:
        at_x, at_y, far = frame.at_x(x), frame.height - frame.bottom - 2 * _CROSS, _CROSS
        lines = f"M{at_x - far:.1f} {at_y - far:.1f}l{2 * far} {2 * far}m{-2 * far} 0l{2 * far} {-2 * far}"
        return tag("g", title, tag("path", d=lines, class_="bo-interval"))
    if trial["state"] == "pruned":
        dot = tag("circle", class_="bo-hollow", cx=frame.at_x(x), cy=frame.at_y(trial["value"]), r=3.2)
        return tag("g", title, dot)
    return tag("g", title, frame.model_mark(x, trial["value"], model=0))


def _outcome(trial: Mapping[str, Any]) -> str:
    if trial["value"] is None:
        return str(trial["error"] or trial["state"])
    return f"{brief(trial['value'])}{', given up' if trial['state'] == 'pruned' else ''}"


def _said(params: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name}={brief(value) if isinstance(value, float) else value}" for name, value in params.items()
    )
