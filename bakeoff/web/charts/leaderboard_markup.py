"""The leaderboard as an HTML table: bands of tied candidates, scores with whiskers, standings, costs.

It is made from the record of a run's report, the one of `bakeoff show --json`:

    run          of which `metrics` and `baselineId` are read
    verdict      null until the run is judged: then there are places, but no bands
    leaderboard  records with metrics, intervals, standing, band, toBest, costs
    failed       those without a result, each with its error
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

from bakeoff.domain.finding import FAILED_CHECKS
from bakeoff.domain.runs.collapsed_grids import Family, FoldedBoard, fold
from bakeoff.web.charts.escaped_markup import Child, Markup, hidden, joined_markup, name_of, tag
from bakeoff.web.charts.icons_badges_and_marks import label, outcome_sign, state_badge
from bakeoff.web.charts.metric_and_cost_columns import (
    FigureColumn,
    figure_cell,
    figure_columns,
    head_cell,
    heading_of,
)
from bakeoff.web.charts.number_text import fixed_text, metric_title, signed_text
from bakeoff.web.charts.whisker_plot import Scale, interval_key, reference_key, scale_head, scale_of, whisker

Record = Mapping[str, Any]

_LONGEST_MESSAGE = 300

_STANDINGS: Final = {
    "best": ("better", "best"),
    "tied": ("not_shown", "tied"),
    "equivalent": ("not_shown", "equivalent"),
    "worse": ("worse", "worse"),
    "stopped": ("worse", "stopped"),
    "insufficient": ("insufficient", "too few rows"),
}


@dataclass(frozen=True, kw_only=True)
class BoardOptions:
    """What a page adds to the table; a report and a notebook need none of it."""

    metric: str | None = None  #: rank by this one; the records are in its order. None: the run's first
    against: str | None = None  #: the `reference` to compare with; None: Production, else the highest score
    columns: Sequence[str] | None = None  #: other metrics that are shown; None: all
    link: Callable[[Record], str] | None = None  #: the address behind the name of a candidate
    choice: str | None = None  #: the name of checkboxes before the candidates; None: no checkboxes
    chosen: Sequence[str] = ()  #: ids of candidates whose box is ticked
    most_chosen: int = 5
    unfolded: Collection[str] = ()  #: names of grids whose members are all shown
    unfold: Callable[[str], str] | None = None  #: the address of the table with all members of this grid;
    #: None: they are below the table, folded
    by_band: bool = True  #: False: sorted by something else, so that a column of places replaces the bands


@dataclass(frozen=True, kw_only=True)
class _Board:
    run: Record
    verdict: Record | None
    rows: Sequence[Record]
    failed: Sequence[Record]
    options: BoardOptions
    metric: str
    against: str | None
    columns: Sequence[FigureColumn]
    scale: Scale
    reference_id: str | None  #: of a candidate on the board that is what the others are compared with
    folded: FoldedBoard  #: the lines that are shown


def leaderboard_table(report: Record, options: BoardOptions | None = None) -> Markup:
    """Without any result and any failure, a sentence that says so."""
    board = _board(report, options or BoardOptions())
    if not board.rows and not board.failed:
        return tag("p", "No candidate has a result yet.", class_="bo-note")
    members = [] if board.options.unfold else [_members(board, one) for one in board.folded.families]
    table = _table(board, f"Leaderboard by {metric_title(board.metric)}")
    return tag("div", table, _legend(board), *members, class_="bo-card bo-scroll", tabindex=0, role="group",
               aria_label="Leaderboard")  # fmt: skip


def _table(board: _Board, caption: str) -> Markup:
    return tag(
        "table",
        tag("caption", hidden(caption)),
        _head(board),
        *_bodies(board),
        *_without_result(board),
        class_="bo-board",
        role="table",
    )


def _members(board: _Board, family: Family) -> Markup:
    """All members of a grid, with the scale and the places of the whole board."""
    whole = FoldedBoard(rows=family.rows, failed=family.failed, families=())
    said = f"All {family.size} of {family.name}"
    return tag(
        "details",
        tag("summary", said),
        _table(replace(board, failed=family.failed, folded=whole), said),
        class_="bo-fold bo-members",
    )


def _board(report: Record, options: BoardOptions) -> _Board:
    run, verdict, rows = report["run"], report["verdict"], report["leaderboard"]
    metric = options.metric or run["metrics"][0]
    if verdict is not None and verdict["metric"] != metric:
        verdict = None
    against = options.against or _production(verdict)
    reference_id = next((row["modelId"] for row in rows if row["modelId"] == against), None)
    taken = verdict["recommended"] if verdict else None
    others = [name for name in run["metrics"] if name != metric]
    wanted = [name for name in others if name in (options.columns or ())]
    return _Board(
        run=run,
        verdict=verdict,
        rows=rows,
        failed=report["failed"],
        options=options,
        metric=metric,
        against=against,
        columns=figure_columns(rows, others if options.columns is None else wanted),
        scale=scale_of(
            rows,
            metric,
            aside=[run["baselineId"]],
            reference=_reference_score(rows, verdict, metric, against),
        ),
        reference_id=reference_id,
        folded=fold(
            rows,
            report["failed"],
            unfolded=options.unfolded,
            keep=(*options.chosen, reference_id, taken),
        ),
    )


def _production(verdict: Record | None) -> str | None:
    """The name of Production, if the candidates were compared with it."""
    production = verdict["production"] if verdict else None
    return production["reference"] if production and not production["problem"] else None


def _reference_score(
    rows: Sequence[Record], verdict: Record | None, metric: str, against: str | None
) -> float | None:
    if against is None:
        return None
    if against == _production(verdict) and verdict is not None:
        score: float | None = verdict["production"]["metrics"].get(metric)
        return score
    return next((row["metrics"].get(metric) for row in rows if row["modelId"] == against), None)


def _head(board: _Board) -> Markup:
    choice = board.options.choice is not None
    is_greater = board.verdict is None or board.verdict["greaterIsBetter"]
    beside = f"Beside the {'highest' if is_greater else 'lowest'}"
    against = f"Against {_short_reference(board.against)}" if board.against else beside
    order = "descending" if is_greater else "ascending"
    cells = [
        _th("Place", class_="bo-place"),
        _th(hidden("Choose"), class_="bo-choice") if choice else None,
        _th("Model", class_="bo-model"),
        _th(heading_of(board.metric), class_="bo-score", aria_sort=order),
        _th(hidden("95 % interval"), scale_head(board.scale), class_="bo-axis"),
        _th(against, class_="bo-against") if board.verdict else None,
        *map(head_cell, board.columns),
    ]
    return tag("thead", tag("tr", *cells, role="row"), role="rowgroup")


def _th(*children: Child, **attributes: Any) -> Markup:
    return tag("th", *children, scope="col", role="columnheader", **attributes)


def _td(*children: Child, **attributes: Any) -> Markup:
    return tag("td", *children, role="cell", **attributes)


def _short_reference(reference: str) -> str:
    return "Production" if reference.startswith("Production (") else reference


def _bodies(board: _Board) -> list[Markup]:
    bodies = []
    # Counted in the whole board: of a band one line may be left, with the others folded into it.
    counts = Counter(_place(row, board) for row in board.rows)
    shared = {place for place, rows in counts.items() if rows > 1}
    for place, group in groupby(board.folded.rows, key=lambda row: _place(row, board)):
        rows = list(group)
        body = [
            _row(
                row, board, place=None if number else _place_cell(place, len(rows), is_shared=place in shared)
            )
            for number, row in enumerate(rows)
        ]
        bodies.append(tag("tbody", *body, class_="bo-band", role="rowgroup"))
    return bodies


def _place(row: Record, board: _Board) -> str:
    """The band as first and last place, or the one; nothing for the baseline, which competes with nobody."""
    if board.verdict is None or not board.options.by_band:
        return str(row["rank"])
    band = row.get("band")
    if not band:
        return ""
    first, last = band
    return str(first) if first == last else f"{first}\N{EN DASH}{last}"


def _place_cell(place: str, rows: int, *, is_shared: bool) -> Markup:
    tied = tag("small", "tied") if is_shared and "\N{EN DASH}" in place else None
    bracket = " bo-bracket" if tied else ""
    shown = tag("span", place) if place else hidden("no place")
    return tag(
        "th", shown, tied, class_=f"bo-place{bracket}", scope="rowgroup", role="rowheader",
        rowspan=rows if rows > 1 else None,
    )  # fmt: skip


def _row(row: Record, board: _Board, *, place: Markup | None) -> Markup:
    is_reference = row["modelId"] == board.reference_id
    score = fixed_text(row["metrics"].get(board.metric), board.scale.places)
    cells = [
        place,
        _choice(row, board),
        _model_cell(row, board),
        _td(tag("strong", score), _star(row, board), class_="bo-score"),
        _td(whisker(row, board.scale, is_reference=is_reference), class_="bo-axis"),
        _td(_against(row, board), class_="bo-against") if board.verdict else None,
        *(figure_cell(column, row) for column in board.columns),
    ]
    chosen = "bo-chosen" if row["modelId"] in board.options.chosen else None
    return tag("tr", *cells, role="row", class_=chosen)


def _choice(row: Record, board: _Board) -> Markup | None:
    options = board.options
    if options.choice is None:
        return None
    ticked = row["modelId"] in options.chosen
    box = tag(
        "input",
        type="checkbox",
        name=options.choice,
        value=row["modelId"],
        checked=ticked,
        disabled=not ticked and len(options.chosen) >= options.most_chosen,
        aria_label=f"Compare {row['modelId']}",
    )
    return _td(box, class_="bo-choice")


def _model_cell(row: Record, board: _Board) -> Markup:
    name = name_of(row["modelId"], class_="bo-name", title=row["modelId"])
    if board.options.link is not None:
        name = tag("a", name, href=board.options.link(row))
    verdict, said = board.verdict, []
    if row["modelId"] == board.run["baselineId"]:
        said.append(label("baseline"))
    if verdict is not None and verdict["recommended"] == row["modelId"]:
        said.append(label("take this one", "lead"))
    if mark := row.get("baselineMark"):
        said.append(label(mark, title="It is not shown to beat each baseline"))
    details = row.get("details") or {}
    if details.get("deterministic") is False:
        said.append(label("varies", "late", title="A second fit with the same seed predicted something else"))
    if warnings := details.get("warnings"):
        said.append(
            label(f"{len(warnings)} warning{'s' * (len(warnings) > 1)}", "late", title="\n".join(warnings))
        )
    if FAILED_CHECKS in row.get("findings", ()):
        why = f"`bakeoff check {row['modelId']}` says what to mend"
        said.append(label("fails checks", "late", title=why))
    if row["reusedFrom"]:
        said.append(label("reused", "kept", title="The predictions of an earlier run counted"))
    if note := board.folded.note_on(row):
        said.append(_unfolding(note, row, board))
    return _td(name, " ", tag("span", row["modelVersion"], class_="bo-version"), *said, class_="bo-model")


def _unfolding(note: str, record: Record, board: _Board) -> Markup:
    """What is left out, and the way to it where the page has one."""
    if board.options.unfold is None:
        return label(note)
    return tag("a", note, class_="bo-label bo-unfold", href=board.options.unfold(record["family"]),
               title="Show all of them")  # fmt: skip


def _star(row: Record, board: _Board) -> Markup | None:
    rests_on = row["restsOn"].get(board.metric)
    if rests_on is None:
        return None
    note = f"Rests on {rests_on:,} rows only: read the interval with care"
    return tag("span", "*", hidden(note), class_="bo-star", title=note)


def _against(row: Record, board: _Board) -> Markup:
    """The difference that a paired comparison shows; intervals that overlap are no test."""
    places = board.scale.places
    if row["modelId"] == board.reference_id:
        return tag("span", "the reference", class_="bo-quiet")
    if board.against is not None:
        for one in (board.verdict or {}).get("references", ()):
            if (one["reference"], one["candidate"]) == (board.against, row["modelId"]):
                return _compared(one["outcome"], None, one, places)
        return tag("span", "not compared", class_="bo-quiet")
    to_best, standing = row.get("toBest"), row.get("standing")
    if row["modelId"] == board.run["baselineId"] or standing is None:
        return tag("span", "\N{EN DASH}", class_="bo-quiet")
    outcome, word = _STANDINGS[standing]
    return _compared(outcome, word, to_best, places)


def _compared(outcome: str, word: str | None, difference: Record | None, places: int) -> Markup:
    title = None
    if difference is not None and difference["low"] is not None:
        low, high = (signed_text(difference[bound], places + 1) for bound in ("low", "high"))
        title = f"{low} to {high}, adjusted p {difference['pValue']:.2g}"
    number = difference["difference"] if difference else None
    shown = f" {signed_text(number, places)}" if number else ""
    return tag("span", outcome_sign(outcome, word), shown, title=title)


def _without_result(board: _Board) -> list[Markup]:
    if not board.folded.failed:
        return []
    # Place, model, score, axis; and those that not each board has.
    width = 4 + (board.options.choice is not None) + (board.verdict is not None) + len(board.columns)
    head = tag(
        "tr",
        tag(
            "th", f"Without a result: {len(board.failed)}", colspan=width, scope="rowgroup", role="rowheader"
        ),
        role="row",
    )
    rows = [_failed_row(record, board, width) for record in board.folded.failed]
    return [tag("tbody", head, *rows, class_="bo-failed", role="rowgroup")]


def _failed_row(record: Record, board: _Board, width: int) -> Markup:
    name = name_of(record["modelId"], class_="bo-name", title=record["modelId"])
    if board.options.link is not None:
        name = tag("a", name, href=board.options.link(record))
    said: list[Child] = []
    if note := board.folded.note_on(record):
        said.append(_unfolding(note, record, board))
    elif more := board.folded.more_failed(record):
        said.append(_unfolding(f"and {more} more of {record['family']}", record, board))
    before = 1 + (board.options.choice is not None)
    version = tag("span", record["modelVersion"], class_="bo-version")
    cells = [
        _td(class_="bo-place", colspan=before if before > 1 else None),
        _td(name, " ", version, *said, class_="bo-model"),
        _td(state_badge(record["status"]), class_="bo-score"),
        _td(_why_failed(record["error"]), class_="bo-why", colspan=width - before - 2),
    ]
    return tag("tr", *cells, role="row")


def _why_failed(error: Mapping[str, Any] | None) -> Markup:
    """What was raised, where, and what to do. `error`: its record, None for what was cancelled."""
    if error is None:
        return tag("span", "stopped before it had a result", class_="bo-quiet")
    message = " ".join(error["message"].split()).rstrip(".")
    if len(message) > _LONGEST_MESSAGE:
        message = f"{message[:_LONGEST_MESSAGE]}…"
    hint = tag("span", f" {error['hint']}", class_="bo-quiet") if error["hint"] else None
    return joined_markup([tag("strong", error["type"]), f" in {error['phase']}: {message}.", hint])


def _legend(board: _Board) -> Markup:
    items: list[Child] = []
    if any(board.metric in row["intervals"] for row in board.rows):
        items += interval_key()
    if board.scale.reference is not None and board.against is not None:
        items.append(reference_key(_short_reference(board.against)))
    if board.verdict is not None and board.options.by_band:
        items.append(
            tag("li", "One band: not told apart by a paired comparison. Intervals that overlap are no test.")
        )
    if any(board.metric in row["restsOn"] for row in board.rows):
        items.append(tag("li", "* rests on few rows"))
    return tag("ul", *items, class_="bo-legend") if items else Markup("")
