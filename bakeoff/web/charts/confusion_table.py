"""Confusion matrices as small tables: how many rows of each class were called what."""

from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.web.charts.escaped_markup import Child, Markup, joined_markup, name_of, tag
from bakeoff.web.charts.icons_badges_and_marks import key_line
from bakeoff.web.charts.number_text import share_text

_MOST_SHARES = 6  #: classes; of more, only counts and labels are shown
_RIGHT_STEPS, _WRONG_STEPS = 5, 4


def confusion_table(details: Mapping[str, Any], *, model: str, place: int | None = None) -> Markup | None:
    """`details` of a result. None if it has no matrix: of numbers, of too many classes, of older results."""
    counts: Sequence[Sequence[int]] | None = details.get("confusion")
    if not counts:
        return None
    labels = [str(label) for label in details["classes"]]
    labels += ["other"] * (len(counts) - len(labels))
    says, is_ = ("", "") if len(labels) > _MOST_SHARES else ("says ", "is ")
    head = [tag("th", says, name_of(label), scope="col") for label in labels]
    rows = [
        tag("tr", tag("th", is_, name_of(label), scope="row"), *_cells(row, number, len(labels)))
        for number, (label, row) in enumerate(zip(labels, counts, strict=True))
    ]
    caption = tag("caption", None if place is None else key_line(place), " ", name_of(model))
    dense = " bo-dense" if len(labels) > _MOST_SHARES else ""
    table = tag(
        "table",
        caption,
        tag("thead", tag("tr", tag("td"), *head)),
        tag("tbody", *rows),
        class_=f"bo-confusion{dense}",
    )
    return tag("div", table, class_="bo-scroll")


def _cells(row: Sequence[int], right: int, classes: int) -> list[Markup]:
    total = sum(row)
    cells = []
    for column, count in enumerate(row):
        share = count / total if total else 0.0
        said: list[Child] = [tag("strong", f"{count:,}")]
        if classes <= _MOST_SHARES and total:
            said.append(tag("small", share_text(share)))
        cells.append(tag("td", joined_markup(said), class_=_shade(share, is_right=column == right)))
    return cells


def _shade(share: float, *, is_right: bool) -> str:
    """The class of the ground: q0 to q5 on the diagonal, e0 to e4 beside it; darker is more."""
    steps, letter = (_RIGHT_STEPS, "q") if is_right else (_WRONG_STEPS, "e")
    return f"bo-{letter}{0 if share == 0 else min(int(share * steps) + 1, steps)}"
