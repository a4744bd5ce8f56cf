"""ROC, precision and recall, and calibration of up to five candidates in one plot each.

`curves` are records as `GET /api/ml/evaluations/{id}/curves` answers them. A candidate has its colour, dash
and mark from its place among them, so it has the same ones in all plots of a page.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.web.charts.axis_scale import unit_axis
from bakeoff.web.charts.escaped_markup import Child, Markup, tag
from bakeoff.web.charts.icons_badges_and_marks import MOST_MODELS, model_class
from bakeoff.web.charts.number_text import NOTHING, fixed_text, share_text
from bakeoff.web.charts.plots.plot_frame import PlotFrame, as_a_table, figure_box, key_inside, path_of

Curves = Sequence[Mapping[str, Any]]

_KEY_LEFT, _KEY_LINE = 168.0, 15.0
_PLACES = 3
_TABLE_STEPS, _CROSSHAIR_STEPS = 10, 100


def roc_plot(curves: Curves, *, crosshair: bool = False) -> Markup | None:
    """None if no candidate has such a curve, as with the others. `crosshair`: with data for a script."""
    shown = _with(curves, "roc")
    if not shown:
        return None
    frame = PlotFrame(x=unit_axis(), y=unit_axis())
    parts: list[Child] = [frame.guide(0, 0, 1, 1)]
    parts += [
        frame.line(one["roc"]["falsePositiveRate"], one["roc"]["truePositiveRate"], model=place)
        for place, one in shown
    ]
    parts += [
        frame.model_mark(at["falsePositiveRate"], at["truePositiveRate"], model=place)
        for place, one in shown
        if (at := one.get("atThreshold"))
    ]
    areas = [(place, one["modelId"], fixed_text(one["roc"]["area"], _PLACES)) for place, one in shown]
    columns = [(one["roc"]["falsePositiveRate"], one["roc"]["truePositiveRate"]) for _, one in shown]
    plot = frame.drawn(
        f"ROC curves: {_areas_in_words(areas)}", "False positive rate", *parts,
        key=key_inside(areas, left=_KEY_LEFT, top=frame.at_y(0) - 12 - _KEY_LINE * (len(shown) - 1)),
        crosshair=_crosshair(frame, "False positive rate", shown, columns) if crosshair else None,
    )  # fmt: skip
    return figure_box(
        "ROC",
        _roc_note(shown[0][1]["roc"]),
        plot,
        _sampled(["False positive rate", *(one["modelId"] for _, one in shown)], columns),
    )


def _roc_note(roc: Mapping[str, Any]) -> str:
    said = "True positive rate against false positive rate; in the key, the area. "
    if roc.get("classes"):
        return f"{said}The mean over {roc['classes']} classes, each against the rest."
    return f"{said}Marks: where each decides."


def precision_recall_plot(curves: Curves, *, crosshair: bool = False) -> Markup | None:
    shown = _with(curves, "precisionRecall")
    if not shown:
        return None
    frame = PlotFrame(x=unit_axis(), y=unit_axis())
    share = shown[0][1]["precisionRecall"]["positiveShare"]
    parts: list[Child] = [frame.guide(0, share, 1, share)]
    parts += [
        frame.line(one["precisionRecall"]["recall"], one["precisionRecall"]["precision"], model=place)
        for place, one in shown
    ]
    parts += [
        frame.model_mark(at["truePositiveRate"], at["precision"], model=place)
        for place, one in shown
        if (at := one.get("atThreshold")) and at["precision"] is not None
    ]
    means = [
        (place, one["modelId"], fixed_text(one["precisionRecall"]["averagePrecision"], _PLACES))
        for place, one in shown
    ]
    columns = [(one["precisionRecall"]["recall"], one["precisionRecall"]["precision"]) for _, one in shown]
    plot = frame.drawn(
        f"Curves of precision and recall: {_areas_in_words(means)}", "Recall", *parts,
        key=key_inside(means, left=54.0, top=frame.at_y(0) - 12 - _KEY_LINE * (len(shown) - 1)),
        crosshair=_crosshair(frame, "Recall", shown, columns) if crosshair else None,
    )  # fmt: skip
    return figure_box(
        "Precision and recall",
        f"In the key, the average precision. Dashed: guessing; {share_text(share)} of the rows are positive.",
        plot,
        _sampled(["Recall", *(one["modelId"] for _, one in shown)], columns),
    )


def calibration_plot(curves: Curves) -> Markup | None:
    shown = [(place, one) for place, one in _with(curves, "calibration") if one["calibration"]]
    if not shown:
        return None
    frame = PlotFrame(x=unit_axis(), y=unit_axis())
    strips = [_strip(frame, one["calibration"], place) for place, one in shown]
    lines: list[Child] = []
    for place, one in shown:
        said = [one_bin["predicted"] for one_bin in one["calibration"]]
        true = [one_bin["observed"] for one_bin in one["calibration"]]
        lines.append(frame.line(said, true, model=place))
        lines += [frame.model_mark(x, y, model=place) for x, y in zip(said, true, strict=True)]
    errors = [
        (place, one["modelId"], fixed_text(calibration_error(one["calibration"]), _PLACES))
        for place, one in shown
    ]
    plot = frame.drawn(
        f"Calibration: {_areas_in_words(errors)}", "Said", *strips, frame.guide(0, 0, 1, 1), *lines,
        key=key_inside(errors, left=54.0, top=24.0, highest_first=False),
    )  # fmt: skip
    many_classes = any((one.get("roc") or {}).get("classes") for _, one in shown)
    of_likeliest = " of the likeliest class" if many_classes else ""
    rows = [_bin_texts(one["modelId"], one_bin) for _, one in shown for one_bin in one["calibration"]]
    return figure_box(
        "Calibration",
        f"What was said{of_likeliest} against what came true, in bins of 25 rows or more; strips are 95 % "
        "intervals. In the key, the mean distance.",
        plot,
        as_a_table(["Model", "Said", "Came true", "Low", "High", "Rows"], rows),
    )


def _bin_texts(model: str, one: Mapping[str, float]) -> list[str]:
    shares = (fixed_text(one[name], _PLACES) for name in ("predicted", "observed", "low", "high"))
    return [model, *shares, f"{one['rows']:,}"]


def calibration_error(bins: Sequence[Mapping[str, float]]) -> float:
    """The mean distance between what was said and what came true, by rows."""
    rows = sum(one["rows"] for one in bins)
    return sum(one["rows"] * abs(one["predicted"] - one["observed"]) for one in bins) / rows


def _strip(frame: PlotFrame, bins: Sequence[Mapping[str, float]], model: int) -> Markup:
    said = [one["predicted"] for one in bins]
    there = frame.points(said, [one["low"] for one in bins])
    back = frame.points(said, [one["high"] for one in bins])
    return tag("path", d=f"{path_of([*there, *reversed(back)])}Z", class_=f"bo-strip {model_class(model)}")


def _with(curves: Curves, name: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The records that have this curve, with their places."""
    return [(place, one) for place, one in enumerate(curves[:MOST_MODELS]) if one.get(name)]


