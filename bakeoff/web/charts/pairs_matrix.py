"""All pairs of candidates as a square table: row minus column, and what is shown of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from bakeoff.web.charts.difference_forest import pairs_with
from bakeoff.web.charts.escaped_markup import Markup, hidden, name_of, tag
from bakeoff.web.charts.icons_badges_and_marks import outcome_sign
from bakeoff.web.charts.number_text import places_for, signed_text


def pairs_matrix(
    pairs: Sequence[Mapping[str, Any]], *, order: Sequence[str] | None = None, most: int | None = None
) -> Markup | None:
    """`pairs`: records as `GET /api/ml/evaluations/{id}/pairs` answers them. None if there are none.

    `order`: of the candidates, else as they come; `most`: only so many of them.
    """
    named = list(dict.fromkeys(name for pair in pairs for name in (pair["a"], pair["b"])))
    if not named:
        return None
    shown = [name for name in order or named if name in named][:most]
    digits = (
        places_for([], [(pair["high"] - pair["low"]) / 2 for pair in pairs if pair["low"] is not None])
        if any(pair["low"] is not None for pair in pairs)
        else 3
    )
    head = tag("tr", tag("th", hidden("Row minus column")), *(_name_cell(name, "col") for name in shown))
    rows = []
    for row in shown:
        # `pairs_with` gives each candidate less `row`; the cell is row less column.
        by_column = {one["candidate"]: one for one in pairs_with(pairs, row)}
        cells = [_cell(by_column.get(column), digits) for column in shown]
        rows.append(tag("tr", _name_cell(row, "row"), *cells))
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="bo-pairs")
    return tag("div", table, class_="bo-scroll", tabindex=0, role="group", aria_label="All pairs")


_TURNED = {"better": "worse", "worse": "better"}


def _cell(one: Mapping[str, Any] | None, digits: int) -> Markup:
    if one is None:
        return tag("td", "·", class_="bo-quiet")
    outcome = _TURNED.get(one["outcome"], one["outcome"])
    title = None
    if one["low"] is not None:
        low, high = signed_text(-one["high"], digits), signed_text(-one["low"], digits)
        title = f"{low} to {high}, adjusted p {one['pValue']:.2g}"
    return tag(
        "td",
        signed_text(-one["difference"], digits),
        " ",
        outcome_sign(outcome),
        class_=f"bo-{outcome}",
        title=title,
    )


def _name_cell(name: str, scope: str) -> Markup:
    return tag("th", name_of(name, class_="bo-name", title=name), scope=scope)
