"""How much a candidate relies on each column, as a table with bars and as CSV."""

import csv
import io
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from bakeoff.cli.output.number_format import decimals, fixed, plain
from bakeoff.cli.output.terminal import clean
from bakeoff.domain.runs.column_importance import ColumnImportance, Importance
from bakeoff.domain.runs.result import Result
from bakeoff.domain.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

_ON_A_PAGE = 30
_BAR = 30
_PARTS = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"


def importance_table(
    result: Result, importance: Importance, *, top: int | None = None
) -> "list[RenderableType]":
    """`top`: so many columns; None: as many as fit on a page."""
    shown = importance.columns[: top or _ON_A_PAGE]
    places = decimals([one.loss for one in shown])
    widest = max((one.loss for one in shown), default=0.0)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("column", f"{clean(importance.metric)} lost", "\N{PLUS-MINUS SIGN}", ""):
        table.add_column(
            name, justify="left" if name in {"column", ""} else "right", no_wrap=name != "column"
        )
    for one in shown:
        spread = "" if one.spread is None else fixed(one.spread, places)
        table.add_row(clean(one.column), fixed(one.loss, places), Text(spread, "dim"), _bar(one, widest))
    parts: list[RenderableType] = [Text(), _title(result, importance), Text(), table]
    left = len(importance.columns) - len(shown)
    if left:
        parts.append(
            Text(f"and {counted(left, 'column')} that matter less: --top N or --json shows them", "dim")
        )
    if importance.missing:
        parts.append(Text(f"no time was left for {counted(len(importance.missing), 'column')}", "yellow"))
    return parts


def to_csv(importance: Importance) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["column", "loss", "spread", "times"])
    for one in importance.columns:
        writer.writerow([one.column, one.loss, "" if one.spread is None else one.spread, one.times])
    return written.getvalue()


def _title(result: Result, importance: Importance) -> Text:
    times = max((one.times for one in importance.columns), default=0)
    rows = f"{importance.rows:,} test rows"
    where = (
        f" on {rows}" if importance.fits == 1 else f", the mean of {importance.fits} fits with {rows} each"
    )
    said = (
        f": {clean(importance.metric)} {plain(importance.score)}{where}; what it "
        f"loses when a column is shuffled, {counted(times, 'time')}"
    )
    return Text.assemble((clean(result.model_id), "bold"), said)


def _bar(one: ColumnImportance, widest: float) -> Text:
    if widest <= 0 or one.loss <= 0:
        return Text()
    eighths = round(8 * _BAR * one.loss / widest)
    return Text("\u2588" * (eighths // 8) + _PARTS[eighths % 8].strip(), "cyan")