def _areas_in_words(rows: Sequence[tuple[int, str, str]]) -> str:
    return ", ".join(f"{name} {value}" for _, name, value in rows)


def _sampled(heads: Sequence[str], columns: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Markup:
    """The heights of the curves at eleven places."""
    rows = []
    for step in range(_TABLE_STEPS + 1):
        x = step / _TABLE_STEPS
        heights = [_height(xs, ys, x) for xs, ys in columns]
        rows.append([fixed_text(x, 1), *(NOTHING if y is None else fixed_text(y, _PLACES) for y in heights)])
    return as_a_table(heads, rows)


def _crosshair(
    frame: PlotFrame,
    title: str,
    shown: Sequence[tuple[int, Mapping[str, Any]]],
    columns: Sequence[tuple[Sequence[float], Sequence[float]]],
) -> str:
    steps = [step / _CROSSHAIR_STEPS for step in range(_CROSSHAIR_STEPS + 1)]
    heights = [[_height(xs, ys, x) for x in steps] for xs, ys in columns]
    return frame.crosshair_data(title, [(place, one["modelId"]) for place, one in shown], heights)


def _height(xs: Sequence[float], ys: Sequence[float], x: float) -> float | None:
    """On the straight line between the vertices around x; None before the first one."""
    after = bisect_right(xs, x)
    if after == 0:
        return None
    if after == len(xs):
        return ys[-1]
    share = (x - xs[after - 1]) / (xs[after] - xs[after - 1])
    return ys[after - 1] + share * (ys[after] - ys[after - 1])
