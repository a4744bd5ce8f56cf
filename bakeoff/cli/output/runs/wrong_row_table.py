"""The test rows in which a candidate was wrong, as a table and as CSV."""

import csv
import io
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from bakeoff.cli.output.number_format import fixed, plain
from bakeoff.cli.output.terminal import clean
from bakeoff.operations.comparing.wrong_rows import WrongRow, WrongRows

if TYPE_CHECKING:
    from rich.console import RenderableType

ON_A_PAGE = 20
_GAP = 2


def wrong_row_table(found: WrongRows) -> "list[RenderableType]":
    parts: list[RenderableType] = [_title(found)]
    if found.items:
        parts += [Text(), _table(found)]
    if found.following is not None:
        left = found.wrong - found.following
        parts.append(Text(f"and {left:,} more: --offset {found.following} shows the next ones", "dim"))
    return parts


def to_csv(found: WrongRows) -> str:
    """A column for each feature, after those of the prediction; what is missing is empty."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    names = list(found.items[0].features) if found.items else []
    writer.writerow(["row", "fold", "true", "predicted", "probability", "error", *names])
    for item in found.items:
        values = (item.row, item.fold, item.true, item.predicted, item.probability, item.error)
        writer.writerow([*values, *item.features.values()])
    return written.getvalue()


def _title(found: WrongRows) -> Text:
    name = (clean(found.result.name), "bold")
    of_run = f" of run {clean(found.result.run.title)}"
    if found.is_of_numbers:
        return Text.assemble(name, f"{of_run}: {found.tested:,} test rows, the most wrong first")
    return Text.assemble(name, f"{of_run}: wrong in {found.wrong:,} of {found.tested:,} test rows")


def _table(found: WrongRows) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    folds = any(item.fold is not None for item in found.items)
    sure = any(item.probability is not None for item in found.items)
    heads = ["row", *(["fold"] if folds else []), "true", "predicted"]
    heads += ["error"] if found.is_of_numbers else ["probability"] if sure else []
    for head in heads:
        table.add_column(head, justify="right" if head != "predicted" else "left", no_wrap=True)
    table.add_column("features", overflow="ellipsis", no_wrap=True)
    for item in found.items:
        cells = [f"{item.row:,}", *([str(item.fold)] if folds else []), _text(item.true)]
        cells.append(_text(item.predicted))
        if found.is_of_numbers:
            cells.append(_text(item.error))
        elif sure:
            cells.append("" if item.probability is None else fixed(item.probability, 2))
        table.add_row(*cells, Text(_features(item), "dim"))
    return table


def _features(item: WrongRow) -> str:
    return ", ".join(f"{clean(name)} {_text(value)}" for name, value in item.features.items())


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return plain(value) if isinstance(value, float) else clean(str(value))
