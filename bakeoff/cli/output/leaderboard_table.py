"""The leaderboard as a table: the metric that ranks first, then cost, as far as there is room."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.table import Table
from rich.text import Text

from bakeoff.cli.output.number_format import decimals, fixed
from bakeoff.domain.metric import greater_is_better
from bakeoff.domain.wording import counted
from bakeoff.evaluation.reports.leaderboard import LeaderboardRow
from bakeoff.operations.run_report import RunReport

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_GAP = 2
_ALWAYS = 99
_SHORTEST_NAME = 16
_BEST = "green"
_DIM = "dim"


@dataclass(frozen=True, kw_only=True)
class _Column:
    name: str
    unit: str = ""
    cells: Sequence[Text]
    justify: Literal["left", "right"] = "right"
    keep: int  #: when there is no room for all, the column with the lowest number goes first
    style: str = ""

    @property
    def header(self) -> Text:
        return Text.assemble((self.name, f"bold {self.style}"), (f" {self.unit}" if self.unit else "", _DIM))

    @property
    def width(self) -> int:
        return max(self.header.cell_len, *(cell.cell_len for cell in self.cells)) + _GAP


def leaderboard(report: RunReport, console: "Console", *, top: int | None = None) -> "list[RenderableType]":
    """The table, and below it what it does not show."""
    shown = report.standings[:top]
    if not shown:
        return []
    columns = _columns(report, shown, longest_name=max(_SHORTEST_NAME, console.width // 3))
    fitting = _fit(columns, console.width)
    return [_table(fitting), *_closing(report, len(shown), [c.name for c in columns if c not in fitting])]


def _columns(report: RunReport, shown: Sequence[LeaderboardRow], *, longest_name: int) -> list[_Column]:
    first, *others = report.metrics
    return [
        _Column(name="#", cells=[Text(str(s.rank), _DIM) for s in shown], keep=_ALWAYS),
        _Column(name="model", cells=_names(shown, report, longest_name), justify="left", keep=_ALWAYS),
        _Column(name="version", cells=_versions(shown, longest_name), justify="left", keep=3),
        _Column(name=_short(first), cells=_values(first, shown, report), keep=_ALWAYS, style="underline"),
        *(
            _Column(name=_short(name), cells=_values(name, shown, report), keep=50 - place)
            for place, name in enumerate(others)
        ),
        _cost("fit", "s", shown, lambda s: s.result.cost.fit_s, keep=4),
        _cost("CPU", "s", shown, lambda s: s.result.cost.cpu_s, keep=2),
        _cost("memory", "MB", shown, lambda s: s.result.cost.peak_memory_mb, keep=1),
        *_notes(shown, report),
    ]


def _short(metric: str) -> str:
    """A metric of somebody's own goes by the name of its function."""
    return metric.rpartition(":")[2]


def _names(shown: Sequence[LeaderboardRow], report: RunReport, longest: int) -> list[Text]:
    return [_cut(Text(s.result.model_id, _style(s, report)), longest) for s in shown]


def _style(standing: LeaderboardRow, report: RunReport) -> str:
    if standing.result.model_id == report.run.baseline_id:
        return _DIM
    return "bold" if standing.rank == 1 else ""


def _versions(shown: Sequence[LeaderboardRow], longest: int) -> list[Text]:
    return [_cut(Text(s.result.model_version, _DIM), longest // 2) for s in shown]


def _cut(text: Text, longest: int) -> Text:
    text.truncate(longest, overflow="ellipsis")
    return text


def _values(metric: str, shown: Sequence[LeaderboardRow], report: RunReport) -> list[Text]:
    values = [s.result.metrics.get(metric) for s in shown]
    places = decimals(values)
    known = [value for s in report.standings if (value := s.result.metrics.get(metric)) is not None]
    best = (max if greater_is_better(metric) else min)(known, default=None)
    emphasis = "bold" if metric == report.metrics[0] else ""
    return [
        Text(fixed(value, places), f"{emphasis} {_BEST}" if value is not None and value == best else emphasis)
        for value in values
    ]


def _cost(
    name: str,
    unit: str,
    shown: Sequence[LeaderboardRow],
    value: Callable[[LeaderboardRow], float],
    *,
    keep: int,
) -> _Column:
    values = [value(standing) for standing in shown]
    places = max(0, decimals(values) - (2 if unit == "s" else 4))
    cells = [Text(f"{number:,.{places}f}", _DIM) for number in values]
    return _Column(name=name, unit=unit, cells=cells, keep=keep)


def _notes(shown: Sequence[LeaderboardRow], report: RunReport) -> list[_Column]:
    cells = [_note(standing, report) for standing in shown]
    return [_Column(name="", cells=cells, justify="left", keep=60)] if any(cells) else []


def _note(standing: LeaderboardRow, report: RunReport) -> Text:
    if standing.result.model_id == report.run.baseline_id:
        return Text("baseline, reused" if standing.result.reused_from else "baseline", "dim italic")
    said = ["not better"] if standing.beats_baseline is False else []
    warnings = standing.result.details.get("warnings")
    if warnings:
        said.append(counted(len(warnings), "warning"))
    if standing.result.details.get("deterministic") is False:
        said.append("not deterministic")
    if standing.result.reused_from:
        said.append("reused")
    return Text(", ".join(said), "yellow" if standing.beats_baseline is False or warnings else _DIM)


def _fit(columns: list[_Column], width: int) -> list[_Column]:
    while sum(column.width for column in columns) - _GAP > width:
        least = min(columns, key=lambda column: column.keep)
        if least.keep == _ALWAYS:
            break
        columns = [column for column in columns if column is not least]
    return columns


def _table(columns: Sequence[_Column]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="")
    for column in columns:
        table.add_column(column.header, justify=column.justify, no_wrap=True, overflow="ellipsis")
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _closing(report: RunReport, shown: int, dropped: Sequence[str]) -> list[Text]:
    said = []
    hidden = len(report.standings) - shown
    if hidden:
        said.append(
            f"{counted(hidden, 'more candidate')} below these: --top {len(report.standings)} shows all"
        )
    if names := [name for name in dropped if name]:
        said.append(f"no room for {', '.join(names)} (--format csv has them)")
    return [Text(line, _DIM) for line in said]
