"""The leaderboard as a table on a terminal: metrics and costs of each candidate.

The metric that ranks comes first. Columns for which there is no room are left out, and named below.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from bakeoff.cli.output.number_format import decimals, fixed
from bakeoff.cli.output.runs.metric_details import chosen_parameters
from bakeoff.cli.output.runs.verdict_view import STANDING_STYLES, interval_texts, place_of, whiskers
from bakeoff.cli.output.width_fitting_table import ALWAYS, FittingColumn, cut, fitting, left_out, table_of
from bakeoff.domain.finding import FAILED_CHECKS
from bakeoff.domain.metric_names_and_scoring_rules import short_name
from bakeoff.domain.runs.collapsed_grids import FoldedBoard, fold
from bakeoff.domain.runs.verdict import Standing
from bakeoff.domain.wording import counted
from bakeoff.evaluation.reports.leaderboard import LeaderboardRow
from bakeoff.operations.runs.run_report import RunReport, report_record

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_SHORTEST_NAME = 16
_SHORTEST_NOTE = 24  #: characters; longer notes go on in the next line where there is no room
_DIM = "dim"


def leaderboard(
    report: RunReport, console: "Console", *, top: int | None = None, members: bool = False
) -> "list[RenderableType]":
    """The table, and below it notes on what is not shown. `top`: how many candidates are shown at most.

    Of a grid only the best member is shown, and the one to take, unless `members` asks for all.
    """
    folded = None if members else _folded(report)
    if folded is not None:
        unfolded = {row["modelId"] for row in folded.rows}
        report = replace(report, standings=[s for s in report.standings if s.result.model_id in unfolded])
    shown = report.standings[:top]
    if not shown:
        return []
    notes = {row["modelId"]: folded.note_on(row) for row in folded.rows} if folded else {}
    columns = _columns(report, shown, notes, longest_name=max(_SHORTEST_NAME, console.width // 3))
    kept = fitting(columns, console.width)
    return [
        table_of(kept, console.width),
        *_notes_without_room(columns, kept, shown),
        *_closing(report, len(shown), is_folded=folded is not None),
        *left_out(columns, kept, elsewhere="--format csv"),
    ]


def stopped_table(report: RunReport, console: "Console", *, top: int | None = None) -> "list[RenderableType]":
    """Below the leaderboard, whom the race has stopped: their scores are means of fewer folds."""
    shown = report.stopped[:top]
    if not shown:
        return []
    metric = report.metrics[0]
    values = [one.metrics.get(metric) for one in shown]
    columns = [
        FittingColumn(
            name="stopped",
            cells=[cut(Text(one.job.candidate.id, _DIM), console.width // 3) for one in shown],
            justify="left",
            keep=ALWAYS,
        ),
        FittingColumn(name="after", cells=[Text(one.after, _DIM) for one in shown], keep=ALWAYS),
        FittingColumn(
            name=short_name(metric),
            cells=[Text(fixed(value, decimals(values)), _DIM) for value in values],
            keep=ALWAYS,
        ),
        FittingColumn(
            name="behind",
            cells=[Text(one.look.leader or "", _DIM) for one in shown],
            justify="left",
            keep=3,
        ),
        FittingColumn(
            name="p",
            cells=[Text(f"{one.look.p_values[one.job.candidate.id]:.2g}", _DIM) for one in shown],
            keep=2,
        ),
    ]
    hidden = len(report.stopped) - len(shown)
    more = [Text(f"… and {hidden:,} more that were stopped", _DIM)] if hidden else []
    return [Text(), table_of(fitting(columns, console.width), console.width), *more]


def _folded(report: RunReport) -> FoldedBoard | None:
    """None where no member of a grid is left out."""
    record = report_record(report)
    folded = fold(
        record["leaderboard"], record["failed"], keep=[report.verdict.recommended if report.verdict else None]
    )
    return folded if len(folded.rows) < len(report.standings) else None


def _columns(
    report: RunReport, shown: Sequence[LeaderboardRow], notes: Mapping[str, str], *, longest_name: int
) -> list[FittingColumn]:
    """`notes`: on those that stand for the other members of a grid, by id."""
    first, *others = report.metrics
    return [
        FittingColumn(name="#", cells=_bands(shown, report), keep=ALWAYS),
        FittingColumn(name="model", cells=_names(shown, report, longest_name), justify="left", keep=ALWAYS),
        FittingColumn(name="version", cells=_versions(shown, longest_name), justify="left", keep=3),
        FittingColumn(
            name=short_name(first), cells=_values(first, shown, report), keep=ALWAYS, style="bold underline"
        ),
        *_certainty(first, shown, report),
        *(
            FittingColumn(name=short_name(name), cells=_values(name, shown, report), keep=50 - 2 * place)
            for place, name in enumerate(others)
        ),
        _cost("fit", "s", shown, lambda s: s.result.cost.fit_s, keep=4),
        _cost("CPU", "s", shown, lambda s: s.result.cost.cpu_s, keep=2),
        _cost("memory", "MB", shown, lambda s: s.result.cost.peak_memory_mb, keep=1),
        *_notes(shown, report, notes),
    ]


def _bands(shown: Sequence[LeaderboardRow], report: RunReport) -> list[Text]:
    return [Text(place_of(s.result.model_id, s.rank, report.verdict), _DIM) for s in shown]


def _certainty(metric: str, shown: Sequence[LeaderboardRow], report: RunReport) -> list[FittingColumn]:
    intervals = [s.result.intervals.get(metric) for s in shown]
    if not any(intervals):
        return []
    aside = [s.result.model_id == report.run.baseline_id or s.beats_baseline is False for s in shown]
    drawn = whiskers([s.result.metrics.get(metric) for s in shown], intervals, aside=aside)
    return [
        FittingColumn(name="95 %", cells=interval_texts(intervals), keep=70),
        FittingColumn(name="", cells=drawn, justify="left", keep=49),
    ]


def _names(shown: Sequence[LeaderboardRow], report: RunReport, longest: int) -> list[Text]:
    return [cut(Text(s.result.model_id, _style(s, report)), longest) for s in shown]


def _style(standing: LeaderboardRow, report: RunReport) -> str:
    if standing.result.model_id == report.run.baseline_id:
        return _DIM
    if report.verdict is None:
        return ""
    return STANDING_STYLES[report.verdict.standings.get(standing.result.model_id, Standing.INSUFFICIENT)]


def _versions(shown: Sequence[LeaderboardRow], longest: int) -> list[Text]:
    return [cut(Text(s.result.model_version, _DIM), longest // 2) for s in shown]


def _values(metric: str, shown: Sequence[LeaderboardRow], report: RunReport) -> list[Text]:
    values = [s.result.metrics.get(metric) for s in shown]
    places = decimals(values)
    emphasis = "bold" if metric == report.metrics[0] else ""
    return [Text(fixed(value, places), emphasis) for value in values]


def _cost(
    name: str,
    unit: str,
    shown: Sequence[LeaderboardRow],
    value: Callable[[LeaderboardRow], float],
    *,
    keep: int,
) -> FittingColumn:
    values = [value(standing) for standing in shown]
    places = max(0, decimals(values) - (2 if unit == "s" else 4))
    cells = [Text(f"{number:,.{places}f}", _DIM) for number in values]
    return FittingColumn(name=name, unit=unit, cells=cells, keep=keep)


def _notes(
    shown: Sequence[LeaderboardRow], report: RunReport, notes: Mapping[str, str]
) -> list[FittingColumn]:
    cells = [_note(one, report, notes.get(one.result.model_id, "")) for one in shown]
    column = FittingColumn(name="", cells=cells, justify="left", keep=60, least=_SHORTEST_NOTE, wraps=True)
    return [column] if any(cells) else []


def _notes_without_room(
    columns: Sequence[FittingColumn], kept: Sequence[FittingColumn], shown: Sequence[LeaderboardRow]
) -> list[Text]:
    """Who is to be taken is told in any terminal: the notes follow the table that has no room for them."""
    return [
        Text.assemble((f"{one.result.model_id}: ", _DIM), note)
        for column in columns
        if column.wraps and column not in kept
        for one, note in zip(shown, column.cells, strict=True)
        if note
    ]


def _note(standing: LeaderboardRow, report: RunReport, of_family: str) -> Text:
    if standing.result.model_id == report.run.baseline_id:
        return Text("baseline, reused" if standing.result.reused_from else "baseline", "dim italic")
    said = []
    take_it = report.verdict is not None and report.verdict.recommended == standing.result.model_id
    if take_it:
        said.append("take this one")
    not_better = standing.beats_baseline is False
    if standing.baseline_mark:
        said.append(standing.baseline_mark)
    if of_family:
        said.append(of_family)
    if searches := standing.result.details.get("tuning"):
        said.append("tuned in each fit" if searches[1:] else f"tuned: {chosen_parameters(searches[0])}")
    warnings = standing.result.details.get("warnings")
    if warnings:
        said.append(counted(len(warnings), "warning"))
    if standing.result.details.get("deterministic") is False:
        said.append("not deterministic")
    if report.verdict is not None and FAILED_CHECKS in report.verdict.findings_on(standing.result.model_id):
        said.append("fails checks")
    if standing.result.reused_from:
        said.append("reused")
    return Text(", ".join(said), "yellow" if not_better or warnings else "bold cyan" if take_it else _DIM)


def _closing(report: RunReport, shown: int, *, is_folded: bool) -> list[Text]:
    said = []
    hidden = len(report.standings) - shown
    if hidden:
        said.append(
            f"{counted(hidden, 'more candidate')} below these: --top {len(report.standings)} shows all"
        )
    if is_folded:
        said.append("of a grid the best member is shown: --members shows all")
    first = report.metrics[0]
    if report.run.signals is None and first != report.run.rules.metrics[0]:
        said.append(f"ordered by {first}: the verdict of this run is by {report.run.rules.metrics[0]}")
    if any((one := s.result.intervals.get(first)) and one.rests_on is not None for s in report.standings):
        said.append("* rests on few rows: read the interval with care (--details MODEL says how many)")
    return [Text(line, _DIM) for line in said]
