"""Icons with words, and the colour, dash and mark of up to five models. Nothing is told by colour alone."""

from collections.abc import Sequence
from typing import Final

from bakeoff.web.charts.escaped_markup import Attribute, Markup, name_of, tag

#: More curves than these in one chart cannot be told apart.
MOST_MODELS: Final = 5

#: What is drawn in a square of 16.
_PATHS: Final = {
    "up": "M8 13.5V3M3.5 7.5 8 3l4.5 4.5",
    "down": "M8 2.5V13M3.5 8.5 8 13l4.5-4.5",
    "like": "M2.5 6.5c2-2.5 4-2 5.5-.7s3.5 1.8 5.5-.7M2.5 11c2-2.5 4-2 5.5-.7s3.5 1.8 5.5-.7",
    "check": "M3 8.5 6.5 12 13 4.5",
    "cross": "M4 4l8 8M12 4l-8 8",
    "clock": "M8 1.8a6.2 6.2 0 1 0 .01 0M8 4.5V8l2.5 1.5",
    "stop": "M4 4h8v8H4z",
    "left": "M13.5 8H3M7.5 3.5 3 8l4.5 4.5",
    "right": "M2.5 8H13M8.5 3.5 13 8l-4.5 4.5",
    "alert": "M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.5v.4",
    "note": "M8 1.8a6.2 6.2 0 1 0 .01 0M8 7.2v4M8 4.6v.4",
}

_STATES: Final = {
    "completed": ("check", "ok", "Completed"),
    "running": ("clock", "run", "Running"),
    "failed": ("cross", "bad", "Failed"),
    "timed_out": ("clock", "late", "Timed out"),
    "cancelled": ("stop", "idle", "Cancelled"),
    "waiting": ("clock", "idle", "Waiting for others"),
    "stopped": ("down", "idle", "Stopped by the race"),
    "queued": ("clock", "idle", "Queued"),
    "partial": ("alert", "late", "Finished with failures"),
}

#: What a comparison with a reference shows: icon, class, word.
_OUTCOMES: Final = {
    "better": ("up", "ok", "better"),
    "worse": ("down", "bad", "worse"),
    "not_shown": ("like", "idle", "tied"),
    "insufficient": ("note", "idle", "too few rows"),
}

#: In a square of 10 around the middle: circle, square, triangle, diamond, inverted triangle.
_MARKS: Final = (
    "M4.4 0A4.4 4.4 0 1 1-4.4 0A4.4 4.4 0 1 1 4.4 0z",
    "M-3.9-3.9h7.8v7.8h-7.8z",
    "M0-4.8 4.7 3.7h-9.4z",
    "M0-5.3 5.3 0 0 5.3-5.3 0z",
    "M0 4.8-4.7-3.7h9.4z",
)


def icon(name: str) -> Markup:
    """For the eye alone: a word stands beside it."""
    path = tag("path", d=_PATHS[name])
    return tag("svg", path, class_="bo-icon", view_box="0 0 16 16", width=14, height=14, aria_hidden="true")


def state_badge(state: str) -> Markup:
    sign, tone, word = _STATES.get(state, ("note", "idle", state))
    return tag("span", icon(sign), word, class_=f"bo-state bo-{tone}")


def state_tone(state: str) -> str:
    """The class that colours such a job: ok, run, bad, late or idle."""
    return _STATES.get(state, ("", "idle", ""))[1]


def outcome_sign(outcome: str, word: str | None = None) -> Markup:
    """`better`, `worse`, `not_shown` or `insufficient`, as an icon with a word."""
    sign, tone, usual = _OUTCOMES[outcome]
    return tag("span", icon(sign), word or usual, class_=f"bo-outcome bo-{tone}")


def label(word: str, tone: str = "idle", *, title: str | None = None) -> Markup:
    return tag("span", word, class_=f"bo-label bo-{tone}", title=title)


def model_class(place: int) -> str:
    """The class with the colour and the dash of the model at this place, from 0."""
    return f"bo-m{place % MOST_MODELS}"


def mark(place: int, x: float | str = 0.0, y: float | str = 0.0) -> Markup:
    """The mark of the model at this place. `x` and `y` may be percentages: it keeps its shape."""
    path = tag("path", d=_MARKS[place % MOST_MODELS], class_=f"bo-mark {model_class(place)}")
    if isinstance(x, str) or isinstance(y, str):
        return tag("svg", path, x=x, y=y, width=1, height=1, overflow="visible")
    return tag("g", path, transform=f"translate({x:.1f} {y:.1f})")


def key_line(place: int) -> Markup:
    """A piece of the model's line with its mark on it, as keys of charts and heads of tables show it."""
    line = tag("line", x1=0, x2=30, y1=6, y2=6, class_=f"bo-line {model_class(place)}")
    attributes: dict[str, Attribute] = {"class_": "bo-key-line", "view_box": "0 0 30 12"}
    return tag("svg", line, mark(place, 15.0, 6.0), **attributes, width=30, height=12, aria_hidden="true")


def key(models: Sequence[str]) -> Markup:
    """The names with their lines, in the order of their places."""
    names = [tag("li", key_line(place), name_of(name)) for place, name in enumerate(models)]
    return tag("ul", *names, class_="bo-key")
