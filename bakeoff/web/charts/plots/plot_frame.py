"""The frame of a plot: grid, ticks, titles, lines, a key inside it, and the same as a table below it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bakeoff.web.charts.axis_scale import Axis
from bakeoff.web.charts.escaped_markup import Child, Markup, coordinate, name_of, tag
from bakeoff.web.charts.icons_badges_and_marks import mark, model_class

_LONGEST_NAME = 20
_HALF_PIXEL = 0.5
_WIDE = 400  #: what is wider fills its card; of what is narrower, letters would grow too large


@dataclass(frozen=True, kw_only=True)
class PlotFrame:
    """Places in pixels of a view box; the whole is scaled to the width that there is."""

    x: Axis
    y: Axis
    width: int = 360
    height: int = 284
    left: int = 40
    right: int = 10
    top: int = 10
    bottom: int = 42

    def at_x(self, value: float) -> float:
        return self.left + self.x.place(value) * (self.width - self.left - self.right)

    def at_y(self, value: float) -> float:
        return self.height - self.bottom - self.y.place(value) * (self.height - self.top - self.bottom)

    def drawn(
        self, title: str, x_title: str, *parts: Child, key: Child = None, crosshair: str | None = None
    ) -> Markup:
        """The plot as an image with a title; what it shows should stand in a table beside it.

        `crosshair`: of `crosshair_data`, for pages, whose script shows values at the pointer.
        """
        name = tag("text", x_title, class_="bo-axis-title", x=(self.left + self.width - self.right) / 2,
                   y=self.height - 6.0)  # fmt: skip
        return tag(
            "svg", *self._grid(), name, *parts, key,
            class_=f"bo-plot{' bo-wide' * (self.width > _WIDE)}", view_box=f"0 0 {self.width} {self.height}",
            role="img", aria_label=title, data_crosshair=crosshair,
        )  # fmt: skip

    def crosshair_data(
        self, title: str, names: Sequence[tuple[int, str]], heights: Sequence[Sequence[float | None]]
    ) -> str:
        """`names`: with the places of the models. `heights`: of each at equal steps of the whole x-axis."""
        return json.dumps(
            {
                "title": title,
                "left": self.left,
                "right": self.width - self.right,
                "top": self.top,
                "bottom": self.height - self.bottom,
                "places": [place for place, _ in names],
                "names": [name for _, name in names],
                "heights": [[None if y is None else round(y, 3) for y in ys] for ys in heights],
            },
            separators=(",", ":"),
        )

    def _grid(self) -> Iterable[Markup]:
        low, high = self.height - self.bottom, self.top
        for tick in self.x.ticks:
            x = self.at_x(tick)
            yield tag("line", class_="bo-grid", x1=x, x2=x, y1=low, y2=high)
            yield tag("text", self.x.label(tick), class_="bo-tick bo-middle", x=x, y=low + 15)
        for tick in self.y.ticks:
            y = self.at_y(tick)
            yield tag("line", class_="bo-grid", x1=self.left, x2=self.width - self.right, y1=y, y2=y)
            yield tag("text", self.y.label(tick), class_="bo-tick bo-end", x=self.left - 6, y=y + 4)

    def points(self, xs: Sequence[float], ys: Sequence[float]) -> list[tuple[float, float]]:
        """Pixels of the vertices, without those that no eye can tell from the one before."""
        kept: list[tuple[float, float]] = []
        last = len(xs) - 1
        for place, (x, y) in enumerate(zip(xs, ys, strict=True)):
            point = (self.at_x(x), self.at_y(y))
            far = not kept or max(abs(point[0] - kept[-1][0]), abs(point[1] - kept[-1][1])) >= _HALF_PIXEL
            if far or place == last:
                kept.append(point)
        return kept

    def line(self, xs: Sequence[float], ys: Sequence[float], *, model: int) -> Markup:
        return tag("path", d=path_of(self.points(xs, ys)), class_=f"bo-line {model_class(model)}")

    def guide(self, x1: float, y1: float, x2: float, y2: float) -> Markup:
        """A dashed line that is no data: guessing, or being right on average."""
        return tag("line", class_="bo-guide", x1=self.at_x(x1), x2=self.at_x(x2), y1=self.at_y(y1),
                   y2=self.at_y(y2))  # fmt: skip

    def model_mark(self, x: float, y: float, *, model: int) -> Markup:
        return mark(model, self.at_x(x), self.at_y(y))


def path_of(points: Sequence[tuple[float, float]]) -> str:
    """Absolute moves with one decimal: a pixel is small enough."""
    return "M" + "L".join(f"{coordinate(round(x, 1))} {coordinate(round(y, 1))}" for x, y in points)


def key_inside(
    rows: Sequence[tuple[int, str, str]], *, left: float, top: float, highest_first: bool = True
) -> Markup:
    """`rows`: place, name and value of each model; sorted by the value, as it is read."""
    ordered = sorted(rows, key=lambda row: float(row[2]), reverse=highest_first)
    items = []
    for number, (place, name, value) in enumerate(ordered):
        y = top + 15.0 * number
        line = tag("line", class_=f"bo-line {model_class(place)}", x1=left, x2=left + 22, y1=y, y2=y)
        text = tag("text", tag("tspan", value, class_="bo-strong"), f" {shortened(name)}", x=left + 28,
                   y=y + 3.5, class_="bo-key-text")  # fmt: skip
        items.append(tag("g", tag("title", name), line, mark(place, left + 11, y), text))
    return tag("g", *items)


def shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def as_a_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """What the plot shows, for those who cannot see it, behind a fold. The first column names the rows."""
    head = tag("tr", *(tag("th", name_of(text), scope="col") for text in heads))
    body = [
        tag("tr", tag("th", name_of(first), scope="row"), *(tag("td", text) for text in others))
        for first, *others in rows
    ]
    table = tag("table", tag("thead", head), tag("tbody", *body), class_="bo-values")
    return tag(
        "details", tag("summary", "As a table"), tag("div", table, class_="bo-scroll"), class_="bo-fold"
    )


def figure_box(title: str, note: str, *parts: Child) -> Markup:
    """A card with a title, a sentence that says how to read it, and the plot."""
    said = tag("p", note, class_="bo-note")
    return tag("section", tag("h3", title), said, *parts, class_="bo-card bo-figure-box")
